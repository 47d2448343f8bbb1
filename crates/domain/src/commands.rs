//! Commands of the last minutes, folded from `access.events.v1`: which decision won its
//! claim, and what became of the command.

use std::collections::{HashMap, HashSet};

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::event::{AccessDecided, CommandCompleted, Event, LogPosition};
use crate::id::{CommandId, ComplexId, DeviceId, EventId, PartnerId};
use crate::vocabulary::{ActorKind, Operation, Outcome, Reason, Verdict};

/// How old an idempotency key may be.
pub const KEY_WINDOW: SignedDuration = SignedDuration::from_mins(10);

/// How far the clocks of the BFF, of this service and of the log may be apart.
pub const LEEWAY: SignedDuration = SignedDuration::from_secs(60);

/// How far ahead `expires_at` may be.
pub const MAX_EXPIRY: SignedDuration = SignedDuration::from_secs(60);

/// Whether a record that stands for a key came too late to count: in every fold it is void.
pub fn is_too_late(key_time: Timestamp, append_time: Timestamp) -> bool {
    append_time.duration_since(key_time) > KEY_WINDOW + LEEWAY
}

/// What a decision record's place in the log makes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// It stands first: it rules.
    Won,
    /// Another decision of the same command stands before it.
    Lost,
    /// Appended too late after its key's time: void in every fold.
    TooLate,
}

/// A completion that has been folded.
#[derive(Debug, Clone, PartialEq)]
pub struct Completion {
    /// What it says.
    pub completed: CommandCompleted,
    /// When.
    pub at: Timestamp,
}

/// One command, as its winning decision and its completions tell.
#[derive(Debug, Clone, PartialEq)]
pub struct Command {
    /// The winning decision record.
    pub winner: EventId,
    /// Where it stands.
    pub position: LogPosition,
    /// The complex that it was recorded under.
    pub complex: ComplexId,
    /// The device.
    pub device: DeviceId,
    /// Who asked: an owner or a guest.
    pub actor: (ActorKind, Option<Uuid>),
    /// The service that asked.
    pub caller: String,
    /// SHA-256 over device and operation.
    pub request_digest: [u8; 32],
    /// What was asked.
    pub operation: Operation,
    /// The verdict.
    pub verdict: Verdict,
    /// Why.
    pub reason: Reason,
    /// The partner that runs the device.
    pub partner: Option<PartnerId>,
    /// When it was decided.
    pub decided_at: Timestamp,
    /// Not to be carried out afterwards.
    pub expires_at: Timestamp,
    /// Instant inside the key.
    pub key_time: Timestamp,
    /// The first definite completion, else the last UNKNOWN.
    pub completion: Option<Completion>,
}

impl Command {
    /// The effective outcome so far; an UNKNOWN may still become definite.
    pub fn outcome(&self) -> Option<Outcome> {
        self.completion.as_ref().map(|c| c.completed.outcome)
    }

    /// A winning ALLOW without a definite outcome.
    pub fn is_open(&self) -> bool {
        self.verdict == Verdict::Allow && !self.outcome().is_some_and(Outcome::is_definite)
    }

    /// It may have opened the device, for all that is known.
    fn may_have_opened(&self) -> bool {
        self.verdict == Verdict::Allow
            && !matches!(
                self.outcome(),
                Some(Outcome::Rejected | Outcome::NotExecuted)
            )
    }
}

/// The fold.
#[derive(Debug, Clone, Default)]
pub struct Commands {
    by_id: HashMap<CommandId, Command>,
    by_device: HashMap<DeviceId, Vec<CommandId>>,
    open: HashSet<CommandId>,
}

impl Commands {
    /// Folds a decision that stands at `position` and was appended at `append_time`.
    pub fn fold_decided(
        &mut self,
        event: &Event,
        decided: &AccessDecided,
        position: LogPosition,
        append_time: Timestamp,
    ) -> Claim {
        if let Some(first) = self.by_id.get(&decided.command) {
            return if first.winner == event.id {
                Claim::Won
            } else {
                Claim::Lost
            };
        }
        if is_too_late(decided.key_time, append_time) {
            return Claim::TooLate;
        }
        let Some(device) = event.device.clone() else {
            return Claim::TooLate;
        };
        if decided.verdict == Verdict::Allow {
            self.by_device
                .entry(device.clone())
                .or_default()
                .push(decided.command);
            self.open.insert(decided.command);
        }
        self.by_id.insert(
            decided.command,
            Command {
                winner: event.id,
                position,
                complex: event.complex.clone(),
                device,
                actor: (event.actor.kind, event.actor.subject),
                caller: event.actor.caller.clone(),
                request_digest: decided.request_digest,
                operation: decided.operation,
                verdict: decided.verdict,
                reason: decided.reason,
                partner: decided.inputs.partner.clone(),
                decided_at: event.occurred_at,
                expires_at: decided.expires_at,
                key_time: decided.key_time,
                completion: None,
            },
        );
        Claim::Won
    }

    /// Folds a completion: the first definite one is kept for ever, an UNKNOWN only until
    /// then. False: it had no effect.
    pub fn fold_completed(&mut self, event: &Event, completed: &CommandCompleted) -> bool {
        let Some(command) = self
            .by_id
            .get_mut(&completed.command)
            .filter(|command| command.is_open())
        else {
            return false;
        };
        command.completion = Some(Completion {
            completed: completed.clone(),
            at: event.occurred_at,
        });
        if completed.outcome.is_definite() {
            self.open.remove(&completed.command);
        }
        true
    }

    /// A command.
    pub fn get(&self, id: CommandId) -> Option<&Command> {
        self.by_id.get(&id)
    }

    /// Winning ALLOWs without a definite outcome.
    pub fn open(&self) -> impl Iterator<Item = (CommandId, &Command)> {
        self.open
            .iter()
            .filter_map(|id| Some((*id, self.by_id.get(id)?)))
    }

    /// When commands other than `except` may have opened `device` after `since`, in log order.
    pub fn openings(
        &self,
        device: &DeviceId,
        since: Timestamp,
        except: CommandId,
    ) -> Vec<Timestamp> {
        self.by_device
            .get(device)
            .into_iter()
            .flatten()
            .filter(|id| **id != except)
            .filter_map(|id| self.by_id.get(id))
            .filter(|command| command.may_have_opened() && command.decided_at > since)
            .map(|command| command.decided_at)
            .collect()
    }

    /// Forgets settled commands whose keys can't be used any more at `now`: a retry of one
    /// is refused by its age alone. Open ones stay.
    pub fn forget_settled(&mut self, now: Timestamp) {
        let horizon = now - KEY_WINDOW - LEEWAY - LEEWAY;
        self.by_id
            .retain(|_, command| command.key_time > horizon || command.is_open());
        let by_id = &self.by_id;
        self.by_device.retain(|_, ids| {
            ids.retain(|id| by_id.contains_key(id));
            !ids.is_empty()
        });
    }

    /// How many are held.
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// None is held.
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }
}

#[cfg(test)]
mod tests;
