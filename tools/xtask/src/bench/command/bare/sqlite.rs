//! SQLite as it comes: one transaction for all who wait, with the durability that the log promises.

use std::path::Path;
use std::sync::mpsc;
use std::thread;

use anyhow::{Context as _, Result};
use rusqlite::Connection;
use tokio::sync::oneshot;

use super::Sample;

/// The most that goes into one transaction.
const BATCH: usize = 1024;

pub(super) fn create(path: &Path) -> Result<()> {
    connect(path)?.execute(
        "create table records (at integer primary key, value blob)",
        [],
    )?;
    Ok(())
}

pub(super) fn count(path: &Path) -> Result<u64> {
    let count: i64 =
        connect(path)?.query_one("select count(*) from records", [], |row| row.get(0))?;
    Ok(u64::try_from(count)?)
}

fn connect(path: &Path) -> Result<Connection> {
    let connection = Connection::open(path)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "full")?;
    Ok(connection)
}

struct Append {
    value: Vec<u8>,
    written: oneshot::Sender<()>,
}

/// A file with its one writer, which ends with this value.
pub(super) struct File(mpsc::Sender<Append>);

impl File {
    pub(super) fn open(path: &Path) -> Result<Self> {
        let mut connection = connect(path)?;
        let (sender, waiting) = mpsc::channel::<Append>();
        thread::spawn(move || {
            while let Ok(first) = waiting.recv() {
                let batch: Vec<_> = [first]
                    .into_iter()
                    .chain(waiting.try_iter())
                    .take(BATCH)
                    .collect();
                // Whoever waits learns of a failure by the end of their channel.
                if write(&mut connection, &batch).is_ok() {
                    for append in batch {
                        let _ = append.written.send(());
                    }
                }
            }
        });
        Ok(Self(sender))
    }

    pub(super) async fn append(&self, sample: &Sample) -> Result<()> {
        let headers = sample.headers.iter();
        let headers: usize = headers.map(|(name, value)| name.len() + value.len()).sum();
        let (written, told) = oneshot::channel();
        let value = vec![7; sample.key.len() + headers + sample.bytes];
        self.0.send(Append { value, written })?;
        told.await.context("not written")
    }
}

fn write(connection: &mut Connection, batch: &[Append]) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    for append in batch {
        transaction
            .prepare_cached("insert into records (value) values (?1)")?
            .execute([&append.value])?;
    }
    transaction.commit()
}
