//! The log in an SQLite file that any number of processes of one machine share.

mod codec;
mod connection;
mod group;
mod queue;
mod reader;
mod schema;
mod stop;
mod store;
mod sweep;
mod wake;
mod writer;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use rusqlite::Connection;
use tokio::task::spawn_blocking;
use url::Url;

use self::connection::unavailable;
use self::store::SqliteStore;
use crate::prepare::{Prepared, one};
use crate::{
    AppendError, EventLog, LogError, LogOptions, NewRecord, Position, Subscription, Tail, TailFrom,
    Topic, group as groups, left, tail,
};

/// An [`EventLog`] in an SQLite file (WAL mode, flushed at each commit). Clones
/// share the writer thread and the connections.
///
/// Every process applies the retention of its own options.
#[derive(Clone)]
pub struct SqliteLog {
    store: Arc<SqliteStore>,
}

impl SqliteLog {
    /// Opens the file of `sqlite:///absolute/path`, creating it for this user
    /// only if it does not exist.
    ///
    /// # Errors
    /// [`LogError::Misconfigured`] if the URL, the options or the file can't be
    /// right; [`LogError::Unavailable`].
    pub async fn open(url: &Url, options: LogOptions) -> Result<Self, LogError> {
        options.validate()?;
        let path = path_of(url)?;
        let store = spawn_blocking(move || SqliteStore::open(path, options))
            .await
            .map_err(|_| LogError::Unavailable("the runtime is shutting down".to_owned()))??;
        Ok(Self {
            store: Arc::new(store),
        })
    }

    /// Removes expired and superseded records now instead of at the next sweep.
    /// When this returns `Ok(true)` the bytes of erased and superseded subjects
    /// are gone from the file and its write-ahead log; `Ok(false)` means that
    /// readers kept the latter busy, and that the next sweep tries again.
    ///
    /// Expired records are overwritten too, but SQLite may have left a fragment
    /// of one in a page that it shares with its successors; that goes with them.
    ///
    /// # Errors
    /// [`LogError::Unavailable`].
    pub async fn apply_retention(&self) -> Result<bool, LogError> {
        let path = self.store.path.clone();
        let options = self.store.options.clone();
        let work = move || {
            let mut owed = true;
            sweep::sweep(&path, &options, &mut owed).map(|()| !owed)
        };
        spawn_blocking(work)
            .await
            .map_err(|_| LogError::Unavailable("the runtime is shutting down".to_owned()))?
            .map_err(unavailable)
    }
}

/// The absolute path that the URL names.
fn path_of(url: &Url) -> Result<PathBuf, LogError> {
    let plain = url.host_str().is_none_or(str::is_empty)
        && url.query().is_none()
        && url.fragment().is_none()
        && url.path().len() > 1
        && !url.path().ends_with('/');
    Url::parse(&format!("file://{}", url.path()))
        .ok()
        .filter(|_| plain && !url.cannot_be_a_base())
        .and_then(|file| file.to_file_path().ok())
        .ok_or_else(|| {
            LogError::Misconfigured(
                "the event log's URL must have the form sqlite:///absolute/path".to_owned(),
            )
        })
}

/// How many records were ever appended.
fn total(connection: &Connection) -> rusqlite::Result<u64> {
    connection
        .prepare_cached("SELECT sum(end_offset) FROM partitions")?
        .query_row([], |row| codec::from_sql(row.get(0)?))
}

#[async_trait]
impl EventLog for SqliteLog {
    async fn append(&self, topic: Topic, record: NewRecord) -> Result<Position, AppendError> {
        one(self.append_all(vec![(topic, record)]).await?)
    }

    async fn append_all(
        &self,
        records: Vec<(Topic, NewRecord)>,
    ) -> Result<Vec<Position>, AppendError> {
        let started = Instant::now();
        let records = Prepared::all(records, &self.store.options)?;
        let topics: BTreeSet<Topic> = records.iter().map(|record| record.topic).collect();
        let result = self.store.append(records).await;
        let outcome = match &result {
            Ok(_) => "written",
            Err(AppendError::NotWritten { .. }) => "not_written",
            Err(AppendError::MaybeWritten { .. }) => "maybe_written",
        };
        for topic in topics {
            metrics::histogram!(
                "eventlog_append_seconds", "topic" => topic.name(), "outcome" => outcome
            )
            .record(started.elapsed());
        }
        metrics::gauge!("eventlog_append_queue_depth").set(self.store.queue_depth() as f64);
        result
    }

    async fn start_offsets(&self, topic: Topic) -> Result<Vec<u64>, LogError> {
        tail::starts(self.store.as_ref(), topic).await
    }

    async fn end_offsets(&self, topic: Topic) -> Result<Vec<u64>, LogError> {
        tail::ends(self.store.as_ref(), topic).await
    }

    async fn tail(&self, topic: Topic, from: TailFrom) -> Result<Box<dyn Tail>, LogError> {
        tail::start(Arc::clone(&self.store), topic, from).await
    }

    /// Compacts, empties the write-ahead log, and then looks at every row there is.
    async fn left(&self, topic: Topic, parts: &[String]) -> Result<Vec<String>, LogError> {
        if !self.apply_retention().await? {
            let busy = "readers keep the write-ahead log busy; try again";
            return Err(LogError::Unavailable(busy.to_owned()));
        }
        left::by_reading(self, topic, parts).await
    }

    async fn subscribe(
        &self,
        group: &str,
        topics: &[Topic],
    ) -> Result<Box<dyn Subscription>, LogError> {
        groups::join(Arc::clone(&self.store), group, topics).await
    }
}
