//! The log's meaning: records of the model as events of the domain, folded by the domain.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use domain::commands::{Claim, Command, Commands};
use domain::event::{
    AccessDecided, Actor, Body, CommandCompleted, DecisionInputs, Event, LogPosition,
    RequestContext,
};
use domain::vocabulary::{ActorKind, Outcome, Reason, Verdict};
use domain::{CommandId, EventId};
use uuid::Uuid;

use crate::hash::BuildFolding;
use crate::ingredients::Ingredients;
use crate::scenario::{Request, expiry, instant, key_time};
use crate::state::Record;
use crate::world::{COMPLEX, DEVICE, OPERATION, PARTNER, SUBJECT, id};

/// A part of the log, folded.
pub(crate) struct Folded {
    /// The domain's fold.
    pub(crate) commands: Commands,
    /// What the last record's place made of it, where it is a decision.
    pub(crate) claim: Option<Claim>,
    /// UNKNOWN is taken for an end.
    unknown_ends: bool,
}

impl Folded {
    /// A command.
    pub(crate) fn command(&self, command: u8) -> Option<&Command> {
        self.commands.get(command_id(command))
    }

    /// Its effective outcome so far.
    pub(crate) fn outcome(&self, command: u8) -> Option<Outcome> {
        self.command(command)?.outcome()
    }

    /// The request whose decision rules.
    pub(crate) fn winner(&self, command: u8) -> Option<u8> {
        let winner = self.command(command)?.winner.0.as_u128();
        u8::try_from(winner).ok()?.checked_sub(1)
    }

    /// Whether it is a winning ALLOW without an end.
    pub(crate) fn is_open(&self, command: u8) -> bool {
        self.command(command).is_some_and(|command| {
            command.is_open() && !(self.unknown_ends && command.outcome().is_some())
        })
    }
}

/// What parts of the log came to.
type ByRecords = HashMap<Box<[Record]>, Rc<Folded>, BuildFolding>;

/// Folds, and remembers what it has folded.
pub(crate) struct Folds {
    requests: &'static [Request],
    ingredients: Ingredients,
    by_start: RefCell<HashMap<u8, ByRecords>>,
}

impl Folds {
    /// Nothing folded yet.
    pub(crate) fn new(requests: &'static [Request], ingredients: Ingredients) -> Self {
        Self {
            requests,
            ingredients,
            by_start: RefCell::default(),
        }
    }

    /// The records from `start` to before `end`.
    pub(crate) fn fold(&self, log: &[Record], start: u8, end: u8) -> Rc<Folded> {
        let records = &log[usize::from(start)..usize::from(end)];
        let mut by_start = self.by_start.borrow_mut();
        let folded = by_start.entry(start).or_default();
        if let Some(known) = folded.get(records) {
            return Rc::clone(known);
        }
        let new = Rc::new(self.fold_anew(records, start));
        folded.insert(records.into(), Rc::clone(&new));
        new
    }

    fn fold_anew(&self, records: &[Record], start: u8) -> Folded {
        let with = &self.ingredients;
        let mut folded = Folded {
            commands: Commands::default(),
            claim: None,
            unknown_ends: !with.unknown_provisional,
        };
        for (index, record) in records.iter().enumerate() {
            folded.claim = None;
            match *record {
                Record::Decided {
                    request, verdict, ..
                } => {
                    if verdict == Verdict::Deny && !with.denials_claim {
                        continue;
                    }
                    let decided = self.decided(*record, request, verdict);
                    let event = event(u128::from(request) + 1, &decided);
                    let Body::AccessDecided(body) = &event.body else {
                        continue;
                    };
                    let offset = u64::from(start) + index as u64;
                    let position = LogPosition {
                        partition: 0,
                        offset,
                    };
                    let append_time = if with.late_appends_void {
                        instant(record.appended())
                    } else {
                        key_time()
                    };
                    let claim = folded
                        .commands
                        .fold_decided(&event, body, position, append_time);
                    folded.claim = Some(claim);
                }
                Record::Completed {
                    command, outcome, ..
                } => {
                    let ended = folded.unknown_ends
                        && folded
                            .command(command)
                            .is_some_and(|command| command.outcome().is_some());
                    let overruled = !with.first_definite_rules
                        && records[index + 1..].iter().any(|later| {
                            matches!(later, Record::Completed { command: same, outcome, .. }
                                if *same == command && outcome.is_definite())
                        });
                    if ended || overruled {
                        continue;
                    }
                    let completed = completed(*record, command, outcome);
                    let event = event(u128::from(start) + index as u128 + 100, &completed);
                    if let Body::CommandCompleted(body) = &event.body {
                        folded.commands.fold_completed(&event, body);
                    }
                }
            }
        }
        folded
    }

    fn decided(&self, record: Record, request: u8, verdict: Verdict) -> Body {
        let (at, expires) = match record {
            Record::Decided { at, expires, .. } => (at, expires),
            Record::Completed { .. } => (0, 0),
        };
        let command = self.requests[usize::from(request)].command;
        Body::AccessDecided(AccessDecided {
            command: command_id(command),
            request_digest: [command; 32],
            operation: OPERATION,
            verdict,
            reason: match verdict {
                Verdict::Allow => Reason::Granted,
                Verdict::Deny => Reason::NoGrant,
            },
            expires_at: expiry(expires),
            key_time: key_time(),
            inputs: DecisionInputs {
                now: instant(at),
                utc_offset: 0,
                registry_position: LogPosition::default(),
                global_position: LogPosition::default(),
                access_position: LogPosition::default(),
                right: None,
                partner: Some(id(PARTNER)),
                perimeter_version: 1,
                recent_openings: Vec::new(),
                cooldown_ms: 0,
                auth_time: None,
                acr: None,
                uses_left: None,
                policy_version: domain::POLICY_VERSION,
            },
            context: RequestContext::default(),
        })
    }
}

/// The command's id on the wire.
pub(crate) fn command_id(command: u8) -> CommandId {
    CommandId(Uuid::from_u128(u128::from(command) + 1))
}

fn completed(record: Record, command: u8, outcome: Outcome) -> Body {
    Body::CommandCompleted(CommandCompleted {
        command: command_id(command),
        outcome,
        reason: match outcome {
            Outcome::Executed => Reason::PartnerExecuted,
            Outcome::Rejected => Reason::PartnerRejected,
            Outcome::NotExecuted => Reason::Fenced,
            Outcome::Unknown => Reason::PartnerSilent,
        },
        partner_code: String::new(),
        partner_ref: String::new(),
        latency_ms: 0,
        reconciled: matches!(
            record,
            Record::Completed {
                reconciled: true,
                ..
            }
        ),
        fenced: false,
        second_inputs: None,
    })
}

fn event(number: u128, body: &Body) -> Event {
    let occurred_at = match body {
        Body::AccessDecided(decided) => decided.inputs.now,
        _ => key_time(),
    };
    Event {
        id: EventId(Uuid::from_u128(number)),
        occurred_at,
        complex: id(COMPLEX),
        device: Some(id(DEVICE)),
        actor: Actor {
            kind: ActorKind::Owner,
            subject: Some(SUBJECT.0),
            caller: "bff".to_owned(),
        },
        correlation: String::new(),
        body: body.clone(),
    }
}
