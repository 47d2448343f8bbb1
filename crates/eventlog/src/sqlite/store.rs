use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::sync::{oneshot, watch};
use tokio::time::timeout;

use super::connection::{open_writer, unavailable};
use super::group::GroupChange;
use super::queue::{Queue, Ticket};
use super::reader::{self, Readers};
use super::stop::Stop;
use super::writer::Writer;
use super::{schema, sweep, total, wake};
use crate::group::GroupTable;
use crate::prepare::Prepared;
use crate::store::{Bounds, Cursor, Store};
use crate::{AppendError, LogError, LogOptions, Position, Record, Topic};

/// One opened file: a writer thread, a few reading connections, a thread that
/// watches for other processes' commits and one that sweeps.
pub(super) struct SqliteStore {
    pub(super) path: PathBuf,
    pub(super) options: LogOptions,
    queue: Arc<Queue>,
    readers: Readers,
    appended: watch::Sender<u64>,
    stop: Arc<Stop>,
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        self.queue.close();
        self.stop.now();
    }
}

impl SqliteStore {
    /// Opens the file and starts its threads. Blocks.
    pub(super) fn open(path: PathBuf, options: LogOptions) -> Result<Self, LogError> {
        schema::prepare(&path, &options)?;
        let connection = open_writer(&path).map_err(unavailable)?;
        let appended = watch::Sender::new(total(&connection).map_err(unavailable)?);
        let store = Self {
            queue: Arc::new(Queue::new(options.queue_capacity)),
            readers: Readers::new(&path),
            stop: Arc::default(),
            path,
            options,
            appended,
        };
        let writer = Writer {
            path: store.path.clone(),
            queue: Arc::clone(&store.queue),
            appended: store.appended.clone(),
            connection: Some(connection),
        };
        spawn("eventlog-writer", move || writer.run())?;
        let (path, stop) = (store.path.clone(), Arc::clone(&store.stop));
        let appended = store.appended.clone();
        spawn("eventlog-wake", move || wake::run(&path, &appended, &stop))?;
        let (path, stop) = (store.path.clone(), Arc::clone(&store.stop));
        let options = store.options.clone();
        spawn("eventlog-sweep", move || sweep::run(&path, &options, &stop))?;
        Ok(store)
    }

    pub(super) fn queue_depth(&self) -> usize {
        self.queue.depth()
    }

    pub(super) async fn append(
        &self,
        records: Vec<Prepared>,
    ) -> Result<Vec<Position>, AppendError> {
        let (ticket, answered) = self.queue.push(records)?;
        let place = Place {
            queue: &self.queue,
            ticket,
        };
        match timeout(self.options.append_timeout, answered).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(AppendError::maybe_written(
                "the writer stopped; read the log to find out",
            )),
            Err(_) if place.withdraw() => Err(AppendError::not_written(
                "the log could not be locked for writing in time; try again after a pause",
            )),
            Err(_) => Err(AppendError::maybe_written(
                "the commit took too long; read the log to find out",
            )),
        }
    }
}

/// A place in the queue, given up when its owner goes.
struct Place<'a> {
    queue: &'a Queue,
    ticket: Ticket,
}

impl Place<'_> {
    fn withdraw(&self) -> bool {
        self.queue.withdraw(self.ticket)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.withdraw();
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), LogError> {
    thread::Builder::new()
        .name(name.to_owned())
        .spawn(work)
        .map(drop)
        .map_err(|error| LogError::Unavailable(error.to_string()))
}

#[async_trait]
impl Store for SqliteStore {
    fn options(&self) -> &LogOptions {
        &self.options
    }

    fn appended(&self) -> watch::Receiver<u64> {
        self.appended.subscribe()
    }

    async fn bounds(&self, topic: Topic) -> Result<Vec<Bounds>, LogError> {
        self.readers
            .run(move |connection| reader::bounds(connection, topic).map_err(unavailable))
            .await
    }

    async fn offsets_at(&self, topic: Topic, time: Timestamp) -> Result<Vec<u64>, LogError> {
        self.readers
            .run(move |connection| {
                let bounds = reader::bounds(connection, topic).map_err(unavailable)?;
                (0..)
                    .zip(bounds)
                    .map(|(partition, bounds)| {
                        reader::offset_at(connection, (topic, partition), bounds, time)
                    })
                    .collect::<rusqlite::Result<_>>()
                    .map_err(unavailable)
            })
            .await
    }

    async fn read(&self, cursors: Vec<Cursor>, max: usize) -> Result<Vec<Record>, LogError> {
        self.readers
            .run(move |connection| reader::read(connection, &cursors, max))
            .await
    }

    async fn update_group<R, F>(&self, group: &str, update: F) -> Result<R, LogError>
    where
        R: Send + 'static,
        F: FnOnce(&mut GroupTable) -> R + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let change = GroupChange::new(group, update, answer);
        self.queue.push_change(Box::new(change))?;
        let late = || LogError::Unavailable("the log did not answer in time".to_owned());
        timeout(self.options.append_timeout, answered)
            .await
            .map_err(|_| late())?
            .map_err(|_| late())?
    }
}
