//! Uses of limited passes that are owed: of every guest's command that is known not to have
//! opened, until no record can give it a use any more.

use std::collections::HashMap;

use domain::commands::{Command, KEY_WINDOW, LEEWAY};
use domain::vocabulary::{ActorKind, Outcome};
use domain::{CommandId, PassId};
use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use service::trace::TraceContext;

use super::partition::AT_ONCE;
use crate::fold::Tails;
use crate::uses::{Unused, Uses};

/// What one partition owes.
#[derive(Default)]
pub(super) struct Owed(HashMap<CommandId, Debt>);

struct Debt {
    unused: Unused,
    key_time: Timestamp,
    expires_at: Timestamp,
    offset: u64,
}

impl Owed {
    /// Folds a completion that took effect.
    pub(super) fn fold(&mut self, id: CommandId, command: &Command) {
        let unopened = matches!(
            command.outcome(),
            Some(Outcome::Rejected | Outcome::NotExecuted)
        );
        let (ActorKind::Guest, Some(pass), true) = (command.actor.0, command.actor.1, unopened)
        else {
            return;
        };
        let debt = Debt {
            unused: Unused {
                command: id,
                pass: PassId(pass),
                complex: command.complex.clone(),
                device: command.device.clone(),
            },
            key_time: command.key_time,
            expires_at: command.expires_at,
            offset: command.position.offset,
        };
        self.0.insert(id, debt);
    }

    /// Gives back what is held `after` its command expired: until then that is left to its winner.
    /// Lets go of commands that can't be given a use any more: a record that would give one is
    /// void by now, and all that aren't have been folded.
    pub(super) async fn settle(
        &mut self,
        uses: &Uses,
        tails: &Tails,
        now: Timestamp,
        after: SignedDuration,
    ) {
        let due = self
            .0
            .values()
            .filter(|debt| now.duration_since(debt.expires_at) >= after)
            .filter(|debt| uses.is_held(&debt.unused))
            .take(AT_ONCE);
        let returns = due.map(|debt| async {
            uses.give_back(&debt.unused, &TraceContext::root()).await;
        });
        join_all(returns).await;
        if tails.knows_registry() {
            self.forget(now, |unused| uses.is_held(unused));
        }
    }

    fn forget(&mut self, now: Timestamp, is_held: impl Fn(&Unused) -> bool) {
        let horizon = now - KEY_WINDOW - LEEWAY - LEEWAY;
        self.0
            .retain(|_, debt| debt.key_time >= horizon || is_held(&debt.unused));
    }

    /// The lowest offset of a decision whose use is owed: nothing from there on is committed.
    pub(super) fn lowest(&self) -> Option<u64> {
        self.0.values().map(|debt| debt.offset).min()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use domain::EventId;
    use domain::commands::Completion;
    use domain::event::LogPosition;
    use domain::vocabulary::{Operation, Reason, Verdict};
    use uuid::Uuid;

    use super::*;
    use crate::act;

    const COMMAND: CommandId = CommandId(Uuid::from_u128(1));

    fn key_time() -> Timestamp {
        "2026-11-24T12:00:00Z".parse().unwrap()
    }

    fn command(actor: ActorKind, outcome: Outcome) -> Command {
        let completed = domain::event::CommandCompleted {
            outcome,
            ..act::completed(COMMAND)
        };
        Command {
            winner: EventId(Uuid::from_u128(2)),
            position: LogPosition {
                partition: 0,
                offset: 7,
            },
            complex: "sunrise".parse().unwrap(),
            device: "sunrise.gate".parse().unwrap(),
            actor: (actor, Some(Uuid::from_u128(3))),
            caller: "bff".to_owned(),
            request_digest: [0; 32],
            operation: Operation::OpenBarrier,
            verdict: Verdict::Allow,
            reason: Reason::Granted,
            partner: None,
            decided_at: key_time(),
            expires_at: key_time(),
            key_time: key_time(),
            completion: Some(Completion {
                completed,
                at: key_time(),
            }),
        }
    }

    #[test]
    fn owed_is_what_a_guest_did_not_open() {
        for (actor, outcome, owes) in [
            (ActorKind::Guest, Outcome::Rejected, true),
            (ActorKind::Guest, Outcome::NotExecuted, true),
            (ActorKind::Guest, Outcome::Unknown, false),
            (ActorKind::Guest, Outcome::Executed, false),
            (ActorKind::Owner, Outcome::Rejected, false),
        ] {
            let mut owed = Owed::default();
            owed.fold(COMMAND, &command(actor, outcome));
            assert_eq!(owed.lowest(), owes.then_some(7), "{actor} {outcome}");
        }
    }

    #[test]
    fn it_is_watched_until_no_use_can_come_any_more_and_none_is_held() {
        let mut owed = Owed::default();
        owed.fold(COMMAND, &command(ActorKind::Guest, Outcome::NotExecuted));
        let last = key_time() + KEY_WINDOW + LEEWAY + LEEWAY;
        owed.forget(last, |_| false);
        assert!(owed.lowest().is_some(), "a late record may still count");
        let over = last + SignedDuration::from_millis(1);
        owed.forget(over, |_| true);
        assert!(owed.lowest().is_some(), "its use is still held");
        owed.forget(over, |_| false);
        assert_eq!(owed.lowest(), None);
    }
}
