use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::store::{Cursor, Store};
use crate::{LogError, Record, Tail, TailFrom, Topic};

/// How long a reader trusts that it will be woken before it looks again itself,
/// so that a log that has become unreadable is noticed.
pub(crate) const RECHECK: Duration = Duration::from_secs(1);

/// A [`Tail`] over a local store.
struct StoreTail<S> {
    store: Arc<S>,
    topic: Topic,
    next: Vec<u64>,
    appended: watch::Receiver<u64>,
    /// The partition that is read first; moves on so that a busy one starves none.
    first: usize,
}

/// Starts a tail, after checking that the log holds what it asks for.
pub(crate) async fn start<S: Store>(
    store: Arc<S>,
    topic: Topic,
    from: TailFrom,
) -> Result<Box<dyn Tail>, LogError> {
    let appended = store.appended();
    let next = match from {
        TailFrom::Beginning => starts(store.as_ref(), topic).await?,
        TailFrom::End => ends(store.as_ref(), topic).await?,
        TailFrom::Time(time) => {
            // Append times are cut to milliseconds, so this one is too: what was
            // appended at or after it is never skipped.
            let millisecond = time.as_millisecond();
            let time = Timestamp::from_millisecond(millisecond).unwrap_or(time);
            store.offsets_at(topic, time).await?
        }
        TailFrom::Offsets(offsets) => checked(store.as_ref(), topic, offsets).await?,
    };
    Ok(Box::new(StoreTail {
        store,
        topic,
        next,
        appended,
        first: 0,
    }))
}

pub(crate) async fn starts<S: Store>(store: &S, topic: Topic) -> Result<Vec<u64>, LogError> {
    let bounds = store.bounds(topic).await?;
    Ok(bounds.into_iter().map(|bounds| bounds.start).collect())
}

pub(crate) async fn ends<S: Store>(store: &S, topic: Topic) -> Result<Vec<u64>, LogError> {
    let bounds = store.bounds(topic).await?;
    Ok(bounds.into_iter().map(|bounds| bounds.end).collect())
}

async fn checked<S: Store>(
    store: &S,
    topic: Topic,
    offsets: Vec<u64>,
) -> Result<Vec<u64>, LogError> {
    let bounds = store.bounds(topic).await?;
    if bounds.len() != offsets.len() {
        return Err(LogError::Misconfigured(format!(
            "{topic} has {} partitions, but {} offsets were given",
            bounds.len(),
            offsets.len()
        )));
    }
    for (cursor, bounds) in cursors(topic, &offsets, 0).into_iter().zip(bounds) {
        cursor.check(bounds)?;
    }
    Ok(offsets)
}

fn cursors(topic: Topic, next: &[u64], first: usize) -> Vec<Cursor> {
    let mut cursors: Vec<Cursor> = (0u32..)
        .zip(next)
        .map(|(partition, &offset)| Cursor {
            topic,
            partition,
            offset,
        })
        .collect();
    if !cursors.is_empty() {
        let shift = first % cursors.len();
        cursors.rotate_left(shift);
    }
    cursors
}

#[async_trait]
impl<S: Store> Tail for StoreTail<S> {
    async fn next_batch(&mut self, max: usize) -> Result<Vec<Record>, LogError> {
        loop {
            self.appended.borrow_and_update();
            let cursors = cursors(self.topic, &self.next, self.first);
            let records = self.store.read(cursors, max.max(1)).await?;
            if !records.is_empty() {
                // No await from here on: the positions move only with the return.
                for record in &records {
                    let at = record.position;
                    if let Some(next) = self.next.get_mut(at.partition as usize) {
                        *next = at.offset + 1;
                    }
                }
                self.first = self.first.wrapping_add(1);
                return Ok(records);
            }
            // A closed channel can't be: this reader holds the store.
            let _ = timeout(RECHECK, self.appended.changed()).await;
        }
    }

    fn positions(&self) -> Vec<u64> {
        self.next.clone()
    }
}
