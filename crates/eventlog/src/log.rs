use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::{AppendError, CommitError, LogError, NewRecord, Position, Record, Topic};

/// The event log: partitioned topics, each partition an ordered sequence of
/// records. Shared by processes that never talk to each other otherwise.
#[async_trait]
pub trait EventLog: Send + Sync {
    /// Appends one record to the partition that its key decides, once. The
    /// record is durable when this returns `Ok`.
    ///
    /// Nothing is tried again behind the caller's back. Dropping the future
    /// leaves it open whether the record is written.
    ///
    /// # Errors
    /// [`AppendError`] says whether the record may be in the log all the same.
    async fn append(&self, topic: Topic, record: NewRecord) -> Result<Position, AppendError>;

    /// Appends records together: they are handed over in this order, without waiting for one before
    /// the next, and share flushes and round trips with each other and with whatever else is
    /// appended. All are durable when this returns `Ok`, with one position each.
    ///
    /// Those of one partition stand in it in this order. Where this fails the adapters differ: a
    /// local log holds all of them or none; on a broker any of them may be there, a later one
    /// without an earlier one too, still in this order. An append of the same records again leaves
    /// all of them in order behind whatever the first one left.
    ///
    /// They count one by one against `queue_capacity`: all find room, or all are refused at once.
    /// Dropping the future leaves it open which are written.
    ///
    /// # Errors
    /// [`AppendError`]: `NotWritten` only if none is in the log and none ever will be.
    async fn append_all(
        &self,
        records: Vec<(Topic, NewRecord)>,
    ) -> Result<Vec<Position>, AppendError>;

    /// The first offset that each partition still has (index = partition).
    ///
    /// # Errors
    /// [`LogError::Unavailable`].
    async fn start_offsets(&self, topic: Topic) -> Result<Vec<u64>, LogError>;

    /// The next offset that each partition will write (index = partition): every
    /// append acknowledged before this call lies below it.
    ///
    /// # Errors
    /// [`LogError::Unavailable`].
    async fn end_offsets(&self, topic: Topic) -> Result<Vec<u64>, LogError>;

    /// Reads every partition of a topic, outside any group. Where it starts is
    /// settled when this returns: what is appended afterwards will be read.
    ///
    /// # Errors
    /// [`LogError::Truncated`] or [`LogError::PastEnd`] if the log does not hold
    /// the offsets asked for; [`LogError::Misconfigured`] if their number isn't
    /// that of the partitions; [`LogError::Unavailable`].
    async fn tail(&self, topic: Topic, from: TailFrom) -> Result<Box<dyn Tail>, LogError>;

    /// What is left of what was erased: the keys that contain one of `parts` of records that have a
    /// value and can still be read, superseded ones too. None: only tombstones of such keys may be
    /// left. An adapter that keeps the bytes itself removes superseded ones first, and names no key
    /// only when the bytes are gone from its files. Where a broker keeps them this reads the whole
    /// topic; the broker compacts in its own time, and only what another record of the partition
    /// has followed.
    ///
    /// # Errors
    /// [`LogError::Unavailable`], also while the bytes can't be removed.
    async fn left(&self, topic: Topic, parts: &[String]) -> Result<Vec<String>, LogError> {
        crate::left::by_reading(self, topic, parts).await
    }

    /// Joins a consumer group: each partition of the topics is read by one of
    /// the group's members, from the position that the group has committed, or
    /// from the start of the log.
    ///
    /// # Errors
    /// [`LogError::Misconfigured`] if no group or no topic is named;
    /// [`LogError::Unavailable`].
    async fn subscribe(
        &self,
        group: &str,
        topics: &[Topic],
    ) -> Result<Box<dyn Subscription>, LogError>;
}

/// A log that any number of tasks share.
pub type SharedLog = Arc<dyn EventLog>;

/// Where a tail starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TailFrom {
    /// With the first record that the log still has.
    Beginning,
    /// With the first record appended after this call.
    End,
    /// In each partition with the first record whose append time is not before
    /// this one; at the end if there is none.
    Time(Timestamp),
    /// At these offsets, one for each partition (index = partition).
    Offsets(Vec<u64>),
}

/// A reader of every partition of one topic. It commits nothing: the caller
/// keeps [`Tail::positions`] with what it made of the records.
#[async_trait]
pub trait Tail: Send {
    /// Waits for at least one record and returns at most `max`. Records of one
    /// partition come in order and without gaps, except where compaction has
    /// removed superseded ones; partitions are interleaved in no set order.
    ///
    /// Cancel safe: dropping the future skips nothing.
    ///
    /// # Errors
    /// [`LogError::Truncated`] once retention has overtaken this reader;
    /// [`LogError::Unavailable`], after which the call may be repeated.
    async fn next_batch(&mut self, max: usize) -> Result<Vec<Record>, LogError>;

    /// The offset that will be read next in each partition (index = partition).
    fn positions(&self) -> Vec<u64>;
}

/// What a member of a group learns next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupEvent {
    /// These partitions are now this member's as well. They are read from the
    /// committed offset, or the start of the log, unless [`Subscription::seek`]
    /// says otherwise before the next call.
    Assigned(Vec<Assignment>),
    /// These partitions go to other members. Until the next call they are still
    /// this member's, so it can finish and commit its work; that call lets go.
    /// Where the member was taken for dead, its commits are already fenced.
    Revoked(Vec<(Topic, u32)>),
    /// Records of partitions that this member owns, in order in each partition.
    Records(Vec<Record>),
}

/// A partition that a member was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Assignment {
    /// The topic.
    pub topic: Topic,
    /// The partition.
    pub partition: u32,
    /// The offset that the group has committed: the first one not yet processed.
    pub committed: Option<u64>,
}

/// A membership of a consumer group.
///
/// The member shows that it is alive from a task of its own, however long the
/// caller takes to process what it got; what stops that is a stopped process.
/// Dropping the subscription without [`Subscription::close`] is what a crash
/// looks like: its partitions move on after the session time-out.
#[async_trait]
pub trait Subscription: Send {
    /// Waits for the next event; a batch has at most `max` records. Delivery is
    /// at least once: what was not committed is delivered again, to this member
    /// or to its successor.
    ///
    /// Cancel safe: dropping the future skips nothing.
    ///
    /// # Errors
    /// [`LogError::Truncated`] if retention has overtaken the group: seek to go
    /// on; [`LogError::Unavailable`], after which the call may be repeated.
    async fn next(&mut self, max: usize) -> Result<GroupEvent, LogError>;

    /// Commits that everything before `next` has been processed. Durable when
    /// this returns `Ok`.
    ///
    /// # Errors
    /// [`CommitError::Fenced`] if the partition is not this member's any more.
    async fn commit(&mut self, topic: Topic, next: Position) -> Result<(), CommitError>;

    /// Reads an owned partition from another offset on. Commits nothing.
    ///
    /// # Errors
    /// [`LogError::NotAssigned`].
    async fn seek(&mut self, topic: Topic, to: Position) -> Result<(), LogError>;

    /// Leaves the group: the partitions are free at once.
    async fn close(self: Box<Self>);
}
