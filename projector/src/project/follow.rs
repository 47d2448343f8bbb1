//! Going on with another generation of the views once it serves.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::store::{StoreError, ViewStore};

/// How often it is looked.
const LOOK: Duration = Duration::from_secs(1);

/// Runs `projecting` until it ends, or another generation serves: that one is given then. Whatever was
/// written to the old one in between doesn't count: the store has refused it.
///
/// # Errors
/// Of `projecting`; the new generation isn't for this version of the program.
pub(super) async fn until_superseded(
    views: &dyn ViewStore,
    turn: CancellationToken,
    projecting: impl Future<Output = anyhow::Result<()>>,
) -> anyhow::Result<Option<Arc<dyn ViewStore>>> {
    let projecting = async {
        let ended = projecting.await;
        turn.cancel();
        ended
    };
    let looking = async {
        let found = turn.run_until_cancelled(successor(views)).await;
        turn.cancel();
        found
    };
    let (ended, found) = tokio::join!(projecting, looking);
    ended?;
    Ok(found.transpose()?)
}

async fn successor(views: &dyn ViewStore) -> Result<Arc<dyn ViewStore>, StoreError> {
    loop {
        tokio::time::sleep(LOOK).await;
        match views.successor().await {
            Ok(Some(successor)) => return Ok(successor),
            // Who writes is told of it.
            Ok(None) | Err(StoreError::Unavailable(_) | StoreError::Superseded) => {}
            Err(error) => return Err(error),
        }
    }
}
