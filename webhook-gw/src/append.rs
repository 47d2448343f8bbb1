//! Appending the records of one request.

use eventlog::{AppendError, EventLog};

use crate::record::Entry;

/// Appends all entries together, in their order: `Ok` only if every one of them is durable. Those of
/// one device then stand in the log as they were sent, as one key has one partition.
///
/// # Errors
/// Some may have been written, or be written yet, a later one without an earlier one too. Sending the
/// request again does no harm: all of them follow in their order, and a fold knows an event that it
/// has seen by the partner's id of it, and a device's order by its epoch and sequence.
pub async fn append_all(log: &dyn EventLog, entries: Vec<Entry>) -> Result<(), AppendError> {
    let records = entries.into_iter().map(|entry| (entry.topic, entry.record));
    log.append_all(records.collect()).await.map(drop)
}
