//! Records that were pruned, as stores look for their rows: a row is of the record at whose offset it
//! stands.

use std::collections::BTreeMap;
use std::ops::Range;

use auditlog::LogId;

/// What is gone of some logs: offsets of the event log, in the partition of the log's records.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Gone(BTreeMap<LogId, Vec<Range<u64>>>);

/// How many rows went, by table.
pub type Removed = BTreeMap<&'static str, u64>;

impl Gone {
    /// Adds what is gone of a log; nothing where there are no ranges.
    pub fn add(&mut self, log: LogId, offsets: Vec<Range<u64>>) {
        if !offsets.is_empty() {
            self.0.entry(log).or_default().extend(offsets);
        }
    }

    /// Whether nothing is.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each log with what is gone of it.
    pub(super) fn ranges(&self) -> impl Iterator<Item = (&LogId, &Range<u64>)> {
        let logs = self.0.iter();
        logs.flat_map(|(log, ranges)| ranges.iter().map(move |range| (log, range)))
    }

    /// Whether the record of a log at this offset is.
    #[cfg(feature = "cassandra")]
    pub(super) fn has(&self, log: &LogId, offset: u64) -> bool {
        let ranges = self.0.get(log);
        ranges.is_some_and(|ranges| ranges.iter().any(|range| range.contains(&offset)))
    }
}
