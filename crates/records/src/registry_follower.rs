//! The registry, followed. For processes that read it; command-svc folds it together with
//! the commands.

use std::sync::{Arc, PoisonError, RwLock};

use domain::event::Body;
use domain::registry::Registry;
use eventlog::{EventLog, Topic};
use tokio_util::sync::CancellationToken;
use tracing::error;

use crate::follow::Follower;
use crate::reader::{EventReader, Unreadable};
use crate::snapshot::{Digest, Snapshot};

/// Follows `registry.events.v1`.
#[derive(Debug)]
pub struct RegistryFollower {
    follower: Follower,
    folded: Arc<RwLock<Snapshot>>,
}

impl RegistryFollower {
    /// Starts following where `known` ends.
    pub fn spawn(
        log: Arc<dyn EventLog>,
        reader: Arc<EventReader>,
        known: Snapshot,
        shutdown: CancellationToken,
    ) -> Self {
        let from = known.end();
        let known = Arc::new(RwLock::new(known));
        let folded = Arc::clone(&known);
        let fold = move |record: &eventlog::Record| {
            let digest = Digest::of(record);
            let event = reader.read(record);
            let mut folded = folded.write().unwrap_or_else(PoisonError::into_inner);
            match event {
                Ok(event) => {
                    let (registry, complex) = (&mut folded.registry, &event.complex);
                    match event.body {
                        Body::RegistryChanged(set) => {
                            // Whether it applied is told to whoever wrote it; a refused one is ignored.
                            let _ = registry.fold_at(complex, set, record.append_time);
                        }
                        Body::SubjectErased(erased) => {
                            registry.fold_erased(complex, &erased);
                        }
                        Body::LegalHoldChanged(changed) => {
                            registry.fold_hold(complex, &changed, event.occurred_at);
                        }
                        _ => {}
                    }
                }
                Err(unreadable) => {
                    error!(
                        partition = record.position.partition,
                        offset = record.position.offset,
                        reason = unreadable.reason(),
                        "registry record ignored"
                    );
                    if unreadable == Unreadable::UnknownType {
                        folded.marks.not_understood();
                    }
                }
            }
            folded.marks.folded(record, digest);
        };
        let follower = Follower::spawn(log, Topic::RegistryEvents, from, shutdown, fold);
        Self {
            follower,
            folded: known,
        }
    }

    /// Whether it is known to be up to date, to the second.
    pub fn is_fresh(&self) -> bool {
        self.follower.is_fresh()
    }

    /// Waits until it is up to date for the first time.
    pub async fn hydrated(&self) {
        self.follower.hydrated().await;
    }

    /// Reads the registry as it stands, with the next offset of each partition.
    pub fn read<R>(&self, read: impl FnOnce(&Registry, &[u64]) -> R) -> R {
        let positions = self.follower.positions();
        let folded = self.folded.read().unwrap_or_else(PoisonError::into_inner);
        read(&folded.registry, &positions)
    }

    /// What is known now, and how far; takes next to no time.
    pub fn copy(&self) -> Snapshot {
        let folded = self.folded.read().unwrap_or_else(PoisonError::into_inner);
        folded.clone()
    }
}
