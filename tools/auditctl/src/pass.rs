//! One pass over a log: every leaf in order, proven to be under the checkpoint when it ends well.

use auditlog::{Checkpoint, ENTRIES_PER_BUNDLE, LogId, LogReader, Position};
use bytes::Bytes;

use crate::keys::Keys;
use crate::progress::Progress;
use crate::source::Source;
use crate::stop::Stop;

/// Which bundles; the second is the first that isn't.
pub(crate) type Range = (u64, u64);

/// A leaf with its place.
pub(crate) struct Placed<'a> {
    /// Its index.
    pub(crate) index: u64,
    /// Its bytes.
    pub(crate) leaf: &'a Bytes,
    /// Where the event log has it, if anybody kept that.
    pub(crate) position: Option<Position>,
}

/// Takes leaves.
pub(crate) type Sink<'a> = dyn FnMut(Placed<'_>) -> Result<(), Stop> + 'a;

/// What a pass went over.
pub(crate) struct Passed {
    /// What the log was proven under.
    pub(crate) checkpoint: Checkpoint,
    /// Bundles that were taken away because they had expired, as the key's holder says: of their records
    /// there were only the hashes.
    pub(crate) gone: Vec<std::ops::Range<u64>>,
}

impl Passed {
    /// What could not be looked at, in words; none where that is nothing.
    pub(crate) fn unseen(&self) -> Option<String> {
        let records = |bundles: &std::ops::Range<u64>| {
            let (first, end) = (bundles.start, bundles.end);
            format!(
                "{} to {}",
                first * ENTRIES_PER_BUNDLE,
                end * ENTRIES_PER_BUNDLE - 1
            )
        };
        let all: Vec<String> = self.gone.iter().map(records).collect();
        (!all.is_empty()).then(|| {
            format!(
                "records {} are pruned, expired, as the key's holder says: only their hashes could be looked at",
                all.join(", ")
            )
        })
    }
}

/// All bundles under a checkpoint.
pub(crate) fn all(checkpoint: &Checkpoint) -> Range {
    (0, checkpoint.size().div_ceil(ENTRIES_PER_BUNDLE))
}

/// Reads a log, and gives every leaf of these bundles to `sink`; of all where none are named. All of a
/// log is proven by every leaf and every tile, a part of it by its path to the root. What `sink`
/// got is proven only once this returns.
pub(crate) async fn over(
    source: &Source,
    keys: &Keys,
    log: &LogId,
    range: Option<Range>,
    positions: bool,
    sink: &mut Sink<'_>,
) -> Result<Passed, Stop> {
    let (reader, checkpoint) = keys.open(source, log).await?;
    let whole = all(&checkpoint);
    let range = range.unwrap_or(whole);
    if range.0 > range.1 || range.1 > whole.1 {
        let text = format!("{log} has no bundles {} to {}", range.0, range.1);
        return Err(Stop::Refuted(text));
    }
    let leaves = (range.1 * ENTRIES_PER_BUNDLE).min(checkpoint.size());
    let leaves = leaves.saturating_sub(range.0 * ENTRIES_PER_BUNDLE);
    let mut progress = Progress::start(log, leaves);
    let mut gone = Vec::new();
    let mut give = async |number: u64, leaves: &[Bytes]| {
        let known = match positions {
            true => reader.positions(&checkpoint, number).await?,
            false => None,
        };
        for (at, leaf) in leaves.iter().enumerate() {
            sink(Placed {
                index: number * ENTRIES_PER_BUNDLE + at as u64,
                leaf,
                position: known.as_ref().and_then(|known| known.get(at).copied()),
            })?;
        }
        progress.advance(leaves.len());
        Ok::<_, Stop>(())
    };
    if range == whole {
        let mut walk = reader.walk(&checkpoint, reader.pruned().await?);
        while let Some(bundle) = walk.next().await? {
            give(bundle.first / ENTRIES_PER_BUNDLE, &bundle.leaves).await?;
        }
        gone.extend_from_slice(walk.gone());
    } else {
        for number in range.0..range.1 {
            match part(&reader, &checkpoint, number).await {
                Ok(leaves) => give(number, &leaves).await?,
                Err(auditlog::Error::Pruned { .. }) => gone.push(number..number + 1),
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(Passed { checkpoint, gone })
}

/// A bundle, as far as the checkpoint covers it.
async fn part(
    reader: &LogReader,
    checkpoint: &Checkpoint,
    number: u64,
) -> Result<Vec<Bytes>, auditlog::Error> {
    let mut leaves = reader.bundle(number).await?;
    let covered = checkpoint
        .size()
        .saturating_sub(number * ENTRIES_PER_BUNDLE);
    leaves.truncate(usize::try_from(covered).unwrap_or(usize::MAX));
    Ok(leaves)
}
