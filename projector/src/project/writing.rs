//! Batches that are being written, while the consumer goes on.

use std::time::Instant;

use anyhow::Context as _;
use tokio_util::task::AbortOnDropHandle;

use super::batch::Batch;
use crate::store::{Progress, StoreError};

/// What became of batches.
pub(super) struct Written {
    /// How far partitions are projected with those that are written.
    pub(super) done: Vec<Progress>,
    /// Why some are not, if so.
    pub(super) interrupted: Option<StoreError>,
    /// These have to be written again.
    pub(super) left: Vec<Batch>,
}

/// Batches of different partitions, written side by side.
pub(super) struct Writing(AbortOnDropHandle<Written>);

impl Writing {
    /// Begins.
    pub(super) fn begin(batches: Vec<Batch>) -> Self {
        Self(AbortOnDropHandle::new(tokio::spawn(write(batches))))
    }

    /// Waits for the end of what is being written, and takes it out; for ever if there is nothing.
    /// Cancel safe.
    ///
    /// # Errors
    /// The writing has panicked.
    pub(super) async fn ended(writing: &mut Option<Self>) -> anyhow::Result<Written> {
        match writing {
            Some(Self(handle)) => {
                let written = handle.await.context("writing rows");
                *writing = None;
                written
            }
            None => std::future::pending().await,
        }
    }
}

async fn write(batches: Vec<Batch>) -> Written {
    let begun = Instant::now();
    let jobs = batches.into_iter().map(|batch| async move {
        let written = batch.write().await;
        (batch, written)
    });
    let mut all = Written {
        done: Vec::new(),
        interrupted: None,
        left: Vec::new(),
    };
    for (batch, written) in futures::future::join_all(jobs).await {
        match written {
            Ok(()) => all.done.push(batch.progress),
            Err(error) => {
                all.interrupted = Some(error);
                all.left.push(batch);
            }
        }
    }
    metrics::histogram!("projector_batch_seconds", "stage" => "rows").record(begun.elapsed());
    all
}
