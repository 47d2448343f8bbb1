use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::watch;

use super::stop::Stop;
use super::writer::raise;
use super::{connection, total};

/// How soon an append of another process is noticed.
const INTERVAL: Duration = Duration::from_millis(2);
/// How soon it is tried again after the file could not be read.
const PAUSE: Duration = Duration::from_millis(100);

/// Looks whether another connection has committed, and wakes readers if that has
/// added records. SQLite tells processes nothing of each other's commits, but
/// asking costs microseconds.
pub(super) fn run(path: &Path, appended: &watch::Sender<u64>, stop: &Stop) {
    let mut connection: Option<Connection> = None;
    let mut seen: Option<i64> = None;
    loop {
        let wait = match look(path, &mut connection, &mut seen, appended) {
            Ok(()) => INTERVAL,
            Err(error) => {
                tracing::warn!(%error, "the event log can't be watched; it will be tried again");
                connection = None;
                seen = None;
                PAUSE
            }
        };
        if stop.wait(wait) {
            return;
        }
    }
}

fn look(
    path: &Path,
    connection: &mut Option<Connection>,
    seen: &mut Option<i64>,
    appended: &watch::Sender<u64>,
) -> rusqlite::Result<()> {
    if appended.receiver_count() == 0 {
        // Nobody reads; the next reader looks for itself when it starts.
        return Ok(());
    }
    let connection = match connection {
        Some(connection) => connection,
        None => connection.insert(connection::open_reader(path)?),
    };
    let version: i64 = connection
        .prepare_cached("PRAGMA data_version")?
        .query_row([], |row| row.get(0))?;
    if *seen != Some(version) {
        raise(appended, total(connection)?);
        *seen = Some(version);
    }
    Ok(())
}
