//! Settling what the last run left in progress.

use std::sync::Arc;

use super::admission::advance;
use super::desk::Desk;
use super::state::{Input, State};
use crate::ids::CommandId;
use crate::journal::JournalError;
use crate::store::{StoreError, Table};

impl Desk {
    /// After a restart: what was in progress is executed if the journal has it, else forbidden.
    pub(crate) async fn recover(self: &Arc<Self>) -> Result<usize, RecoveryError> {
        let left = self
            .store
            .run(|tx| tx.undated::<(CommandId, State)>(Table::Commands, ""))
            .await?;
        if left.is_empty() {
            return Ok(0);
        }
        let opened = self.journal.commands()?;
        let (desk, now) = (self.clone(), self.clock.now());
        let recovered = self.store.run(move |tx| {
            for (id, _) in &left {
                let journalled = opened.contains(id);
                let (after, _) = advance(tx, *id, Input::Recover { journalled }, now)?;
                if journalled && let Some(request) = after.request() {
                    desk.report(tx, *id, request, now)?;
                }
            }
            Ok(left.len())
        });
        Ok(recovered.await?)
    }
}

/// Why the state left by the last run could not be settled.
#[derive(Debug, thiserror::Error)]
pub enum RecoveryError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The journal failed.
    #[error(transparent)]
    Journal(#[from] JournalError),
}
