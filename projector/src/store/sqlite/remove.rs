//! Removing the rows of pruned records.

use std::ops::Range;

use auditlog::LogId;
use eventlog::Topic;
use rusqlite::{Connection, ToSql, params};

use super::super::{Gone, Removed, StoreError};

/// Tables of rows that stand at an offset of `access.events.v1`.
const OF_ACCESSES: [&str; 8] = [
    "access",
    "claims",
    "completions",
    "observations",
    "digests",
    "alarms",
    "hours",
    "sequences",
];
/// What makes a row one of a range of offsets, behind a complex and what a table asks for more.
const WITHIN: &str = "complex = ?1 AND off >= ?2 AND off < ?3";

/// Overwrites what is removed: free pages of the file tell nothing of it.
pub(super) fn overwrite(connection: &Connection) -> Result<(), StoreError> {
    connection.pragma_update_and_check(None, "secure_delete", true, |_| Ok(()))?;
    Ok(())
}

/// Empties the write-ahead log, in which pages stand as they were; whoever reads just now keeps it.
pub(super) fn forget(connection: &Connection) -> Result<(), StoreError> {
    let sql = "PRAGMA wal_checkpoint(TRUNCATE)";
    Ok(connection.query_row(sql, [], |_| Ok(()))?)
}

/// Removes, or only counts.
pub(super) fn remove(
    connection: &Connection,
    gone: &Gone,
    apply: bool,
) -> Result<Removed, StoreError> {
    let rows = Rows { connection, apply };
    let mut removed = Removed::new();
    for (log, offsets) in gone.ranges() {
        let of_topic: &[&str] = match log.topic().parse() {
            Ok(Topic::AccessEvents) => &OF_ACCESSES,
            Ok(Topic::AuditReads) => &["reads"],
            _ => &[],
        };
        for table in of_topic {
            *removed.entry(table).or_default() += rows.within(table, log, offsets)?;
        }
        *removed.entry("unreadable").or_default() += rows.unreadable(log, offsets)?;
        *removed.entry("leaves").or_default() += rows.of_topic("leaves", log, offsets)?;
    }
    removed.retain(|_, count| *count > 0);
    Ok(removed)
}

struct Rows<'a> {
    connection: &'a Connection,
    apply: bool,
}

impl Rows<'_> {
    fn within(&self, table: &str, log: &LogId, offsets: &Range<u64>) -> Result<u64, StoreError> {
        let values = params![log.complex(), offsets.start, offsets.end];
        self.matching(table, WITHIN, values)
    }

    fn of_topic(&self, table: &str, log: &LogId, offsets: &Range<u64>) -> Result<u64, StoreError> {
        let values = params![log.complex(), offsets.start, offsets.end, log.topic()];
        self.matching(table, &format!("{WITHIN} AND topic = ?4"), values)
    }

    /// Those of records whose key is no complex are found by their partition.
    fn unreadable(&self, log: &LogId, offsets: &Range<u64>) -> Result<u64, StoreError> {
        let Some(partition) = log.unkeyed_partition() else {
            return self.of_topic("unreadable", log, offsets);
        };
        let which = "complex IS NULL AND part = ?1 AND off >= ?2 AND off < ?3 AND topic = ?4";
        let values = params![partition, offsets.start, offsets.end, log.topic()];
        self.matching("unreadable", which, values)
    }

    fn matching(&self, table: &str, which: &str, values: &[&dyn ToSql]) -> Result<u64, StoreError> {
        if self.apply {
            let sql = format!("DELETE FROM {table} WHERE {which}");
            return Ok(self.connection.execute(&sql, values)? as u64);
        }
        let sql = format!("SELECT count(*) FROM {table} WHERE {which}");
        Ok(self.connection.query_row(&sql, values, |row| row.get(0))?)
    }
}
