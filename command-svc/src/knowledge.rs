//! What this instance knows: registry and commands as folded from the log, and who waits for
//! a record to come back.

use std::collections::{HashMap, HashSet};
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::commands::{Claim, Command, Commands};
use domain::event::{Body, DecisionInputs, Event, LogPosition};
use domain::registry::{Applied, Refused, Registry};
use domain::vocabulary::Verdict;
use domain::{ChangeSetId, CommandId, ComplexId, Decision, EventId, Instant, OpenCommand, decide};
use eventlog::Topic;
use eventlog::partitioner::partition_of;
use jiff::Timestamp;
use tokio::sync::{Notify, oneshot};

mod uses;

pub(crate) use uses::Use;

use self::uses::UseWaiters;
use crate::zone;

/// A decision record came back in log order.
#[derive(Debug)]
pub(crate) enum Claimed {
    /// It rules. For an ALLOW, the second decision, on the state folded up to the record.
    Won(Option<Box<(Decision, DecisionInputs)>>),
    /// Another decision of the command rules.
    Lost,
    /// It came too late and is void.
    TooLate,
}

struct Claimant {
    command: OpenCommand,
    at: Instant,
    answer: oneshot::Sender<Claimed>,
}

/// The folds, always locked together: a decision sees one state.
#[derive(Default)]
pub(crate) struct State {
    /// The registry.
    pub registry: Registry,
    /// Commands of the last minutes.
    pub commands: Commands,
    registry_positions: Vec<u64>,
    access_positions: Vec<u64>,
    unreadable: HashSet<Vec<u8>>,
    claimants: HashMap<EventId, Claimant>,
    watchers: HashMap<CommandId, Vec<oneshot::Sender<()>>>,
    change_sets: HashMap<ChangeSetId, Vec<oneshot::Sender<Result<Applied, Refused>>>>,
    uses: UseWaiters,
    /// Rung whenever a change set has been folded.
    pub changed: Arc<Notify>,
}

/// Shared by everything in the process.
#[derive(Default)]
pub(crate) struct Knowledge(Mutex<State>);

impl Knowledge {
    /// Locks the state. Never held over an await.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Judges a command now, and says what was seen.
    pub(crate) fn decide(&self, command: &OpenCommand, at: Instant) -> (Decision, DecisionInputs) {
        let decision = decide(&self.registry, &self.commands, command, at);
        let inputs = DecisionInputs {
            now: at.now,
            utc_offset: at.utc_offset,
            registry_position: position(
                Topic::RegistryEvents,
                &self.registry_positions,
                &command.complex,
            ),
            global_position: position(
                Topic::RegistryEvents,
                &self.registry_positions,
                &ComplexId::global(),
            ),
            access_position: position(
                Topic::AccessEvents,
                &self.access_positions,
                &command.complex,
            ),
            right: decision.right,
            partner: decision.partner.clone(),
            perimeter_version: decision.perimeter_version,
            recent_openings: decision.recent_openings.clone(),
            cooldown_ms: decision.cooldown_ms,
            auth_time: command.auth_time,
            acr: command.acr.clone(),
            uses_left: decision.uses_left,
            policy_version: domain::POLICY_VERSION,
        };
        (decision, inputs)
    }

    /// One clock reading, as the complex's own clocks show it.
    pub(crate) fn instant(&self, complex: &ComplexId, now: Timestamp) -> Instant {
        let utc_offset = self
            .registry
            .complex(complex)
            .map_or(0, |complex| zone::utc_offset(&complex.time_zone, now));
        Instant { now, utc_offset }
    }

    /// Waits for the decision record `event` to come back. Call it before the append.
    pub(crate) fn await_claim(
        &mut self,
        event: EventId,
        command: OpenCommand,
        at: Instant,
    ) -> oneshot::Receiver<Claimed> {
        let (answer, claimed) = oneshot::channel();
        self.claimants.insert(
            event,
            Claimant {
                command,
                at,
                answer,
            },
        );
        claimed
    }

    /// Nobody waits for `event` any more.
    pub(crate) fn forget_claim(&mut self, event: EventId) {
        self.claimants.remove(&event);
    }

    /// Waits for the next completion of a command.
    pub(crate) fn await_completion(&mut self, command: CommandId) -> oneshot::Receiver<()> {
        let (tell, told) = oneshot::channel();
        self.watchers.entry(command).or_default().push(tell);
        told
    }

