//! Reading a log of which expired bundles were taken away.

use std::sync::Arc;

use super::LogReader;
use crate::{Checkpoint, Pruned, Result, Walk};

impl LogReader {
    /// What was taken away from the log because it had expired.
    ///
    /// # Errors
    /// As [`Pruned::read`].
    pub async fn pruned(&self) -> Result<Pruned> {
        Pruned::read(&*self.store, &self.log, &self.origin, &self.verifier).await
    }

    /// Walks through the whole log under `checkpoint`, which must be one of this log's; of bundles
    /// that are `pruned`, and not there, through their hashes.
    pub fn walk(&self, checkpoint: &Checkpoint, pruned: Pruned) -> Walk {
        let store = Arc::clone(&self.store);
        Walk::new(store, self.log.clone(), checkpoint, pruned)
    }
}
