//! What the partner's own access events say of open commands: it brings one to an end whose answer
//! stays away.

use std::collections::HashMap;

use domain::CommandId;
use domain::commands::{Command, Commands};
use domain::event::{AccessObserved, Event};
use domain::vocabulary::{Method, Observation, Outcome};

/// By command, what the first event in log order says.
#[derive(Default)]
pub(super) struct Reports(HashMap<CommandId, Report>);

struct Report {
    outcome: Outcome,
    /// A completion that says so is in the log, though it may not have been read back.
    recorded: bool,
}

impl Reports {
    /// Folds an event. True: it says what became of an open command, which stood before it.
    pub(super) fn fold(
        &mut self,
        commands: &Commands,
        event: &Event,
        observed: &AccessObserved,
    ) -> bool {
        let Some(id) = observed.command else {
            return false;
        };
        let open = commands.get(id).filter(|command| command.is_open());
        let Some(outcome) = open.and_then(|command| said(command, event, observed)) else {
            return false;
        };
        let recorded = false;
        let new = !self.0.contains_key(&id);
        self.0.entry(id).or_insert(Report { outcome, recorded });
        new
    }

    /// What the partner's event says of a command.
    pub(super) fn outcome(&self, id: CommandId) -> Option<Outcome> {
        self.0.get(&id).map(|report| report.outcome)
    }

    /// Whether there is such an event.
    pub(super) fn has(&self, id: CommandId) -> bool {
        self.0.contains_key(&id)
    }

    /// A completion that says so is in the log: no second one is needed.
    pub(super) fn recorded(&mut self, id: CommandId) {
        if let Some(report) = self.0.get_mut(&id) {
            report.recorded = true;
        }
    }

    /// Whether one is.
    pub(super) fn is_recorded(&self, id: CommandId) -> bool {
        self.0.get(&id).is_some_and(|report| report.recorded)
    }

    /// Forgets the others.
    pub(super) fn retain(&mut self, keep: impl Fn(CommandId) -> bool) {
        self.0.retain(|id, _| keep(*id));
    }
}

