//! Tables, and how a file is opened.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::super::StoreError;

/// Raised with every change of the tables or of what stands in them.
const VERSION: i64 = 4;
/// How long another process' transaction is waited for.
const BUSY: Duration = Duration::from_secs(5);

/// Pages that a writer keeps at hand, in KiB. A batch touches pages all over the indexes: what has no room is
/// written before the batch ends, and read again.
const CACHE: i64 = 64 * 1024;
/// Pages of the write-ahead log before they are copied into the file: pages that several batches touch are
/// copied once.
const CHECKPOINT: i64 = 16 * 1024;
/// Statements that stay prepared; more than there are.
const STATEMENTS: usize = 64;

/// `off` is an offset of the event log; `record`, `status` and `result` are protobuf messages of
/// `smarthome.access.v1`, as `alarm` and `read` are; `time` is nanoseconds since 1970; times in text are RFC 3339.
const TABLES: &str = "
CREATE TABLE access (
  complex TEXT NOT NULL, identity TEXT NOT NULL, off INTEGER NOT NULL, event TEXT NOT NULL,
  time INTEGER NOT NULL, occurred_at TEXT NOT NULL, subject TEXT, device TEXT,
  automation INTEGER, command TEXT, record BLOB NOT NULL,
  PRIMARY KEY (complex, identity));
CREATE INDEX access_time ON access (complex, time, off);
CREATE INDEX access_subject ON access (complex, subject, time, off);
CREATE INDEX access_device ON access (complex, device, time, off);
CREATE INDEX access_event ON access (complex, event, off);
CREATE TABLE claims (
  complex TEXT NOT NULL, command TEXT NOT NULL, off INTEGER NOT NULL, event TEXT NOT NULL,
  verdict INTEGER NOT NULL, late INTEGER NOT NULL, device TEXT NOT NULL, leaf INTEGER NOT NULL,
  PRIMARY KEY (complex, command, off)) WITHOUT ROWID;
CREATE TABLE completions (
  complex TEXT NOT NULL, command TEXT NOT NULL, off INTEGER NOT NULL, event TEXT NOT NULL,
  outcome INTEGER NOT NULL, at TEXT NOT NULL, leaf INTEGER NOT NULL,
  PRIMARY KEY (complex, command, off)) WITHOUT ROWID;
CREATE TABLE observations (
  complex TEXT NOT NULL, command TEXT NOT NULL, off INTEGER NOT NULL, part INTEGER NOT NULL,
  event TEXT NOT NULL, leaf INTEGER NOT NULL, device TEXT NOT NULL, observation INTEGER NOT NULL,
  occurred_at TEXT NOT NULL,
  PRIMARY KEY (complex, command, off)) WITHOUT ROWID;
CREATE TABLE alarms (
  complex TEXT NOT NULL, time INTEGER NOT NULL, off INTEGER NOT NULL, kind INTEGER NOT NULL,
  device TEXT NOT NULL, occurred_at TEXT NOT NULL, alarm BLOB NOT NULL,
  PRIMARY KEY (complex, time, off)) WITHOUT ROWID;
CREATE INDEX alarms_device ON alarms (complex, device, time, off);
CREATE TABLE digests (
  complex TEXT NOT NULL, partner TEXT NOT NULL, partner_event TEXT NOT NULL,
  digest BLOB NOT NULL, off INTEGER NOT NULL, event TEXT NOT NULL,
  PRIMARY KEY (complex, partner, partner_event, digest)) WITHOUT ROWID;
CREATE TABLE devices (
  device TEXT NOT NULL PRIMARY KEY, complex TEXT NOT NULL, epoch BLOB NOT NULL,
  sequence BLOB NOT NULL, time INTEGER NOT NULL, observed_at TEXT NOT NULL,
  off INTEGER NOT NULL, status BLOB NOT NULL) WITHOUT ROWID;
CREATE INDEX devices_complex ON devices (complex, device);
CREATE TABLE statuses (
  device TEXT NOT NULL, time INTEGER NOT NULL, epoch BLOB NOT NULL, sequence BLOB NOT NULL,
  observed_at TEXT NOT NULL, off INTEGER NOT NULL, status BLOB NOT NULL,
  PRIMARY KEY (device, time, epoch, sequence)) WITHOUT ROWID;
CREATE TABLE leaves (
  topic TEXT NOT NULL, complex TEXT NOT NULL, off INTEGER NOT NULL, leaf INTEGER NOT NULL,
  PRIMARY KEY (topic, complex, off)) WITHOUT ROWID;
CREATE TABLE unreadable (
  topic TEXT NOT NULL, part INTEGER NOT NULL, off INTEGER NOT NULL, complex TEXT,
  reason TEXT NOT NULL, append_time TEXT NOT NULL,
  PRIMARY KEY (topic, part, off)) WITHOUT ROWID;
CREATE TABLE sequences (
  complex TEXT NOT NULL, device TEXT NOT NULL, partner TEXT NOT NULL, epoch BLOB NOT NULL,
  sequence BLOB NOT NULL, rejected INTEGER NOT NULL, happened TEXT NOT NULL,
  time INTEGER NOT NULL, off INTEGER,
  PRIMARY KEY (complex, device, partner, epoch, sequence, rejected, happened)) WITHOUT ROWID;
