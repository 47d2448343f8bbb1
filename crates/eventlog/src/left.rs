//! What can still be read of what was erased.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::timeout;

use crate::{EventLog, LogError, TailFrom, Topic};

/// How long nothing may come before it is looked again whether the end has been reached.
const QUIET: Duration = Duration::from_millis(200);
/// Records read at once.
const BATCH: usize = 1024;

/// Reads a topic from its beginning to where it ends now: the keys that contain one of `parts` of
/// records that have a value.
pub(crate) async fn by_reading<L: EventLog + ?Sized>(
    log: &L,
    topic: Topic,
    parts: &[String],
) -> Result<Vec<String>, LogError> {
    let ends = log.end_offsets(topic).await?;
    let mut tail = log.tail(topic, TailFrom::Beginning).await?;
    let done = |at: Vec<u64>| at.iter().zip(&ends).all(|(at, end)| at >= end);
    let mut left = BTreeSet::new();
    while !done(tail.positions()) {
        // Offsets that hold no record of ours lie at the end, too.
        let Ok(records) = timeout(QUIET, tail.next_batch(BATCH)).await else {
            continue;
        };
        let valued = records?.into_iter().filter(|record| record.value.is_some());
        let keys = valued.map(|record| String::from_utf8_lossy(&record.key).into_owned());
        left.extend(keys.filter(|key| parts.iter().any(|part| key.contains(part.as_str()))));
    }
    Ok(left.into_iter().collect())
}
