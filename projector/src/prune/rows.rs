//! Which rows of the views are of bundles that were taken away.
//!
//! Offsets rise with the leaves of a log: between the last leaf before a run of bundles and the first one
//! behind it there is no other. So what is gone is told by what is kept, however long ago it went.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use anyhow::Context as _;
use auditlog::{Checkpoint, ENTRIES_PER_BUNDLE, Error, LogReader, Origin, logs_of};

use super::runs;
use crate::config::Config;
use crate::store::Gone;
use crate::{tiles, views};

/// All that was ever pruned, by what stands signed beside the logs.
///
/// # Errors
/// Configuration or storage, or a statement that isn't what the log's key signed.
pub(crate) async fn gone(config: &Config) -> anyhow::Result<Gone> {
    let tiles = tiles::to_read(config.tiles().map_err(anyhow::Error::msg)?).await?;
    let audit = config.audit().map_err(anyhow::Error::msg)?;
    let verifier = audit.verifier()?;
    let mut gone = Gone::default();
    for topic in views::TOPICS.into_iter().filter(|t| views::has_leaves(*t)) {
        let logs = logs_of(&*tiles, topic.name()).await;
        for id in logs.context("the tiles can't be listed")? {
            let origin = Origin::new(&audit.origin, &id)?;
            let store = Arc::clone(&tiles);
            let reader = LogReader::open(id.clone(), origin, store, verifier.clone())?;
            let pruned = reader.pruned().await?;
            if pruned.prunings.is_empty() {
                continue;
            }
            let bundles = pruned.prunings.into_iter().flat_map(|p| p.bundles);
            let bundles: BTreeSet<u64> = bundles.collect();
            let checkpoint = reader.checkpoint().await?;
            gone.add(id, offsets(&reader, &checkpoint, &bundles).await?);
        }
    }
    Ok(gone)
}

/// The offsets at which no record stands but those of these bundles.
pub(super) async fn offsets(
    reader: &LogReader,
    checkpoint: &Checkpoint,
    bundles: &BTreeSet<u64>,
) -> anyhow::Result<Vec<Range<u64>>> {
    let bundles: Vec<u64> = bundles.iter().copied().collect();
    let mut offsets = Vec::new();
    for (first, last) in runs(&bundles) {
        // Where nothing follows, nobody knows where they end: they wait for the next record.
        if (last + 1) * ENTRIES_PER_BUNDLE < checkpoint.size() {
            let from = begin(reader, checkpoint, first).await?;
            offsets.push(from..reader.bundle_offset(last + 1).await?);
        }
    }
    Ok(offsets)
}

/// The first offset behind the bundle before.
async fn begin(reader: &LogReader, checkpoint: &Checkpoint, bundle: u64) -> anyhow::Result<u64> {
    let Some(before) = bundle.checked_sub(1) else {
        return Ok(0);
    };
    let positions = reader.positions(checkpoint, before).await?;
    if let Some(last) = positions.as_deref().and_then(<[_]>::last) {
        return Ok(last.offset + 1);
    }
    match reader.bundle_offset(bundle).await {
        Err(Error::Missing { .. }) => anyhow::bail!(
            "nobody kept where bundle {before} ends, and bundle {bundle} behind it is gone: which rows are of \
             it can't be told"
        ),
        other => Ok(other?),
    }
}
