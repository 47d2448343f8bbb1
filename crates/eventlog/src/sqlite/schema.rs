//! The file: one table for each partition, with the offset as its rowid, so that
//! appends go to the end of a tree and a partition is read in one range scan.

use std::collections::HashMap;
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, Transaction, TransactionBehavior, params};

use super::connection::{self, is_busy, unavailable};
use crate::{LogError, LogOptions, Topic};

/// "SHEL", in the header of each log file.
const APPLICATION_ID: i32 = 0x5348_454c;
const FORMAT: i32 = 1;

const SHARED_TABLES: &str = "
    CREATE TABLE partitions (
        topic            TEXT NOT NULL,
        partition        INTEGER NOT NULL,
        start_offset     INTEGER NOT NULL DEFAULT 0,
        end_offset       INTEGER NOT NULL DEFAULT 0,
        last_append_time INTEGER NOT NULL DEFAULT 0, -- milliseconds since 1970
        PRIMARY KEY (topic, partition)
    ) WITHOUT ROWID;
    CREATE TABLE group_members (
        joined     INTEGER PRIMARY KEY, -- the order of joining
        group_name TEXT NOT NULL,
        member     BLOB NOT NULL,       -- UUID
        beat       INTEGER NOT NULL,
        session_ms INTEGER NOT NULL,
        topics     TEXT NOT NULL,       -- names, separated by spaces
        UNIQUE (group_name, member)
    );
    CREATE TABLE group_partitions (
        group_name TEXT NOT NULL,
        topic      TEXT NOT NULL,
        partition  INTEGER NOT NULL,
        owner      BLOB,                -- UUID
        epoch      INTEGER NOT NULL,
        committed  INTEGER,             -- the first offset not yet processed
        PRIMARY KEY (group_name, topic, partition)
    ) WITHOUT ROWID;
";

/// The table of a partition, quoted.
pub(super) fn table(topic: Topic, partition: u32) -> String {
    format!("\"{topic}/{partition}\"")
}

/// The statement that creates a table for a partition's records.
pub(super) fn create_records(table: &str) -> String {
    format!(
        "CREATE TABLE {table} (
            record_offset INTEGER PRIMARY KEY,
            append_time   INTEGER NOT NULL, -- milliseconds since 1970
            key           BLOB NOT NULL,
            headers       BLOB NOT NULL,
            value         BLOB              -- NULL is a tombstone
        )"
    )
}

/// Creates the file, or checks that it is a log with the configured partitions.
/// Several processes may do so at once.
pub(super) fn prepare(path: &Path, options: &LogOptions) -> Result<(), LogError> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(|error| {
            LogError::Misconfigured(format!(
                "the log's file can't be opened for writing ({error}); \
                 its folder must exist and be writable by this process"
            ))
        })?;
    let mut connection = connection::open(path).map_err(opening)?;
    refuse_foreign(&connection)?;
    write_ahead(&connection)?;
    if is_complete(&connection.transaction().map_err(opening)?, options)? {
        // Opening doesn't wait for those who write.
        return Ok(());
    }
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(opening)?;
    // Another process may have been first.
    if tables(&transaction).map_err(opening)? == 0 {
        create(&transaction).map_err(opening)?;
    }
    check_format(&transaction)?;
    for topic in topics_to_make(&transaction, options)? {
        create_partitions(&transaction, topic, options.partitions.get()).map_err(opening)?;
    }
    transaction.commit().map_err(opening)
}

/// Whether the file is a log of this format with all topics.
fn is_complete(transaction: &Transaction<'_>, options: &LogOptions) -> Result<bool, LogError> {
    if tables(transaction).map_err(opening)? == 0 {
        return Ok(false);
    }
    check_format(transaction)?;
    Ok(topics_to_make(transaction, options)?.is_empty())
}

fn opening(error: rusqlite::Error) -> LogError {
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => foreign(),
        _ => unavailable(error),
    }
}

fn foreign() -> LogError {
    LogError::Misconfigured("the file is not an event log; name another path".to_owned())
}

fn tables(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
}

/// Refuses somebody else's file before anything is changed in it.
fn refuse_foreign(connection: &Connection) -> Result<(), LogError> {
    let id: i32 = connection
        .pragma_query_value(None, "application_id", |row| row.get(0))
        .map_err(opening)?;
    if id != APPLICATION_ID && tables(connection).map_err(opening)? > 0 {
        return Err(foreign());
    }
    Ok(())
}

/// Sets WAL mode. SQLite does not wait for the lock that this needs, so where
/// several processes create the file at once it is asked for again.
fn write_ahead(connection: &Connection) -> Result<(), LogError> {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let mode = connection.query_row("PRAGMA journal_mode = WAL", [], |row| {
            row.get::<_, String>(0)
        });
        match mode {
            Ok(mode) if mode == "wal" => return Ok(()),
            Ok(_) => {
                return Err(LogError::Misconfigured(
                    "the file system does not support SQLite's WAL mode; use a local one"
                        .to_owned(),
                ));
            }
            Err(error) if is_busy(&error) && Instant::now() < deadline => {
                thread::sleep(Duration::from_millis(5));
            }
            Err(error) => return Err(opening(error)),
        }
    }
}

fn create(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    transaction.execute_batch(SHARED_TABLES)?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", FORMAT)
}

fn check_format(transaction: &Transaction<'_>) -> Result<(), LogError> {
    let format: i32 = transaction
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .map_err(opening)?;
    if format == FORMAT {
        return Ok(());
    }
    Err(LogError::Misconfigured(format!(
        "the file has format {format}, this program reads format {FORMAT}; use the program that wrote it"
    )))
}

/// Creates the partitions of topics that the file does not know yet; those that
/// it knows must be as many as configured.
/// The topics that the file doesn't have yet; those that it has must have the configured partitions.
fn topics_to_make(
    transaction: &Transaction<'_>,
    options: &LogOptions,
) -> Result<Vec<Topic>, LogError> {
    let configured = options.partitions.get();
    let known = known_partitions(transaction).map_err(opening)?;
    let mut absent = Vec::new();
    for topic in Topic::ALL {
        match known.get(topic.name()) {
            Some(count) if *count == configured => {}
            Some(count) => {
                return Err(LogError::Misconfigured(format!(
                    "{topic} has {count} partitions in the file, but {configured} are configured; \
                     set partitions to {count}, or start a new log"
                )));
            }
            None => absent.push(topic),
        }
    }
    Ok(absent)
}

fn known_partitions(transaction: &Transaction<'_>) -> rusqlite::Result<HashMap<String, u32>> {
    transaction
        .prepare("SELECT topic, count(*) FROM partitions GROUP BY topic")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}

fn create_partitions(
    transaction: &Transaction<'_>,
    topic: Topic,
    partitions: u32,
) -> rusqlite::Result<()> {
    for partition in 0..partitions {
        transaction.execute(
            "INSERT INTO partitions (topic, partition) VALUES (?1, ?2)",
            params![topic.name(), partition],
        )?;
        transaction.execute_batch(&create_records(&table(topic, partition)))?;
    }
    Ok(())
}
