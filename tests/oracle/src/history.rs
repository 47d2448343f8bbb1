//! Commands of the last minutes, and uses of passes.

use domain::commands::{Commands, KEY_WINDOW, LEEWAY};
use domain::event::{
    AccessDecided, Actor, Body, CommandCompleted, DecisionInputs, Event, LogPosition,
    PassUseConsumed, PassUseReturned, RequestContext,
};
use domain::registry::Registry;
use domain::vocabulary::{ActorKind, Operation, Outcome, Reason, Verdict};
use domain::{CommandId, ComplexId, DeviceId, EventId, PassId};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

/// A command that was decided before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Past {
    /// Its id; never two of one.
    pub command: CommandId,
    /// The device.
    pub device: DeviceId,
    /// What was decided.
    pub verdict: Verdict,
    /// When.
    pub decided_at: Timestamp,
    /// Completions in log order; the first definite one counts, else the last.
    pub outcomes: Vec<Outcome>,
}

impl Past {
    /// Whether it opened the device for all that is known.
    pub fn may_have_opened(&self) -> bool {
        let mut outcomes = self.outcomes.iter();
        let effective = outcomes.find(|outcome| **outcome != Outcome::Unknown);
        let did_not = matches!(effective, Some(Outcome::Rejected | Outcome::NotExecuted));
        self.verdict == Verdict::Allow && !did_not
    }
}

/// A command asked for a use of a pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PassUse {
    /// The pass's complex.
    pub complex: ComplexId,
    /// The pass.
    pub pass: PassId,
    /// The command; never two of one.
    pub command: CommandId,
    /// The record stands too late in the log to count.
    pub late: bool,
    /// The use, if there was one, was given back at once.
    pub returned: bool,
}

pub(crate) fn fold_uses(registry: &mut Registry, uses: &[PassUse]) {
    for used in uses {
        let consumed = PassUseConsumed {
            pass: used.pass,
            command: used.command,
            key_time: Timestamp::UNIX_EPOCH,
        };
        let late = SignedDuration::from_nanos(i64::from(used.late));
        let append_time = consumed.key_time + KEY_WINDOW + LEEWAY + late;
        registry.fold_consumed(&used.complex, &consumed, append_time);
        if used.returned {
            let (pass, command) = (used.pass, used.command);
            registry.fold_returned(&used.complex, &PassUseReturned { pass, command });
        }
    }
}

pub(crate) fn fold(history: &[Past]) -> Commands {
    let mut commands = Commands::default();
    for (index, past) in history.iter().enumerate() {
        let decided = decided(past);
        let body = Body::AccessDecided(decided.clone());
        commands.fold_decided(
            &event(index, past, body),
            &decided,
            LogPosition::default(),
            past.decided_at,
        );
        for outcome in &past.outcomes {
            let completed = completed(past.command, *outcome);
            let body = Body::CommandCompleted(completed.clone());
            commands.fold_completed(&event(index, past, body), &completed);
        }
    }
    commands
}

fn event(index: usize, past: &Past, body: Body) -> Event {
    Event {
        id: EventId(Uuid::from_u64_pair(0xe, index as u64)),
        occurred_at: past.decided_at,
        complex: past.device.complex(),
        device: Some(past.device.clone()),
        actor: Actor {
            kind: ActorKind::Owner,
            subject: None,
            caller: "bff".to_owned(),
        },
        correlation: String::new(),
        body,
    }
}

fn decided(past: &Past) -> AccessDecided {
    AccessDecided {
        command: past.command,
        request_digest: [0; 32],
        operation: Operation::OpenDoor,
        verdict: past.verdict,
        reason: match past.verdict {
            Verdict::Allow => Reason::Granted,
            Verdict::Deny => Reason::NoGrant,
        },
        expires_at: past.decided_at,
        key_time: past.decided_at,
        inputs: DecisionInputs {
            now: past.decided_at,
            utc_offset: 0,
            registry_position: LogPosition::default(),
            global_position: LogPosition::default(),
            access_position: LogPosition::default(),
            right: None,
            partner: None,
            perimeter_version: 0,
            recent_openings: Vec::new(),
            cooldown_ms: 0,
            auth_time: None,
            acr: None,
            uses_left: None,
            policy_version: domain::POLICY_VERSION,
        },
        context: RequestContext::default(),
    }
}

fn completed(command: CommandId, outcome: Outcome) -> CommandCompleted {
    CommandCompleted {
        command,
        outcome,
        reason: Reason::PartnerExecuted,
        partner_code: String::new(),
        partner_ref: String::new(),
        latency_ms: 0,
        reconciled: false,
        fenced: false,
        second_inputs: None,
    }
}
