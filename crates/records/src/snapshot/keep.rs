//! When snapshots are written.

use std::sync::Arc;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::{Marks, Snapshot, Snapshots};

/// Writes one now and then where something was folded since the last, which ended at `written`;
/// and one after `stop`. `copy` tells what is known.
pub async fn keep(
    snapshots: Arc<Snapshots>,
    mut written: Marks,
    stop: CancellationToken,
    copy: impl Fn() -> Snapshot,
) {
    loop {
        let every = snapshots.every;
        let goes_on = stop.run_until_cancelled(sleep(every)).await.is_some();
        let snapshot = copy();
        if snapshot.marks.are_complete() && snapshot.marks.next() != written.next() {
            let marks = snapshot.marks.clone();
            let snapshots = Arc::clone(&snapshots);
            let wrote = tokio::task::spawn_blocking(move || snapshots.write(&snapshot)).await;
            match wrote.unwrap_or_else(|error| Err(std::io::Error::other(error))) {
                Ok(_) => written = marks,
                Err(error) => warn!(%error, "no snapshot was written; look at its folder's disk"),
            }
        }
        if !goes_on {
            return;
        }
    }
}
