//! The registry, followed. For processes that read it; command-svc folds it together with
//! the commands.

use std::sync::{Arc, PoisonError, RwLock};

use domain::event::Body;
use domain::registry::Registry;
use eventlog::{EventLog, TailFrom, Topic};
use tokio_util::sync::CancellationToken;
use tracing::error;

use crate::follow::Follower;
use crate::reader::EventReader;

/// Follows `registry.events.v1` from its beginning.
#[derive(Debug)]
pub struct RegistryFollower {
    follower: Follower,
    registry: Arc<RwLock<Registry>>,
}

impl RegistryFollower {
    /// Starts following.
    pub fn spawn(
        log: Arc<dyn EventLog>,
        reader: Arc<EventReader>,
        shutdown: CancellationToken,
    ) -> Self {
        let registry = Arc::new(RwLock::new(Registry::default()));
        let folded = Arc::clone(&registry);
        let fold = move |record: &eventlog::Record| match reader.read(record) {
            Ok(event) => {
                let mut registry = folded.write().unwrap_or_else(PoisonError::into_inner);
                match event.body {
                    Body::RegistryChanged(set) => {
                        // Whether it applied is told to whoever wrote it; a refused one is ignored.
                        let _ = registry.fold(&event.complex, set);
                    }
                    Body::SubjectErased(erased) => {
                        registry.fold_erased(&event.complex, &erased);
                    }
                    Body::LegalHoldChanged(changed) => {
                        registry.fold_hold(&event.complex, &changed, event.occurred_at);
                    }
                    _ => {}
                }
            }
            Err(unreadable) => error!(
                partition = record.position.partition,
                offset = record.position.offset,
                reason = unreadable.reason(),
                "registry record ignored"
            ),
        };
        let follower = Follower::spawn(
            log,
            Topic::RegistryEvents,
            TailFrom::Beginning,
            shutdown,
            fold,
        );
        Self { follower, registry }
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
        let registry = self.registry.read().unwrap_or_else(PoisonError::into_inner);
        read(&registry, &positions)
    }
}
