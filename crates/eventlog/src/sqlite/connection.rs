use std::path::Path;
use std::thread;
use std::time::Duration;

use rusqlite::{Connection, Error, ErrorCode, OpenFlags};

use crate::LogError;

/// How long a reader, or the sweep, waits for a lock before it gives up.
const PATIENCE: Duration = Duration::from_secs(5);

/// A connection that makes durable what it commits and overwrites what it
/// deletes. The file must exist.
pub(super) fn open(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(PATIENCE)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    // Only where fsync alone does not reach the disk (Apple); elsewhere no-ops.
    connection.pragma_update(None, "fullfsync", true)?;
    connection.pragma_update(None, "checkpoint_fullfsync", true)?;
    connection.pragma_update(None, "secure_delete", true)?;
    // Nothing of a record goes to temporary files.
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.set_prepared_statement_cache_capacity(128);
    Ok(connection)
}

/// A connection that only reads.
pub(super) fn open_reader(path: &Path) -> rusqlite::Result<Connection> {
    let connection = open(path)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

/// A connection for the writer: it asks for the lock in short steps, since the
/// others hold it for about one flush, and gives up after 100 ms to look at its
/// queue again.
pub(super) fn open_writer(path: &Path) -> rusqlite::Result<Connection> {
    let mut connection = open(path)?;
    connection.busy_handler(Some(|attempts| {
        thread::sleep(Duration::from_micros(250));
        attempts < 400
    }))?;
    Ok(connection)
}

/// Whether another connection holds the lock that was asked for.
pub(super) fn is_busy(error: &Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
    )
}

pub(super) fn unavailable(error: Error) -> LogError {
    LogError::Unavailable(error.to_string())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::LogOptions;
    use crate::sqlite::schema;

    #[test]
    fn commits_are_flushed_and_deleted_bytes_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.db");
        schema::prepare(&path, &LogOptions::default()).unwrap();
        for connection in [open(&path).unwrap(), open_writer(&path).unwrap()] {
            let setting = |name: &str| -> String {
                let value = |row: &rusqlite::Row<'_>| row.get::<_, rusqlite::types::Value>(0);
                let value = connection.pragma_query_value(None, name, value).unwrap();
                format!("{value:?}")
            };
            assert_eq!(setting("journal_mode"), "Text(\"wal\")");
            assert_eq!(setting("synchronous"), "Integer(2)", "FULL");
            assert_eq!(setting("secure_delete"), "Integer(1)");
            assert_eq!(setting("temp_store"), "Integer(2)", "MEMORY");
        }
    }
}
