//! Settling what the last run left in progress.

use std::sync::Arc;

use super::admission::advance;
use super::desk::Desk;
use super::state::{Input, State};
use crate::ids::CommandId;
use crate::journal::JournalError;
use crate::store::{Key, StoreError, Table};

impl Desk {
    /// After a restart: what was in progress is executed if the journal has it, else forbidden.
    pub(crate) async fn recover(self: &Arc<Self>) -> Result<usize, RecoveryError> {
        let opened = self.journal.commands()?;
        let (desk, now) = (self.clone(), self.clock.now());
        let recovered = self.store.run(move |tx| {
            let all = tx.scan::<(CommandId, State)>(Table::Commands, "", &Key::plain(b""), usize::MAX)?;
            let mut recovered = 0;
            for (_, (id, state)) in all {
                if state.final_at().is_some() {
                    continue;
                }
                let journalled = opened.contains(&id);
                let (after, _) = advance(tx, id, Input::Recover { journalled }, now)?;
                if journalled && let Some(request) = after.request() {
                    desk.report(tx, id, request, now)?;
                }
                recovered += 1;
            }
            Ok(recovered)
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
