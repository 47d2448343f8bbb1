//! The reconciler: what is due, what it may commit, what it writes. The rules are those of
//! `command-svc/src/reconcile.rs`.

use domain::commands::Command;
use domain::vocabulary::Outcome;
use jiff::SignedDuration;

use crate::actions::Asking;
use crate::check::Model;
use crate::fold::command_id;
use crate::scenario::{VOID, instant};
use crate::state::{Owned, Record, State};

/// How long after its expiry a command is left to its winner.
const AFTER: SignedDuration = SignedDuration::from_secs(3);
/// After this an UNKNOWN stays one.
const FINAL_AFTER: SignedDuration = SignedDuration::from_hours(24);

impl Model {
    /// The commands that a reconciler would fence now.
    pub(crate) fn due(&self, state: &State, instance: u8, owned: Owned) -> Vec<u8> {
        let folded = self.folds.fold(&state.log, owned.start, state.end());
        let now = instant(self.scenario.clock(instance, state.phase));
        (0..self.scenario.commands())
            .filter(|command| folded.is_open(*command))
            .filter(|command| {
                folded.command(*command).is_some_and(|command| {
                    let waited = command.expires_at + AFTER <= now || !self.with.reconciler_waits;
                    waited && (self.is_unsettled(command, now) || !self.with.reconciler_gives_up)
                })
            })
            .collect()
    }

    /// Young enough to be brought to an end.
    fn is_unsettled(&self, command: &Command, now: jiff::Timestamp) -> bool {
        now.duration_since(command.expires_at) < FINAL_AFTER
    }

    /// Asks the fence. Nothing to record where it says nothing new.
    pub(crate) fn reconcile(&self, state: &mut State, instance: u8, command: u8, how: Asking) {
        let Some(owned) = state.instances[usize::from(instance)].owned else {
            return;
        };
        let outcome = if self.with.reconciler_fences {
            self.ask(state, command, how)
        } else {
            Outcome::NotExecuted
        };
        let folded = self.folds.fold(&state.log, owned.start, state.end());
        let so_far = folded.outcome(command);
        let new = outcome.is_definite() || so_far != Some(Outcome::Unknown);
        let pending = new.then_some((command, outcome));
        state.instance(instance).owned = Some(Owned { pending, ..owned });
    }

    /// A question to the fence, as far as it comes.
    pub(crate) fn ask(&self, state: &mut State, command: u8, how: Asking) -> Outcome {
        match how {
            Asking::Answered => self.fence(state, command),
            Asking::AnswerLost => {
                self.fence(state, command);
                Outcome::Unknown
            }
            Asking::Lost => Outcome::Unknown,
        }
    }

    /// Records what the fence said.
    pub(crate) fn record(state: &mut State, instance: u8, written: bool) {
        let Some(owned) = &mut state.instance(instance).owned else {
            return;
        };
        let Some((command, outcome)) = owned.pending.take() else {
            return;
        };
        if written {
            state.log.push(Record::Completed {
                command,
                outcome,
                reconciled: true,
                appended: state.phase,
            });
        }
    }

    /// The offsets that the partition's owner may commit.
    pub(crate) fn commits(&self, state: &State, instance: u8, owned: Owned) -> Vec<u8> {
        if state.owner != Some(instance) {
            return Vec::new();
        }
        let old = |record: &Record| state.phase >= VOID && record.appended() < VOID;
        let young = if self.with.commit_not_young {
            let first = state.log.iter().position(|record| !old(record));
            first.unwrap_or(state.log.len())
        } else {
            state.log.len()
        };
        let now = instant(state.phase);
        let folded = self.folds.fold(&state.log, owned.start, state.end());
        let owes = self.owes(state, owned);
        let low = (0..self.scenario.commands())
            .filter(|command| {
                let open = self.with.commit_below_open && folded.is_open(*command);
                open || owes.contains(command)
            })
            .filter_map(|command| folded.commands.get(command_id(command)))
            .filter(|command| !command.is_open() || self.is_unsettled(command, now))
            .map(|command| command.position.offset)
            .fold(young as u64, u64::min);
        (state.committed + 1..=u8::try_from(low).unwrap_or(u8::MAX)).collect()
    }
}