CREATE TABLE reads (
  complex TEXT NOT NULL, scope TEXT NOT NULL, time INTEGER NOT NULL, off INTEGER NOT NULL,
  occurred_at TEXT NOT NULL, read BLOB NOT NULL,
  PRIMARY KEY (complex, scope, time, off)) WITHOUT ROWID;
CREATE TABLE hours (
  complex TEXT NOT NULL, hour INTEGER NOT NULL, identity TEXT NOT NULL, off INTEGER NOT NULL,
  device TEXT NOT NULL, result BLOB NOT NULL,
  PRIMARY KEY (complex, hour, identity)) WITHOUT ROWID;
CREATE TABLE progress (
  topic TEXT NOT NULL, part INTEGER NOT NULL, next INTEGER NOT NULL,
  PRIMARY KEY (topic, part)) WITHOUT ROWID;
";

/// What is of no generation: heads and halts of trees, and which generation of the views serves.
const ROOT: &str = "
CREATE TABLE IF NOT EXISTS heads (
  topic TEXT NOT NULL, complex TEXT NOT NULL, size INTEGER NOT NULL, root BLOB NOT NULL,
  first INTEGER NOT NULL, next INTEGER NOT NULL,
  PRIMARY KEY (topic, complex)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS halts (
  topic TEXT NOT NULL, complex TEXT NOT NULL, part INTEGER NOT NULL, off INTEGER NOT NULL,
  detail TEXT NOT NULL,
  PRIMARY KEY (topic, complex)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS generations (
  only INTEGER PRIMARY KEY CHECK (only = 1), serving INTEGER NOT NULL, building TEXT);
INSERT OR IGNORE INTO generations (only, serving) VALUES (1, 1);
";

/// A generation's views.
pub(super) fn open_to_write(path: &Path) -> Result<Connection, StoreError> {
    let mut connection = open_as_it_is(path)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.pragma_update(None, "cache_size", -CACHE)?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT)?;
    prepare(&mut connection)?;
    Ok(connection)
}

/// A root, whatever the version of the views that stand beside it.
pub(super) fn open_root(path: &Path) -> Result<Connection, StoreError> {
    let connection = open_as_it_is(path)?;
    if !has_pointer(&connection, "main")? {
        connection.execute_batch(&format!("BEGIN IMMEDIATE; {ROOT} COMMIT;"))?;
    }
    Ok(connection)
}

/// A file that is written, whatever is in it.
pub(super) fn open_as_it_is(path: &Path) -> Result<Connection, StoreError> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(BUSY)?;
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    Ok(connection)
}

/// Whether a schema of the connection says which generation serves. Roots of old don't.
pub(super) fn has_pointer(connection: &Connection, schema: &str) -> Result<bool, StoreError> {
    let sql = format!("SELECT count(*) FROM {schema}.sqlite_master WHERE name = 'generations'");
    let found: u64 = connection.query_row(&sql, [], |row| row.get(0))?;
    Ok(found > 0)
}

/// Drops the views of a root's file, of any version, and keeps what is of no generation.
pub(super) fn drop_views(root: &mut Connection) -> Result<(), StoreError> {
    let transaction = root.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let names: Vec<String> = {
        let sql = "SELECT name FROM sqlite_master WHERE type = 'table'
                   AND name NOT IN ('heads', 'halts', 'generations') AND name NOT LIKE 'sqlite_%'";
        let mut statement = transaction.prepare(sql)?;
        let names = statement.query_map([], |row| row.get(0))?;
        names.collect::<Result<_, _>>()?
    };
    for name in names {
        transaction.execute_batch(&format!("DROP TABLE \"{name}\""))?;
    }
    transaction.pragma_update(None, "user_version", 0)?;
    Ok(transaction.commit()?)
}

pub(super) fn open_to_read(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "query_only", true)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    match version(&connection)? {
        VERSION => Ok(connection),
        // Its writer has made the file and not yet the tables.
        0 => Err(StoreError::Unavailable("nothing is projected yet".into())),
        found => Err(other_version(found)),
    }
}

pub(super) fn open_in_memory() -> Result<Connection, StoreError> {
    let mut connection = Connection::open_in_memory()?;
    connection.execute_batch(ROOT)?;
    prepare(&mut connection)?;
    Ok(connection)
}

fn prepare(connection: &mut Connection) -> Result<(), StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    match version(&transaction)? {
        VERSION => {}
        0 => {
            transaction.execute_batch(TABLES)?;
            transaction.pragma_update(None, "user_version", VERSION)?;
        }
        found => return Err(other_version(found)),
    }
    Ok(transaction.commit()?)
}

fn version(connection: &Connection) -> Result<i64, StoreError> {
    Ok(connection.pragma_query_value(None, "user_version", |row| row.get(0))?)
}

fn other_version(found: i64) -> StoreError {
    StoreError::Schema {
        found,
        needed: VERSION,
    }
}
