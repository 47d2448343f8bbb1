//! What has reached the log, whoever brought it: the fold of every instance's records.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::completeness::{Completeness, Limits};
use eventlog::{Record, SharedLog, TailFrom, Topic};
use jiff::Timestamp;
use records::{EventReader, Follower};
use tokio_util::sync::CancellationToken;

/// Where events, rejections and recorded gaps stand.
const TOPICS: [Topic; 3] = [
    Topic::AccessEvents,
    Topic::DeviceStatus,
    Topic::IngressRejected,
];
/// Types of records that say something here; the others need not be read.
const KINDS: [&[u8]; 4] = [
    b"smarthome.access.observed.v1",
    b"smarthome.device.status.v1",
    b"smarthome.ingress.rejected.v1",
    b"smarthome.delivery.gap.v1",
];

/// The fold, and the tails that feed it.
pub(crate) struct Watch {
    fold: Arc<Mutex<Completeness>>,
    followers: [Follower; 3],
}

impl Watch {
    /// Starts with what was appended from `from` on. What happened before is unknown, not missing.
    pub(crate) fn spawn(
        log: &SharedLog,
        reader: &Arc<EventReader>,
        from: Timestamp,
        shutdown: &CancellationToken,
    ) -> Self {
        let fold = Arc::new(Mutex::new(Completeness::new(from, Limits::default())));
        let followers = TOPICS.map(|topic| {
            let (fold, reader) = (Arc::clone(&fold), Arc::clone(reader));
            let apply = move |record: &Record| {
                if !concerns(record) {
                    return;
                }
                // What nobody can believe fills no gap; other readers make it visible.
                if let Ok(event) = reader.read(record) {
                    lock(&fold).apply(&event, record.append_time);
                }
            };
            let (log, from) = (Arc::clone(log), TailFrom::Time(from));
            Follower::spawn(log, topic, from, shutdown.clone(), apply)
        });
        Self { fold, followers }
    }

    /// Waits until all that was in the log is folded, for the first time.
    pub(crate) async fn hydrated(&self) {
        for follower in &self.followers {
            follower.hydrated().await;
        }
    }

    /// Waits until whatever is in the log now is folded.
    pub(crate) async fn caught_up(&self) {
        for follower in &self.followers {
            follower.caught_up().await;
        }
    }

    /// Reads the fold as it stands.
    pub(crate) fn read<T>(&self, read: impl FnOnce(&Completeness) -> T) -> T {
        read(&lock(&self.fold))
    }
}

/// By its header, which may be wrong: then the record is not the event that it pretends to be.
fn concerns(record: &Record) -> bool {
    let mut headers = record.headers.iter();
    let kind = headers.find(|(name, _)| name == "ce_type");
    kind.is_none_or(|(_, kind)| KINDS.contains(&kind.as_ref()))
}

fn lock(fold: &Mutex<Completeness>) -> MutexGuard<'_, Completeness> {
    fold.lock().unwrap_or_else(PoisonError::into_inner)
}
