//! One state: the log, who has read it how far, and what is on its way.

use domain::vocabulary::{Outcome, Verdict};

use crate::scenario::{Phase, Scenario};

/// A record of the log. What it means is for the domain's fold to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Record {
    /// `AccessDecided`.
    Decided {
        /// The request that it answers; stands for the event id.
        request: u8,
        /// Allowed or denied.
        verdict: Verdict,
        /// What the deciding clock showed.
        at: Phase,
        /// The command is not to be carried out after this phase.
        expires: Phase,
        /// When it was appended, by the log's clock.
        appended: Phase,
    },
    /// `CommandCompleted`.
    Completed {
        /// The command.
        command: u8,
        /// What is known to have happened.
        outcome: Outcome,
        /// Written by the reconciler.
        reconciled: bool,
        /// When it was appended, by the log's clock.
        appended: Phase,
    },
}

impl Record {
    /// When it was appended.
    pub fn appended(self) -> Phase {
        match self {
            Record::Decided { appended, .. } | Record::Completed { appended, .. } => appended,
        }
    }
}

/// A record about a use of the pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Use {
    /// `PassUseConsumed`.
    Consumed {
        /// For which command.
        command: u8,
        /// When it was appended, by the log's clock.
        appended: Phase,
    },
    /// `PassUseReturned`.
    Returned {
        /// For which command.
        command: u8,
    },
}

/// What a caller was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Told {
    /// UNAVAILABLE: the append failed or its result is unknown.
    Unavailable,
    /// A denial that rules.
    Denied,
    /// COMMAND_EXPIRED: nothing is said about what may have happened earlier.
    Refused,
    /// The outcome.
    Outcome(Outcome),
}

/// Where the task of a request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Not asked yet.
    Idle,
    /// Decided, not appended.
    Decided {
        /// How.
        verdict: Verdict,
        /// What the clock showed.
        at: Phase,
    },
    /// Appended; waits for its record to come back.
    Appended {
        /// What the clock showed when it was decided.
        at: Phase,
    },
    /// Won its claim; is to ask for a use of the pass.
    NeedsUse,
    /// Has asked for a use; waits for that record to come back.
    AskedForUse,
    /// May call the partner.
    Won,
    /// Has called the partner.
    Waiting,
    /// Has no answer that says anything.
    Doubt,
    /// Knows what to record.
    Completing(Outcome),
    /// Has recorded and answered; gives the use of the pass back.
    GivingBack(Outcome),
    /// Waits for what became of the winner's.
    Following,
    /// Its caller has been answered.
    Done(Told),
    /// Its process crashed.
    Dead,
}

/// The task of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Task {
    /// Where it stands.
    pub stage: Stage,
    /// The phase in which it was asked, and at whose end it expires.
    pub expires: Phase,
    /// Copies of its open that are on the way to the partner.
    pub flights: u8,
    /// A record whose append timed out and which may still be written.
    pub pending: Option<(Verdict, Phase)>,
    /// A request for a use whose append timed out and which may still be written.
    pub pending_use: bool,
    /// Its caller has been told UNAVAILABLE.
    pub unavailable: bool,
}

/// What the partner knows of a command id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Known {
    /// Nothing.
    Unseen,
    /// Queued: the fence can still forbid it.
    Accepted {
        /// Expires at the end of this phase.
        expires: Phase,
    },
    /// Beyond the point of no return.
    Actuating,
    /// It opened.
    Executed,
    /// The device said no.
    Rejected,
    /// Refused as expired.
    Refused,
    /// Forbidden by the fence.
    Forbidden,
}

/// A command at the partner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AtPartner {
    /// What it knows.
    pub known: Known,
    /// How often it opened the device: what really happened.
    pub openings: u8,
}

/// A partition as a reconciler owns it, or believes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Owned {
    /// The committed offset that it began at.
    pub start: u8,
    /// A command and what the fence said, not recorded yet.
    pub pending: Option<(u8, Outcome)>,
}

/// A running command-svc.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Instance {
    /// The first record that its fold holds.
    pub start: u8,
    /// The first that it has not read.
    pub tail: u8,
    /// The first record about uses that it has not read.
    pub uses_read: u8,
    /// It has read the revocation.
    pub knows_revocation: bool,
    /// Its reconciler, while it owns the partition.
    pub owned: Option<Owned>,
}

/// How much may still go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Budget {
    /// Messages, appends and answers.
    pub faults: u8,
    /// Crashes.
    pub crashes: u8,
    /// Hand-overs.
    pub hand_overs: u8,
    /// The day without anything running.
    pub outage: bool,
}

/// One state.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    /// What time it is.
    pub phase: Phase,
    /// The complex's records, in order.
    pub log: Vec<Record>,
    /// The registry's records about uses of the pass, in order.
    pub uses: Vec<Use>,
    /// One task a request.
    pub tasks: Vec<Task>,
    /// The partner, a command each.
    pub partner: Vec<AtPartner>,
    /// Two of command-svc.
    pub instances: [Instance; 2],
    /// The consumer group's owner of the partition.
    pub owner: Option<u8>,
    /// The group's committed offset.
    pub committed: u8,
    /// When the grant was revoked.
    pub revoked: Option<Phase>,
    /// What may still go wrong.
    pub budget: Budget,
}

impl State {
    /// Before anything happened.
    pub(crate) fn initial(scenario: &Scenario) -> Self {
        let task = Task {
            stage: Stage::Idle,
            expires: 0,
            flights: 0,
            pending: None,
            pending_use: false,
            unavailable: false,
        };
        let unseen = AtPartner {
            known: Known::Unseen,
            openings: 0,
        };
        let instance = Instance {
            start: 0,
            tail: 0,
            uses_read: 0,
            knows_revocation: false,
            owned: None,
        };
        // The group has long been formed.
        let first = Instance {
            owned: Some(Owned {
                start: 0,
                pending: None,
            }),
            ..instance
        };
        Self {
            phase: 0,
            log: Vec::new(),
            tasks: vec![task; scenario.requests.len()],
            partner: vec![unseen; usize::from(scenario.commands())],
            uses: Vec::new(),
            instances: [first, instance],
            owner: Some(0),
            committed: 0,
            revoked: None,
            budget: Budget {
                faults: scenario.faults,
                crashes: scenario.crashes,
                hand_overs: scenario.hand_overs,
                outage: scenario.outage,
            },
        }
    }

    /// Where the next record will stand.
    pub fn end(&self) -> u8 {
        u8::try_from(self.log.len()).unwrap_or(u8::MAX)
    }

    /// The task of a request.
    pub(crate) fn task(&mut self, request: u8) -> &mut Task {
        &mut self.tasks[usize::from(request)]
    }

    /// An instance.
    pub(crate) fn instance(&mut self, instance: u8) -> &mut Instance {
        &mut self.instances[usize::from(instance)]
    }
}
