//! What a local adapter provides; [`crate::tail`] and [`crate::group`] build the
//! readers of the public trait on it. A broker has readers of its own and does
//! not use this.

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::sync::watch;

use crate::group::GroupTable;
use crate::{LogError, LogOptions, Record, Topic};

/// The next record that a reader wants from one partition.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cursor {
    pub(crate) topic: Topic,
    pub(crate) partition: u32,
    pub(crate) offset: u64,
}

/// What a partition holds: `start` is the first retained offset, `end` the next
/// to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub(crate) start: u64,
    pub(crate) end: u64,
}

impl Cursor {
    /// Refuses a cursor outside the partition rather than moving it in silence.
    pub(crate) fn check(self, bounds: Bounds) -> Result<(), LogError> {
        let Self {
            topic,
            partition,
            offset: requested,
        } = self;
        let Bounds { start, end } = bounds;
        if requested < start {
            return Err(LogError::Truncated {
                topic,
                partition,
                requested,
                start,
            });
        }
        if requested > end {
            return Err(LogError::PastEnd {
                topic,
                partition,
                requested,
                end,
            });
        }
        Ok(())
    }
}

/// The time of an append: whole milliseconds, as Kafka's append times are.
pub(crate) fn append_clock() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
}

/// The most bytes that one read returns, beyond its first record.
pub(crate) const READ_BYTES: usize = 8 << 20;

#[async_trait]
pub(crate) trait Store: Send + Sync + 'static {
    fn options(&self) -> &LogOptions;

    /// A number that grows with every append that has become readable, whoever
    /// made it.
    fn appended(&self) -> watch::Receiver<u64>;

    /// Index = partition.
    async fn bounds(&self, topic: Topic) -> Result<Vec<Bounds>, LogError>;

    /// In each partition the first offset whose append time is not before `time`,
    /// or the end offset. Index = partition.
    async fn offsets_at(&self, topic: Topic, time: Timestamp) -> Result<Vec<u64>, LogError>;

    /// Up to `max` records, partition by partition in the order of the cursors;
    /// none if there is nothing to read yet. Every cursor is checked.
    async fn read(&self, cursors: Vec<Cursor>, max: usize) -> Result<Vec<Record>, LogError>;

    /// Changes a group's table atomically and durably.
    async fn update_group<R, F>(&self, group: &str, update: F) -> Result<R, LogError>
    where
        R: Send + 'static,
        F: FnOnce(&mut GroupTable) -> R + Send + 'static;
}
