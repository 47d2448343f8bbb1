//! Readers of the audit log, each remembering the newest checkpoint that it has seen.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use auditarchive::SignedLog;
use auditlog::{Checkpoint, CheckpointVerifier, LogId, LogReader, Origin};
use object_store::ObjectStore;

/// Readers that are kept, at most; a forgotten one has only lost its memory.
const KEPT: usize = 4096;

/// Opens readers.
pub(super) struct Logs {
    tiles: Arc<dyn ObjectStore>,
    origin: String,
    verifier: CheckpointVerifier,
    open: Mutex<HashMap<LogId, Arc<LogReader>>>,
}

impl Logs {
    pub(super) fn new(
        tiles: Arc<dyn ObjectStore>,
        origin: String,
        verifier: CheckpointVerifier,
    ) -> Self {
        Self {
            tiles,
            origin,
            verifier,
            open: Mutex::default(),
        }
    }

    /// The reader of a log, which needn't exist.
    pub(super) fn reader(&self, log: LogId) -> auditlog::Result<Arc<LogReader>> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(reader) = open.get(&log) {
            return Ok(Arc::clone(reader));
        }
        let origin = Origin::new(&self.origin, &log)?;
        let (tiles, verifier) = (Arc::clone(&self.tiles), self.verifier.clone());
        let reader = Arc::new(LogReader::open(log.clone(), origin, tiles, verifier)?);
        if open.len() >= KEPT {
            open.clear();
        }
        open.insert(log, Arc::clone(&reader));
        Ok(reader)
    }

    /// A log, with what its checkpoints are signed with.
    pub(super) fn signed(&self, log: LogId) -> auditlog::Result<SignedLog> {
        Ok(SignedLog {
            origin: Origin::new(&self.origin, &log)?,
            verifier: self.verifier.clone(),
            store: Arc::clone(&self.tiles),
            log,
        })
    }
}

/// The newest checkpoint; none of a log that has not begun.
pub(super) async fn newest(log: &LogReader) -> auditlog::Result<Option<Checkpoint>> {
    match log.checkpoint().await {
        Ok(checkpoint) => Ok(Some(checkpoint)),
        Err(auditlog::Error::NoCheckpoint { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}
