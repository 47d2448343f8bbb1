//! One pass over a log: every leaf in order, proven to be under the checkpoint when it ends well.

use auditarchive::pass::{self, Gone, Sink};
use auditlog::{Checkpoint, ENTRIES_PER_BUNDLE, LogId};

pub(crate) use auditarchive::pass::{Placed, Range, all};

use crate::keys::Keys;
use crate::progress::Progress;
use crate::source::Source;
use crate::stop::Stop;

/// What a pass went over.
pub(crate) struct Passed {
    /// What the log was proven under.
    pub(crate) checkpoint: Checkpoint,
    /// Of which only the hashes were there.
    gone: Gone,
}

impl Passed {
    /// What could not be looked at, in words; none where that is nothing.
    pub(crate) fn unseen(&self) -> Option<String> {
        self.gone.words()
    }
}

/// Reads a log, and gives every leaf of these bundles to `sink`; of all where none are named. What `sink`
/// got is proven only once this returns.
pub(crate) async fn over(
    source: &Source,
    keys: &Keys,
    log: &LogId,
    range: Option<Range>,
    positions: bool,
    sink: &mut Sink<'_, Stop>,
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
    let gone = pass::over(&reader, &checkpoint, range, positions, &mut |placed| {
        progress.advance(1);
        sink(placed)
    })
    .await?;
    Ok(Passed { checkpoint, gone })
}
