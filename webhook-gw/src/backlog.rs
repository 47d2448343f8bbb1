//! What waits for the log: bounded in records and in bytes, over all partners. What finds no room is
//! refused at once, before its body is read, rather than kept.

use std::sync::Arc;

use metrics::gauge;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::telemetry::Held;

/// Room for so much.
pub struct Backlog {
    records: Arc<Semaphore>,
    bytes: Arc<Semaphore>,
}

/// There is no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

/// One request's room, from before its body is read until it is answered.
pub struct Place {
    backlog: Arc<Backlog>,
    records: (OwnedSemaphorePermit, Held),
    bytes: (OwnedSemaphorePermit, Held),
}

impl Backlog {
    /// Room for so many records, and for so many bytes of bodies.
    pub fn new(records: usize, bytes: usize) -> Arc<Self> {
        let semaphore = |most: usize| Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS)));
        Arc::new(Self {
            records: semaphore(records),
            bytes: semaphore(bytes),
        })
    }

    /// Room for a body of so many bytes, with one record.
    ///
    /// # Errors
    /// [`Full`].
    pub fn admit(self: &Arc<Self>, bytes: usize) -> Result<Place, Full> {
        Ok(Place {
            records: take(&self.records, 1, "webhook_queue_records")?,
            bytes: take(&self.bytes, bytes, "webhook_queue_bytes")?,
            backlog: Arc::clone(self),
        })
    }
}

impl Place {
    /// Keeps no more than the body turned out to need.
    pub fn shrink(&mut self, bytes: usize) {
        let (permit, held) = &mut self.bytes;
        let spare = permit.num_permits().saturating_sub(bytes);
        drop(permit.split(spare));
        held.give_back(spare);
    }

    /// Room for so many records, which the body turned out to hold.
    ///
    /// # Errors
    /// [`Full`].
    pub fn records(&mut self, records: usize) -> Result<(), Full> {
        let more = records.saturating_sub(self.records.0.num_permits());
        let (permit, held) = take(&self.backlog.records, more, "webhook_queue_records")?;
        self.records.0.merge(permit);
        self.records.1.join(held);
        Ok(())
    }
}

fn take(
    of: &Arc<Semaphore>,
    count: usize,
    gauge: &'static str,
) -> Result<(OwnedSemaphorePermit, Held), Full> {
    let permits = u32::try_from(count).map_err(|_| Full)?;
    let permit = Arc::clone(of).try_acquire_many_owned(permits);
    let permit = permit.map_err(|_| Full)?;
    Ok((permit, Held::new(gauge!(gauge), count)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn free(backlog: &Backlog) -> (usize, usize) {
        let of = |semaphore: &Semaphore| semaphore.available_permits();
        (of(&backlog.records), of(&backlog.bytes))
    }

    #[test]
    fn there_is_room_for_so_much_and_what_ends_leaves_all_of_it() {
        let backlog = Backlog::new(10, 1000);
        let mut one = backlog.admit(800).unwrap();
        assert_eq!(free(&backlog), (9, 200));
        assert_eq!(backlog.admit(201).err(), Some(Full), "too many bytes");
        assert_eq!(free(&backlog), (9, 200), "and nothing is kept of it");
        one.shrink(300);
        one.records(8).unwrap();
        assert_eq!(free(&backlog), (2, 700));
        let mut other = backlog.admit(700).unwrap();
        assert_eq!(other.records(3), Err(Full), "too many records");
        other.records(2).unwrap();
        assert_eq!(free(&backlog), (0, 0));
        assert_eq!(backlog.admit(0).err(), Some(Full), "not even an empty one");
        drop(one);
        assert_eq!(free(&backlog), (8, 300));
        drop(other);
        assert_eq!(free(&backlog), (10, 1000));
    }
}
