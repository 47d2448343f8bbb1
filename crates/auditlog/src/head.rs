use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;

use crate::{LogId, TreeHash};

/// Where a log ends. It exists from the first leaf on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// How many leaves the log has; at least 1.
    pub size: u64,
    /// The root of the tree of that many leaves.
    pub root: TreeHash,
    /// The event-log offset of the first leaf.
    pub first_offset: u64,
    /// The next event-log offset to read: the last leaf's plus one.
    pub next_offset: u64,
}

/// Keeps each log's head, and moves it only for the writer that knows where it stands.
///
/// [`compare_and_set`](HeadStore::compare_and_set) must be durable when it returns: the log is
/// resumed from here. It is what keeps two writers from forking a log.
#[async_trait]
pub trait HeadStore: Send + Sync {
    /// The log's head, `None` before its first leaf.
    ///
    /// # Errors
    /// [`HeadError::Store`] when it can't be read.
    async fn load(&self, log: &LogId) -> Result<Option<Head>, HeadError>;

    /// Puts `new` in the place of `expected`, atomically.
    ///
    /// # Errors
    /// [`HeadError::Conflict`] when the head isn't `expected`, and nothing was changed;
    /// [`HeadError::Store`] when it isn't known whether it was changed.
    async fn compare_and_set(
        &self,
        log: &LogId,
        expected: Option<&Head>,
        new: &Head,
    ) -> Result<(), HeadError>;
}

/// Why a head wasn't read or moved.
#[derive(Debug, thiserror::Error)]
pub enum HeadError {
    /// The head isn't what the writer expected: another one moved it.
    #[error("the head was moved by another writer")]
    Conflict,
    /// The store failed.
    #[error("the store of heads failed")]
    Store(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Heads in memory, for tests and for logs that needn't outlive their process.
#[derive(Debug, Default)]
pub struct MemoryHeads(Mutex<HashMap<LogId, Head>>);

#[async_trait]
impl HeadStore for MemoryHeads {
    async fn load(&self, log: &LogId) -> Result<Option<Head>, HeadError> {
        let heads = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(heads.get(log).cloned())
    }

    async fn compare_and_set(
        &self,
        log: &LogId,
        expected: Option<&Head>,
        new: &Head,
    ) -> Result<(), HeadError> {
        let mut heads = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if heads.get(log) != expected {
            return Err(HeadError::Conflict);
        }
        heads.insert(log.clone(), new.clone());
        Ok(())
    }
}
