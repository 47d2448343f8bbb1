//! One pass over a log: every leaf in order, proven to be under the checkpoint when it ends well.

use auditlog::{Checkpoint, ENTRIES_PER_BUNDLE, LogReader, Position, WalkError};
use bytes::Bytes;

/// Which bundles; the second is the first that isn't.
pub type Range = (u64, u64);

/// A leaf with its place.
pub struct Placed<'a> {
    /// Its index.
    pub index: u64,
    /// Its bytes.
    pub leaf: &'a Bytes,
    /// Where the event log has it, if anybody kept that.
    pub position: Option<Position>,
}

/// Bundles that were taken away because they had expired, as the key's holder says: of their records there
/// were only the hashes.
#[derive(Debug, Default)]
pub struct Gone(Vec<std::ops::Range<u64>>);

impl Gone {
    /// What could not be looked at, in words; none where that is nothing.
    pub fn words(&self) -> Option<String> {
        let records = |bundles: &std::ops::Range<u64>| {
            let (first, end) = (bundles.start, bundles.end);
            format!(
                "{} to {}",
                first * ENTRIES_PER_BUNDLE,
                end * ENTRIES_PER_BUNDLE - 1
            )
        };
        let all: Vec<String> = self.0.iter().map(records).collect();
        (!all.is_empty()).then(|| {
            format!(
                "records {} are pruned, expired, as the key's holder says: only their hashes could be looked at",
                all.join(", ")
            )
        })
    }
}

/// Takes leaves.
pub type Sink<'a, E> = dyn FnMut(Placed<'_>) -> Result<(), E> + Send + 'a;

/// All bundles under a checkpoint.
pub fn all(checkpoint: &Checkpoint) -> Range {
    (0, checkpoint.size().div_ceil(ENTRIES_PER_BUNDLE))
}

/// Gives every leaf of these bundles, which must be under the checkpoint, to `sink`. All of a log is proven
/// by every leaf and every tile, a part of it by its path to the root. What `sink` got is proven only once
/// this returns, with what is pruned of it. `positions` says whether they are read too.
///
/// # Errors
/// Of the log, as [`LogReader`] and [`Walk`](auditlog::Walk) have them; and those of `sink`.
pub async fn over<E>(
    reader: &LogReader,
    checkpoint: &Checkpoint,
    range: Range,
    positions: bool,
    sink: &mut Sink<'_, E>,
) -> Result<Gone, E>
where
    E: From<auditlog::Error> + From<WalkError>,
{
    let mut gone = Gone::default();
    if range == all(checkpoint) {
        let mut walk = reader.walk(checkpoint, reader.pruned().await?);
        while let Some(bundle) = walk.next().await? {
            let number = bundle.first / ENTRIES_PER_BUNDLE;
            give(reader, checkpoint, number, &bundle.leaves, positions, sink).await?;
        }
        gone.0.extend_from_slice(walk.gone());
    } else {
        for number in range.0..range.1 {
            match part(reader, checkpoint, number).await {
                Ok(leaves) => give(reader, checkpoint, number, &leaves, positions, sink).await?,
                Err(auditlog::Error::Pruned { .. }) => gone.0.push(number..number + 1),
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(gone)
}

async fn give<E: From<auditlog::Error>>(
    reader: &LogReader,
    checkpoint: &Checkpoint,
    number: u64,
    leaves: &[Bytes],
    positions: bool,
    sink: &mut Sink<'_, E>,
) -> Result<(), E> {
    let known = match positions {
        true => reader.positions(checkpoint, number).await?,
        false => None,
    };
    for (at, leaf) in (0..).zip(leaves) {
        let position = known.as_ref().and_then(|known| known.get(at).copied());
        sink(Placed {
            index: number * ENTRIES_PER_BUNDLE + at as u64,
            leaf,
            position,
        })?;
    }
    Ok(())
}

/// A bundle, as far as the checkpoint covers it.
async fn part(
    reader: &LogReader,
    checkpoint: &Checkpoint,
    number: u64,
) -> auditlog::Result<Vec<Bytes>> {
    let mut leaves = reader.bundle(number).await?;
    let covered = checkpoint
        .size()
        .saturating_sub(number * ENTRIES_PER_BUNDLE);
    leaves.truncate(usize::try_from(covered).unwrap_or(usize::MAX));
    Ok(leaves)
}
