//! Removes what retention and compaction leave behind, so that its bytes are gone
//! from the file and its write-ahead log.

use std::path::Path;
use std::thread;
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, TransactionBehavior, params};

use super::codec::to_sql;
use super::connection;
use super::reader::{offset_at, partition_bounds};
use super::schema::{create_records, table};
use super::stop::Stop;
use crate::retention::Keep;
use crate::store::Bounds;
use crate::{LogOptions, Topic};

/// The most records that one transaction removes, so that appends get in between.
const STEP: u64 = 2000;

/// Sweeps at once and then at each interval, until it is stopped.
pub(super) fn run(path: &Path, options: &LogOptions, stop: &Stop) {
    // A process that was killed may have left erased bytes in the write-ahead log.
    let mut owed = true;
    loop {
        if let Err(error) = sweep(path, options, &mut owed) {
            tracing::warn!(%error, "a sweep of the event log failed; it will be tried again");
        }
        if stop.wait(options.sweep_interval) {
            return;
        }
    }
}

/// One sweep. `owed` says that erased bytes may still stand in the write-ahead
/// log, and is kept by the caller from one sweep to the next.
pub(super) fn sweep(path: &Path, options: &LogOptions, owed: &mut bool) -> rusqlite::Result<()> {
    let mut connection = connection::open(path)?;
    let now = Timestamp::now();
    for topic in Topic::ALL {
        let keep = options.retention.of(topic);
        for partition in 0..options.partitions.get() {
            let removed = if topic.is_compacted() {
                compact(&mut connection, (topic, partition), keep.horizon(now))?
            } else {
                expire(&mut connection, (topic, partition), keep, now)?
            };
            *owed |= removed;
        }
    }
    if *owed {
        *owed = !empty_write_ahead_log(&connection)?;
    }
    Ok(())
}

/// Removes expired records from the front and moves the start behind them.
fn expire(
    connection: &mut Connection,
    at: (Topic, u32),
    keep: Keep,
    now: Timestamp,
) -> rusqlite::Result<bool> {
    let Some(horizon) = keep.horizon(now) else {
        return Ok(false);
    };
    let (topic, partition) = at;
    let mut removed = false;
    loop {
        let bounds = partition_bounds(connection, topic, partition)?;
        let Bounds { start, .. } = bounds;
        let first_kept = offset_at(connection, at, bounds, horizon)?;
        if first_kept <= start {
            return Ok(removed);
        }
        // What has expired stays so: append times never go backwards. Another
        // process may be at the same work; the start only ever grows.
        let cut = first_kept.min(start + STEP);
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute(
            &format!(
                "DELETE FROM {} WHERE record_offset < ?1",
                table(topic, partition)
            ),
            [to_sql(cut)],
        )?;
        transaction.execute(
            "UPDATE partitions SET start_offset = max(start_offset, ?3)
             WHERE topic = ?1 AND partition = ?2",
            params![topic.name(), partition, to_sql(cut)],
        )?;
        transaction.commit()?;
        removed = true;
    }
}

/// Keeps the last record of each key, and of those no tombstone from before the
/// horizon. The partition's last record always stays, so that a reader that has
/// got it knows that it is at the end.
///
/// The table is written anew: `secure_delete` overwrites rows and pages that are
/// freed, but not the copies that SQLite leaves in a page when it moves rows
/// between pages. A dropped table's pages are overwritten whole.
fn compact(
    connection: &mut Connection,
    (topic, partition): (Topic, u32),
    horizon: Option<Timestamp>,
) -> rusqlite::Result<bool> {
    let old = table(topic, partition);
    let new = format!("\"{topic}/{partition}/new\"");
    let horizon = horizon.map_or(i64::MIN, Timestamp::as_millisecond);
    let kept = format!(
        "record_offset IN (SELECT max(record_offset) FROM {old} GROUP BY key)
         AND NOT (value IS NULL AND append_time < ?1
                  AND record_offset < (SELECT max(record_offset) FROM {old}))"
    );
    let superseded = format!("SELECT EXISTS (SELECT 1 FROM {old} WHERE NOT ({kept}))");
    if !connection.query_row(&superseded, [horizon], |row| row.get(0))? {
        return Ok(false);
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(&create_records(&new))?;
    transaction.execute(
        &format!(
            "INSERT INTO {new} (record_offset, append_time, key, headers, value)
             SELECT record_offset, append_time, key, headers, value FROM {old}
             WHERE {kept} ORDER BY record_offset"
        ),
        [horizon],
    )?;
    transaction.execute_batch(&format!(
        "DROP TABLE {old}; ALTER TABLE {new} RENAME TO {old};"
    ))?;
    transaction.commit()?;
    Ok(true)
}

/// Moves the write-ahead log into the file and cuts it to nothing. `false` if
/// readers or writers were in the way all the time.
fn empty_write_ahead_log(connection: &Connection) -> rusqlite::Result<bool> {
    // Waiting for readers holds up the writers, so each try is short.
    connection.busy_timeout(Duration::from_millis(100))?;
    for _ in 0..20 {
        let busy: i64 =
            connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
        if busy == 0 {
            return Ok(true);
        }
        thread::sleep(Duration::from_millis(20));
    }
    Ok(false)
}

#[cfg(test)]
#[path = "sweep_tests.rs"]
mod tests;
