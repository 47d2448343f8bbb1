//! Where every read of records over this listener passes: counted and logged here, and to be
//! recorded in `audit.reads.v1` here as well.

use super::Asked;

/// An auditor was given entries of a log.
pub(super) fn read(asked: &Asked) {
    let topic = asked.log.topic().to_owned();
    metrics::counter!("projector_entries_reads_total", "topic" => topic).increment(1);
    tracing::info!(log = %asked.log, object = %asked.object, "an auditor read entries");
}
