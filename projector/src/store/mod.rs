//! The view store: a port with an adapter for each engine, chosen by URL.
//!
//! What is written is idempotent and kept by rules that don't depend on the order of arrival
//! (see [`mod@crate::views::rows`]), so that an adapter needs no transaction across rows. Two roles
//! are two traits: what only reads can't write.

#[cfg(feature = "cassandra")]
mod cassandra;
mod error;
mod generations;
mod gone;
mod names;
mod open;
mod query;
mod sqlite;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use async_trait::async_trait;
use auditlog::{HeadStore, LogId};
use domain::id::{CommandId, ComplexId, DeviceId, EventId};
use eventlog::Topic;
use jiff::Timestamp;

use crate::views::alarms::Sent;
use crate::views::{
    AccessIdentity, AccessRow, AlarmRow, CommandRows, DeviceRow, DigestRow, EpochCount, HourCount,
    LeafRow, ObservationRow, ReadRow, RowWrite,
};

#[cfg(feature = "cassandra")]
pub use cassandra::CassandraOptions;
pub use error::StoreError;
pub use generations::{Building, Generations, Pointer, Swap, one_generation};
pub use gone::{Gone, Removed};
pub use open::{
    check, check_url, open, open_configured, open_configured_reader, open_configured_root,
    open_reader, scratch, seal,
};
pub use query::{
    AccessCursor, AccessQuery, AlarmQuery, HourQuery, ReadQuery, StatusCursor, StatusQuery, Table,
};

/// What the views answer.
#[async_trait]
pub trait ViewReader: Send + Sync {
    /// At most `limit` accesses that match, newest first (by time, then by offset), behind
    /// `after`.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn search(
        &self,
        query: &AccessQuery,
        after: Option<AccessCursor>,
        limit: usize,
    ) -> Result<Vec<AccessRow>, StoreError>;

    /// The access with this event id; where several have it, the one with the least offset.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn access(
        &self,
        complex: &ComplexId,
        event: EventId,
    ) -> Result<Option<AccessRow>, StoreError>;

    /// What the records of these contents are, by what stands under their event ids; each in its
    /// place, and none of one that was not written.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn sent(&self, digests: &[DigestRow]) -> Result<Vec<Option<Sent>>, StoreError>;

    /// Those of these accesses under whose partner's event id other contents were sent too.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn contested(
        &self,
        complex: &ComplexId,
        accesses: &[AccessIdentity],
    ) -> Result<HashSet<AccessIdentity>, StoreError>;

    /// At most `limit` alarms that match, newest first (by time, then by offset), behind `after`.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn alarms(
        &self,
        query: &AlarmQuery,
        after: Option<AccessCursor>,
        limit: usize,
    ) -> Result<Vec<AlarmRow>, StoreError>;

    /// At most `limit` reads of audit data that match, newest first (by time, then by offset), behind
    /// `after`.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn reads(
        &self,
        query: &ReadQuery,
        after: Option<AccessCursor>,
        limit: usize,
    ) -> Result<Vec<ReadRow>, StoreError>;

    /// What partners report of these commands; a command that none reports of is left out.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn observed(
        &self,
        complex: &ComplexId,
        commands: &[CommandId],
    ) -> Result<HashMap<CommandId, Vec<ObservationRow>>, StoreError>;

    /// The decisions and completions of these commands, without what partners report of them; a
    /// command without either is left out.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn rulings(
        &self,
        complex: &ComplexId,
        commands: &[CommandId],
    ) -> Result<HashMap<CommandId, CommandRows>, StoreError>;

    /// All rows of these commands; a command without rows is left out.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn commands(
        &self,
        complex: &ComplexId,
        commands: &[CommandId],
    ) -> Result<HashMap<CommandId, CommandRows>, StoreError>;

    /// A device's state.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn device(&self, device: &DeviceId) -> Result<Option<DeviceRow>, StoreError>;

    /// The states of a complex' devices, by device id.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn devices(&self, complex: &ComplexId) -> Result<Vec<DeviceRow>, StoreError>;

    /// What was recorded of each epoch of a complex' devices, or of one device, from the first event
    /// on that happened at `from` or later; by device, partner and epoch.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn counts(
        &self,
        complex: &ComplexId,
        device: Option<&DeviceId>,
        from: Timestamp,
    ) -> Result<Vec<EpochCount>, StoreError>;

    /// At most `limit` reports of a device, newest first by its clock, then by its own order,
    /// behind `after`.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn history(
        &self,
        query: &StatusQuery,
        after: Option<StatusCursor>,
        limit: usize,
    ) -> Result<Vec<DeviceRow>, StoreError>;

    /// What was counted of a complex, by hour, device and result, in that order; where there are more
    /// than `limit` counts, so many of them.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn hours(&self, query: &HourQuery, limit: usize) -> Result<Vec<HourCount>, StoreError>;

    /// The first offset of the partition that isn't fully projected yet; none before the first.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn progress(&self, topic: Topic, partition: u32) -> Result<Option<u64>, StoreError>;

    /// Gives all rows of a table to `take`, some at a time and in no set order: for comparing whole stores.
    /// After an error some may be taken.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn each(
        &self,
        table: Table,
        take: &mut (dyn FnMut(Vec<RowWrite>) + Send),
    ) -> Result<(), StoreError>;

    /// All of them at once, in memory.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn scan(&self, table: Table) -> Result<Vec<RowWrite>, StoreError> {
        let mut all = Vec::new();
        self.each(table, &mut |rows| all.extend(rows)).await?;
        Ok(all)
    }
}

/// What the projection writes, and needs to resume.
#[async_trait]
pub trait ViewStore: HeadStore {
    /// The store as one who only reads sees it.
    fn reader(&self) -> Arc<dyn ViewReader>;

    /// Writes rows and then, durably once all of them are, the progress. Progress never goes
    /// back. After an error any part of the rows may be written: write them again.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn apply(&self, rows: Vec<RowWrite>, progress: Progress) -> Result<(), StoreError>;

    /// Removes the rows of pruned records, or only counts them where not `apply`. A row that two records
    /// have made is of the one that it stands at. After an error any part may be gone: do it again.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn remove(&self, gone: &Gone, apply: bool) -> Result<Removed, StoreError>;

    /// The last leaf of a log that stands before `offset`.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn leaf_before(&self, log: &LogId, offset: u64) -> Result<Option<LeafRow>, StoreError>;

    /// The logs of a partition that are halted.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn halts(&self, topic: Topic, partition: u32) -> Result<Vec<Halt>, StoreError>;

    /// Remembers that a log is halted; where it is so already, the lesser offset stays.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn halt(&self, halt: Halt) -> Result<(), StoreError>;

    /// Forgets that a log was halted.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn resume(&self, log: &LogId) -> Result<(), StoreError>;

    /// The generation that serves now; none while it is this one, or where there is but one.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn successor(&self) -> Result<Option<Arc<dyn ViewStore>>, StoreError> {
        Ok(None)
    }
}

/// How far a partition is projected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The topic.
    pub topic: Topic,
    /// The partition.
    pub partition: u32,
    /// The first offset that isn't fully projected.
    pub next: u64,
}

/// A log that takes no more leaves because its tree contradicts the event log or itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Halt {
    /// The log.
    pub log: LogId,
    /// The partition that its records are in.
    pub partition: u32,
    /// Where its leaves have to go on once it is repaired.
    pub offset: u64,
    /// What is wrong with it.
    pub detail: String,
}
