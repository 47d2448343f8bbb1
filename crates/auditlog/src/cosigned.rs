//! The newest checkpoint that witnesses have cosigned, kept beside the newest one.

use bytes::Bytes;
use object_store::{ObjectStore, ObjectStoreExt};

use crate::tiles::Name;
use crate::{Checkpoint, CheckpointVerifier, Error, LogId, LogReader, Result, fetch};

impl LogReader {
    /// The newest checkpoint that is kept with cosignatures of witnesses, and signed by the log itself;
    /// none where no witness is asked. Whose the cosignatures are is for the caller to see.
    ///
    /// # Errors
    /// [`Error::Untrusted`] when it isn't signed for this log; [`Error::Mismatch`] when what the log has
    /// now doesn't continue it.
    pub async fn cosigned(&self) -> Result<Option<Checkpoint>> {
        let Some(cosigned) = self.signed_cosigned().await? else {
            return Ok(None);
        };
        let current = self.covering(cosigned.size()).await?;
        if self.tree(&current).root_at(cosigned.size()).await? != cosigned.root() {
            return Err(
                Name::Cosigned.mismatch(&self.log, "isn't continued by the log's checkpoint")
            );
        }
        Ok(Some(cosigned))
    }

    /// What is kept, if the log has signed it; whether the log continues it is not looked at.
    async fn signed_cosigned(&self) -> Result<Option<Checkpoint>> {
        match fetch::exact(&*self.store, &self.log, Name::Cosigned).await {
            Err(Error::Missing { .. }) => Ok(None),
            other => self.verifier.verify(&self.origin, &other?).map(Some),
        }
    }

    /// The newest checkpoint, with the cosignatures that it has.
    ///
    /// # Errors
    /// As [`checkpoint`](Self::checkpoint).
    pub async fn checkpoint_for_others(&self) -> Result<Checkpoint> {
        let current = self.checkpoint().await?;
        // What is wrong with the other one makes this one no worse.
        let cosigned = self.signed_cosigned().await.ok().flatten();
        let same =
            cosigned.filter(|one| (one.size(), one.root()) == (current.size(), current.root()));
        Ok(same.unwrap_or(current))
    }
}

/// Keeps a checkpoint, with the cosignatures in its note, as the newest one that is cosigned. One that
/// is kept already and is of more leaves stays.
///
/// # Errors
/// [`Error::Store`].
pub async fn keep_cosigned(
    store: &dyn ObjectStore,
    log: &LogId,
    verifier: &CheckpointVerifier,
    cosigned: &Checkpoint,
) -> Result<()> {
    let kept = match fetch::exact(store, log, Name::Cosigned).await {
        Err(Error::Missing { .. }) => None,
        // What can't be read is replaced.
        other => verifier.verify(cosigned.origin(), &other?).ok(),
    };
    if kept.is_some_and(|kept| kept.size() > cosigned.size()) {
        return Ok(());
    }
    let note = Bytes::copy_from_slice(cosigned.note().as_bytes());
    store.put(&Name::Cosigned.path(log), note.into()).await?;
    Ok(())
}
