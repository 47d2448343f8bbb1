//! Whether erased records can still be read.

use std::time::Duration;

use tokio::time::timeout;

use crate::{EventLog, LogError, TailFrom, Topic};

/// How long nothing may come before it is looked again whether the end has been reached.
const QUIET: Duration = Duration::from_millis(200);
/// Records read at once.
const BATCH: usize = 1024;

/// Reads a topic from its beginning to where it ends now. Whether no record with a value has a key
/// that contains one of `parts`.
pub(crate) async fn by_reading<L: EventLog + ?Sized>(
    log: &L,
    topic: Topic,
    parts: &[String],
) -> Result<bool, LogError> {
    let ends = log.end_offsets(topic).await?;
    let mut tail = log.tail(topic, TailFrom::Beginning).await?;
    let done = |at: Vec<u64>| at.iter().zip(&ends).all(|(at, end)| at >= end);
    while !done(tail.positions()) {
        // Offsets that hold no record of ours lie at the end, too.
        let Ok(records) = timeout(QUIET, tail.next_batch(BATCH)).await else {
            continue;
        };
        let left = records?
            .into_iter()
            .any(|record| record.value.is_some() && contains(&record.key, parts));
        if left {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether a key contains one of `parts`.
pub(crate) fn contains(key: &[u8], parts: &[String]) -> bool {
    parts.iter().any(|part| {
        let mut windows = key.windows(part.len().max(1));
        windows.any(|window| window == part.as_bytes())
    })
}