/// What an event says of a command: only where it is a remote one, of the same complex and device,
/// by the partner that the command went to.
fn said(command: &Command, event: &Event, observed: &AccessObserved) -> Option<Outcome> {
    let about = observed.method == Some(Method::Remote)
        && event.complex == command.complex
        && event.device.as_ref() == Some(&command.device)
        && command.partner.as_ref() == Some(&observed.partner);
    match observed.observation {
        Observation::Granted if about => Some(Outcome::Executed),
        Observation::Denied if about => Some(Outcome::Rejected),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use domain::EventId;
    use domain::event::{Actor, Body, CommandCompleted, DeviceSequence, LogPosition};
    use domain::vocabulary::{ActorKind, Resolution};
    use jiff::{SignedDuration, Timestamp};
    use uuid::Uuid;

    use super::super::partition::Owned;
    use super::super::partition::tests::{owned, start};
    use super::*;
    use crate::act;

    const COMMAND: CommandId = CommandId(Uuid::from_u128(1));
    const AFTER: SignedDuration = SignedDuration::from_secs(5);

    /// What the partner says of the command.
    fn observed(observation: Observation) -> (Event, AccessObserved) {
        let observed = AccessObserved {
            partner: "gatekeeper".parse().unwrap(),
            partner_event_id: "1".to_owned(),
            digest: [0; 32],
            observation,
            method: Some(Method::Remote),
            credential: None,
            resolution: Resolution::NotIdentified,
            registry_position: LogPosition::default(),
            command: Some(COMMAND),
            sequence: DeviceSequence::default(),
            received_at: start(),
            late: false,
        };
        let event = Event {
            id: EventId(Uuid::from_u128(9)),
            occurred_at: start(),
            complex: "sunrise".parse().unwrap(),
            device: Some("sunrise.gate".parse().unwrap()),
            actor: Actor {
                kind: ActorKind::AtDevice,
                subject: None,
                caller: "gatekeeper".to_owned(),
            },
            correlation: String::new(),
            body: Body::AccessObserved(observed.clone()),
        };
        (event, observed)
    }

    fn fold(owned: &mut Owned, (event, observed): &(Event, AccessObserved)) -> bool {
        owned.reports.fold(&owned.commands, event, observed)
    }

    fn complete(owned: &mut Owned, outcome: Outcome) {
        let completed = CommandCompleted {
            outcome,
            ..act::completed(COMMAND)
        };
        let (event, _) = observed(Observation::Granted);
        owned.commands.fold_completed(&event, &completed);
    }

    fn due(owned: &mut Owned, now: Timestamp) -> usize {
        owned.take_due(now, AFTER).len()
    }

    #[test]
    fn only_the_commands_own_partner_at_its_own_device_says_what_became_of_it() {
        type Change = fn(&mut Event, &mut AccessObserved);
        let cases: [(&str, Change); 6] = [
            ("another device", |event, _| {
                event.device = Some("sunrise.door".parse().unwrap());
            }),
            ("another complex", |event, _| {
                event.complex = "moonlight".parse().unwrap();
            }),
            ("another partner", |_, observed| {
                observed.partner = "other".parse().unwrap();
            }),
            ("not remote", |_, observed| {
                observed.method = Some(Method::Staff)
            }),
            ("another command", |_, observed| {
                observed.command = Some(CommandId(Uuid::from_u128(2)));
            }),
            ("no command", |_, observed| observed.command = None),
        ];
        for (case, change) in cases {
            let mut owned = owned(&[(1, "gatekeeper")]);
            let (mut event, mut seen) = observed(Observation::Granted);
            change(&mut event, &mut seen);
            assert!(!fold(&mut owned, &(event, seen)), "{case}");
            assert_eq!(owned.reports.outcome(COMMAND), None, "{case}");
        }
        for (observation, outcome) in [
            (Observation::Granted, Some(Outcome::Executed)),
            (Observation::Denied, Some(Outcome::Rejected)),
            (Observation::ForcedOpen, None),
            (Observation::HeldOpen, None),
        ] {
            let mut owned = owned(&[(1, "gatekeeper")]);
            assert_eq!(fold(&mut owned, &observed(observation)), outcome.is_some());
            assert_eq!(owned.reports.outcome(COMMAND), outcome, "{observation}");
        }
    }

    #[test]
    fn the_first_report_counts_and_none_of_what_is_settled() {
        let mut owned = owned(&[(1, "gatekeeper")]);
        assert!(fold(&mut owned, &observed(Observation::Denied)));
        assert!(!fold(&mut owned, &observed(Observation::Granted)));
        assert_eq!(owned.reports.outcome(COMMAND), Some(Outcome::Rejected));
        let mut settled = super::super::partition::tests::owned(&[(1, "gatekeeper")]);
        complete(&mut settled, Outcome::NotExecuted);
        assert!(!fold(&mut settled, &observed(Observation::Granted)));
    }

    #[test]
    fn it_is_recorded_once_at_once_where_the_outcome_is_unknown_else_after_expiry() {
        let mut young = owned(&[(1, "gatekeeper")]);
        fold(&mut young, &observed(Observation::Granted));
        assert_eq!(due(&mut young, start()), 0, "its winner is at work");
        assert_eq!(due(&mut young, start() + AFTER), 1);

        let mut unknown = owned(&[(1, "gatekeeper")]);
        complete(&mut unknown, Outcome::Unknown);
        assert_eq!(due(&mut unknown, start()), 0);
        fold(&mut unknown, &observed(Observation::Granted));
        assert_eq!(due(&mut unknown, start()), 1);
        unknown.reports.recorded(COMMAND);
        let later = start() + SignedDuration::from_hours(1);
        assert_eq!(due(&mut unknown, later), 0, "it only has to be read back");
    }
}
