//! A store that does all it is asked to and forgets how far it came, counts what is read from it, and can be
//! held.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use auditlog::{Head, HeadError, HeadStore, LogId};
use domain::{CommandId, ComplexId, DeviceId, EventId};
use eventlog::Topic;
use jiff::Timestamp;
use projector::store::{
    AccessCursor, AccessQuery, AlarmQuery, Gone, Halt, HourQuery, Progress, ReadQuery, Removed,
    StatusCursor, StatusQuery, StoreError, Table, ViewReader, ViewStore,
};
use projector::views::alarms::Sent;
use projector::views::{
    AccessIdentity, AccessRow, AlarmRow, CommandRows, DeviceRow, DigestRow, EpochCount, HourCount,
    LeafRow, ObservationRow, ReadRow, RowWrite,
};
use tokio::sync::Semaphore;

/// What was asked for before writing, one by one.
#[derive(Debug, Default)]
pub struct Asked {
    /// Contents of partners' events.
    pub contents: AtomicU64,
    /// Commands, whether partners report of them.
    pub observed: AtomicU64,
    /// Commands, for their decisions and completions.
    pub rulings: AtomicU64,
}

/// Views that have forgotten how far they are, so that everything is delivered again; that count what
/// is asked of them, and write nothing while their gate is shut.
pub struct Forgetful {
    pub inner: Arc<dyn ViewStore>,
    /// Next offsets that were applied, by topic and partition.
    pub applied: Mutex<HashMap<(Topic, u32), u64>>,
    pub asked: Arc<Asked>,
    /// A permit lets one write through.
    pub gate: Semaphore,
}

impl Forgetful {
    /// With an open gate.
    pub fn new(inner: &Arc<dyn ViewStore>) -> Self {
        Self {
            inner: Arc::clone(inner),
            applied: Mutex::default(),
            asked: Arc::default(),
            gate: Semaphore::new(Semaphore::MAX_PERMITS),
        }
    }
}

#[async_trait]
impl HeadStore for Forgetful {
    async fn load(&self, log: &LogId) -> Result<Option<Head>, HeadError> {
        self.inner.load(log).await
    }

    async fn compare_and_set(
        &self,
        log: &LogId,
        expected: Option<&Head>,
        new: &Head,
    ) -> Result<(), HeadError> {
        self.inner.compare_and_set(log, expected, new).await
    }
}

#[async_trait]
impl ViewStore for Forgetful {
    fn reader(&self) -> Arc<dyn ViewReader> {
        Arc::new(NoProgress(self.inner.reader(), Arc::clone(&self.asked)))
    }

    async fn apply(&self, rows: Vec<RowWrite>, progress: Progress) -> Result<(), StoreError> {
        self.gate.acquire().await.unwrap().forget();
        self.inner.apply(rows, progress).await?;
        let at = (progress.topic, progress.partition);
        self.applied.lock().unwrap().insert(at, progress.next);
        Ok(())
    }

    async fn remove(&self, gone: &Gone, apply: bool) -> Result<Removed, StoreError> {
        self.inner.remove(gone, apply).await
    }

    async fn leaf_before(&self, log: &LogId, offset: u64) -> Result<Option<LeafRow>, StoreError> {
        self.inner.leaf_before(log, offset).await
    }

    async fn halts(&self, topic: Topic, partition: u32) -> Result<Vec<Halt>, StoreError> {
        self.inner.halts(topic, partition).await
    }

    async fn halt(&self, halt: Halt) -> Result<(), StoreError> {
        self.inner.halt(halt).await
    }

    async fn resume(&self, log: &LogId) -> Result<(), StoreError> {
        self.inner.resume(log).await
    }
}

struct NoProgress(Arc<dyn ViewReader>, Arc<Asked>);

fn count(asked: &AtomicU64, more: usize) {
    asked.fetch_add(more.try_into().unwrap(), Ordering::SeqCst);
}

#[async_trait]
impl ViewReader for NoProgress {
    async fn search(
        &self,
        query: &AccessQuery,
        after: Option<AccessCursor>,
        limit: usize,
    ) -> Result<Vec<AccessRow>, StoreError> {
        self.0.search(query, after, limit).await
    }

    async fn access(
        &self,
        complex: &ComplexId,
        event: EventId,
    ) -> Result<Option<AccessRow>, StoreError> {
        self.0.access(complex, event).await
    }

    async fn sent(&self, digests: &[DigestRow]) -> Result<Vec<Option<Sent>>, StoreError> {
        count(&self.1.contents, digests.len());
        self.0.sent(digests).await
    }

    async fn contested(
        &self,
        complex: &ComplexId,
        accesses: &[AccessIdentity],
    ) -> Result<HashSet<AccessIdentity>, StoreError> {
        self.0.contested(complex, accesses).await
    }

    async fn alarms(
        &self,
        query: &AlarmQuery,
        after: Option<AccessCursor>,
        limit: usize,
    ) -> Result<Vec<AlarmRow>, StoreError> {
        self.0.alarms(query, after, limit).await
    }

    async fn reads(
        &self,
        query: &ReadQuery,
        after: Option<AccessCursor>,
        limit: usize,
    ) -> Result<Vec<ReadRow>, StoreError> {
        self.0.reads(query, after, limit).await
    }

    async fn history(
        &self,
        query: &StatusQuery,
        after: Option<StatusCursor>,
        limit: usize,
    ) -> Result<Vec<DeviceRow>, StoreError> {
        self.0.history(query, after, limit).await
    }

    async fn observed(
        &self,
        complex: &ComplexId,
        commands: &[CommandId],
    ) -> Result<HashMap<CommandId, Vec<ObservationRow>>, StoreError> {
        count(&self.1.observed, commands.len());
        self.0.observed(complex, commands).await
    }

    async fn rulings(
        &self,
        complex: &ComplexId,
        commands: &[CommandId],
    ) -> Result<HashMap<CommandId, CommandRows>, StoreError> {
        count(&self.1.rulings, commands.len());
        self.0.rulings(complex, commands).await
    }

    async fn commands(
        &self,
        complex: &ComplexId,
        commands: &[CommandId],
    ) -> Result<HashMap<CommandId, CommandRows>, StoreError> {
        count(&self.1.rulings, commands.len());
        count(&self.1.observed, commands.len());
        self.0.commands(complex, commands).await
    }

    async fn device(&self, device: &DeviceId) -> Result<Option<DeviceRow>, StoreError> {
        self.0.device(device).await
    }

    async fn devices(&self, complex: &ComplexId) -> Result<Vec<DeviceRow>, StoreError> {
        self.0.devices(complex).await
    }

    async fn counts(
        &self,
        complex: &ComplexId,
        device: Option<&DeviceId>,
        from: Timestamp,
    ) -> Result<Vec<EpochCount>, StoreError> {
        self.0.counts(complex, device, from).await
    }

    async fn hours(&self, query: &HourQuery, limit: usize) -> Result<Vec<HourCount>, StoreError> {
        self.0.hours(query, limit).await
    }

    async fn progress(&self, _: Topic, _: u32) -> Result<Option<u64>, StoreError> {
        Ok(None)
    }

    async fn each(
        &self,
        table: Table,
        take: &mut (dyn FnMut(Vec<RowWrite>) + Send),
    ) -> Result<(), StoreError> {
        self.0.each(table, take).await
    }
}