    /// Waits for a change set to be folded. Call it before the append.
    pub(crate) fn await_change_set(
        &mut self,
        id: ChangeSetId,
    ) -> oneshot::Receiver<Result<Applied, Refused>> {
        let (tell, told) = oneshot::channel();
        self.change_sets.entry(id).or_default().push(tell);
        told
    }

    /// Folds an event of the registry.
    pub(crate) fn fold_registry(&mut self, event: Event, append_time: Timestamp) {
        match event.body {
            Body::RegistryChanged(set) => {
                let id = set.id;
                let answer = self.registry.fold(&event.complex, set);
                for waiter in self.change_sets.remove(&id).into_iter().flatten() {
                    let _ = waiter.send(answer.clone());
                }
                self.changed.notify_one();
            }
            Body::PassUseConsumed(consumed) => {
                self.fold_consumed(event.id, &event.complex, &consumed, append_time);
            }
            Body::PassUseReturned(returned) => self.fold_returned(&event.complex, &returned),
            _ => {}
        }
    }

    /// Folds an event of the access topic.
    pub(crate) fn fold_access(
        &mut self,
        event: &Event,
        position: LogPosition,
        append_time: Timestamp,
    ) {
        match &event.body {
            Body::AccessDecided(decided) => {
                // The claimant decides again before its own record counts as an opening.
                let claimant = self.claimants.remove(&event.id);
                let claim = self
                    .commands
                    .fold_decided(event, decided, position, append_time);
                if let Some(claimant) = claimant {
                    let claimed = match claim {
                        Claim::Won if decided.verdict == Verdict::Allow => {
                            let second = self.decide(&claimant.command, claimant.at);
                            Claimed::Won(Some(Box::new(second)))
                        }
                        Claim::Won => Claimed::Won(None),
                        Claim::Lost => Claimed::Lost,
                        Claim::TooLate => Claimed::TooLate,
                    };
                    let _ = claimant.answer.send(claimed);
                }
            }
            Body::CommandCompleted(completed) if self.commands.fold_completed(event, completed) => {
                for watcher in self
                    .watchers
                    .remove(&completed.command)
                    .into_iter()
                    .flatten()
                {
                    let _ = watcher.send(());
                }
            }
            _ => {}
        }
    }

    /// Everything before `offset` in this partition has been folded.
    pub(crate) fn folded(&mut self, topic: Topic, partition: u32, offset: u64) {
        let positions = match topic {
            Topic::RegistryEvents => &mut self.registry_positions,
            _ => &mut self.access_positions,
        };
        let partition = partition as usize;
        if positions.len() <= partition {
            positions.resize(partition + 1, 0);
        }
        positions[partition] = positions[partition].max(offset);
    }

    /// A record that this version can't read stands in the log: what it changed is unknown,
    /// so nothing is decided for its complex any more.
    pub(crate) fn refuse(&mut self, key: &[u8]) {
        self.unreadable.insert(key.to_vec());
    }

    /// Whether something in the log of `complex`, or in that of `global`, could not be read.
    pub(crate) fn is_refused(&self, complex: &ComplexId) -> bool {
        [complex.as_str(), "global"]
            .iter()
            .any(|key| self.unreadable.contains(key.as_bytes()))
    }

    /// Forgets settled commands whose keys are too old to come again, and whoever waited in
    /// vain.
    pub(crate) fn forget(&mut self, now: Timestamp) {
        self.commands.forget_settled(now);
        self.watchers.retain(|_, waiting| {
            waiting.retain(|watcher| !watcher.is_closed());
            !waiting.is_empty()
        });
        self.change_sets.retain(|_, waiting| {
            waiting.retain(|waiter| !waiter.is_closed());
            !waiting.is_empty()
        });
        self.uses.forget();
    }

    /// A command that has been folded.
    pub(crate) fn command(&self, id: CommandId) -> Option<&Command> {
        self.commands.get(id)
    }
}

fn position(topic: Topic, positions: &[u64], complex: &ComplexId) -> LogPosition {
    let count = u32::try_from(positions.len())
        .ok()
        .and_then(NonZeroU32::new);
    let Some(count) = count else {
        return LogPosition::default();
    };
    let partition = partition_of(topic, complex.as_str().as_bytes(), count);
    LogPosition {
        partition,
        offset: positions[partition as usize],
    }
}
