//! The one place where anything is kept: SQLite, values encrypted, ids hidden, commits grouped.
//!
//! A thread of its own owns the file. Whoever wants something read or written hands it a closure;
//! closures that wait together share one transaction and one fsync, each in a savepoint, and none
//! is answered before the commit. As they run one after the other, each is atomic.

mod table;
mod tx;

use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

pub(crate) use table::{Key, Table};
pub(crate) use tx::Tx;

use crate::vault::{Vault, VaultError};

/// Closures that may wait for the thread before callers are held back.
const QUEUE: usize = 1024;
/// Most closures in one transaction.
const GROUP: usize = 256;

/// Why something could not be read or written; nothing of it happened.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// SQLite failed.
    #[error("store: {0}")]
    Sqlite(Arc<rusqlite::Error>),
    /// Another process has the file.
    #[error("store: another process has it open; stop that one first")]
    Locked,
    /// Encryption failed.
    #[error("store: {0}")]
    Vault(#[from] VaultError),
    /// A record is not of the form expected.
    #[error("store: a record can't be understood; was it written by a later version?")]
    Malformed,
    /// SQLite could not begin or has given up a transaction.
    #[error("store: no transaction can be had; is the disk full?")]
    NoTransaction,
    /// The store has been closed.
    #[error("store: closed")]
    Closed,
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DatabaseBusy) => Self::Locked,
            _ => Self::Sqlite(Arc::new(error)),
        }
    }
}

impl From<serde_json::Error> for StoreError {
    fn from(_: serde_json::Error) -> Self {
        Self::Malformed
    }
}

type Reply = Box<dyn FnOnce(Result<(), StoreError>) + Send>;
type Job = Box<dyn FnOnce(&Tx<'_>) -> Reply + Send>;

enum Message {
    Job(Job),
    Rotate(Timestamp, oneshot::Sender<Result<u32, StoreError>>),
}

/// Handle of the store's thread.
#[derive(Clone)]
pub(crate) struct Store {
    messages: mpsc::Sender<Message>,
}

impl Store {
    /// Opens the file, makes it and its keyring at the first start, and starts the thread.
    pub(crate) fn open(config: &crate::config::Store, now: Timestamp) -> Result<Self, StoreError> {
        let exists = config.path.metadata().is_ok_and(|file| file.len() > 0);
        let vault = Vault::open(&config.keyring, exists, now)?;
        let connection = connect(&config.path)?;
        let (messages, inbox) = mpsc::channel(QUEUE);
        std::thread::Builder::new()
            .name("store".into())
            .spawn(move || run(connection, vault, inbox))
            .map_err(|_| StoreError::Closed)?;
        Ok(Self { messages })
    }

    /// Runs a closure in a transaction; its result is given when it is durable.
    ///
    /// # Errors
    /// What the closure gave, or why the commit failed; then nothing of it happened.
    pub(crate) async fn run<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Tx<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |tx| {
            let result = tx.savepoint(work);
            Box::new(move |committed| {
                let _ = answer.send(committed.and(result));
            })
        });
        self.messages
            .send(Message::Job(job))
            .await
            .map_err(|_| StoreError::Closed)?;
        answered.await.map_err(|_| StoreError::Closed)?
    }

    /// Adds a key version and re-encrypts every record under it.
    ///
    /// # Errors
    /// Why it failed; the keyring may then have a version that few records use, which is harmless.
    pub(crate) async fn rotate(&self, now: Timestamp) -> Result<u32, StoreError> {
        let (answer, answered) = oneshot::channel();
        let message = Message::Rotate(now, answer);
        self.messages
            .send(message)
            .await
            .map_err(|_| StoreError::Closed)?;
        answered.await.map_err(|_| StoreError::Closed)?
    }
}

fn connect(path: &Path) -> Result<Connection, StoreError> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(std::time::Duration::from_secs(2))?;
    connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "secure_delete", "ON")?;
    connection.execute_batch(table::SCHEMA)?;
    Ok(connection)
}

fn run(connection: Connection, mut vault: Vault, mut inbox: mpsc::Receiver<Message>) {
    while let Some(first) = inbox.blocking_recv() {
        let mut jobs = Vec::new();
        let mut next = Some(first);
        let mut rotation = None;
        while let Some(message) = next.take() {
            match message {
                Message::Job(job) => jobs.push(job),
                Message::Rotate(now, answer) => rotation = Some((now, answer)),
            }
            if rotation.is_none() && jobs.len() < GROUP {
                next = inbox.try_recv().ok();
            }
        }
        group(&Tx::new(&connection, &vault), jobs);
        if let Some((now, answer)) = rotation {
            let _ = answer.send(rotate(&connection, &mut vault, now));
        }
    }
}

fn group(tx: &Tx<'_>, jobs: Vec<Job>) {
    if jobs.is_empty() {
        return;
    }
    let begun = tx.begin();
    let replies: Vec<Reply> = jobs.into_iter().map(|job| job(tx)).collect();
    let committed = begun.and_then(|()| tx.commit());
    for reply in replies {
        reply(committed.clone());
    }
}

fn rotate(connection: &Connection, vault: &mut Vault, now: Timestamp) -> Result<u32, StoreError> {
    let version = vault.rotate(now)?;
    let tx = Tx::new(connection, vault);
    tx.begin()?;
    let result = tx.reencrypt().and_then(|()| tx.commit());
    if result.is_err() {
        tx.rollback();
    }
    result?;
    connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")?;
    Ok(version)
}

#[cfg(test)]
mod tests;
