//! A log whose reading side can be cut off.

use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use eventlog::{
    AppendError, EventLog, LogError, MemoryLog, NewRecord, Position, Subscription, Tail, TailFrom,
    Topic,
};

pub(crate) struct CutLog {
    pub(crate) memory: MemoryLog,
    cut: AtomicBool,
}

impl CutLog {
    pub(crate) fn new(memory: MemoryLog) -> Self {
        Self {
            memory,
            cut: AtomicBool::new(false),
        }
    }

    pub(crate) fn cut(&self, cut: bool) {
        self.cut.store(cut, Ordering::SeqCst);
    }
}

#[async_trait]
impl EventLog for CutLog {
    async fn append(&self, topic: Topic, record: NewRecord) -> Result<Position, AppendError> {
        self.memory.append(topic, record).await
    }

    async fn append_all(
        &self,
        records: Vec<(Topic, NewRecord)>,
    ) -> Result<Vec<Position>, AppendError> {
        self.memory.append_all(records).await
    }

    async fn start_offsets(&self, topic: Topic) -> Result<Vec<u64>, LogError> {
        self.memory.start_offsets(topic).await
    }

    async fn end_offsets(&self, topic: Topic) -> Result<Vec<u64>, LogError> {
        if self.cut.load(Ordering::SeqCst) {
            return Err(LogError::Unavailable("cut off".to_owned()));
        }
        self.memory.end_offsets(topic).await
    }

    async fn tail(&self, topic: Topic, from: TailFrom) -> Result<Box<dyn Tail>, LogError> {
        if self.cut.load(Ordering::SeqCst) {
            return Err(LogError::Unavailable("cut off".to_owned()));
        }
        self.memory.tail(topic, from).await
    }

    async fn subscribe(
        &self,
        group: &str,
        topics: &[Topic],
    ) -> Result<Box<dyn Subscription>, LogError> {
        self.memory.subscribe(group, topics).await
    }
}
