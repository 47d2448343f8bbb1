//! The log in memory: for tests, and for programs that keep nothing.

mod faults;
mod partition;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::sync::{Semaphore, watch};
use tokio::time::{sleep_until, timeout_at};

use self::faults::Faults;
pub use self::faults::{Hold, LostAcknowledgements};
use self::partition::Partition;
use crate::group::{self, GroupTable};
use crate::prepare::{Prepared, one};
use crate::store::{Bounds, Cursor, Store, append_clock};
use crate::{
    AppendError, EventLog, LogError, LogOptions, NewRecord, Position, Record, Subscription, Tail,
    TailFrom, Topic, tail,
};

/// An [`EventLog`] that lives as long as the process. Clones share one log.
///
/// It can be made to fail as a real log does, so that a test of its caller needs
/// no broker: see [`MemoryLog::hold`] and [`MemoryLog::lose_acknowledgements`].
#[derive(Clone)]
pub struct MemoryLog {
    store: Arc<MemoryStore>,
}

struct MemoryStore {
    options: LogOptions,
    state: Mutex<State>,
    appended: watch::Sender<u64>,
    queue: Semaphore,
    faults: Faults,
}

struct State {
    topics: HashMap<Topic, Vec<Partition>>,
    groups: HashMap<String, GroupTable>,
    swept: Instant,
}

impl MemoryLog {
    /// A new, empty log.
    ///
    /// # Errors
    /// [`LogError::Misconfigured`] if the options can't work.
    pub fn new(options: LogOptions) -> Result<Self, LogError> {
        options.validate()?;
        let partitions = || (0..options.partitions.get()).map(|_| Partition::default());
        let topics = Topic::ALL.map(|topic| (topic, partitions().collect()));
        let state = State {
            topics: HashMap::from(topics),
            groups: HashMap::new(),
            swept: Instant::now(),
        };
        let store = MemoryStore {
            state: Mutex::new(state),
            appended: watch::Sender::new(0),
            queue: Semaphore::new(options.queue_capacity),
            faults: Faults::none(),
            options,
        };
        Ok(Self {
            store: Arc::new(store),
        })
    }

    /// Keeps appends waiting until the returned value is dropped.
    pub fn hold(&self) -> Hold {
        self.store.faults.hold()
    }

    /// Takes appends in without acknowledging them until the returned value is
    /// dropped.
    pub fn lose_acknowledgements(&self) -> LostAcknowledgements {
        self.store.faults.lose_acknowledgements()
    }
}

#[async_trait]
impl EventLog for MemoryLog {
    async fn append(&self, topic: Topic, record: NewRecord) -> Result<Position, AppendError> {
        let positions = self.append_all(vec![(topic, record)]).await?;
        one(positions)
    }

    async fn append_all(
        &self,
        records: Vec<(Topic, NewRecord)>,
    ) -> Result<Vec<Position>, AppendError> {
        let store = &self.store;
        let records = Prepared::all(records, &store.options)?;
        let deadline = tokio::time::Instant::now() + store.options.append_timeout;
        let _places = u32::try_from(records.len())
            .ok()
            .and_then(|places| store.queue.try_acquire_many(places).ok())
            .ok_or_else(|| AppendError::not_written("the queue of appends is full; slow down"))?;
        timeout_at(deadline, store.faults.pass())
            .await
            .map_err(|_| AppendError::not_written("the log took no append in time"))?;
        let positions = store.append(records)?;
        if store.faults.loses_acknowledgements() {
            sleep_until(deadline).await;
            return Err(AppendError::maybe_written(
                "no acknowledgement came in time; read the log to find out",
            ));
        }
        Ok(positions)
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

    async fn subscribe(
        &self,
        group: &str,
        topics: &[Topic],
    ) -> Result<Box<dyn Subscription>, LogError> {
        group::join(Arc::clone(&self.store), group, topics).await
    }
}

impl MemoryStore {
    /// The state, swept if it is time.
    fn state(&self) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.swept.elapsed() >= self.options.sweep_interval {
            state.sweep(&self.options, append_clock());
        }
        state
    }

    /// All under one lock.
    fn append(&self, records: Vec<Prepared>) -> Result<Vec<Position>, AppendError> {
        let mut state = self.state();
        let (now, count) = (append_clock(), records.len() as u64);
        let mut append = |record: Prepared| {
            let place = record.partition as usize;
            let partitions = state.topics.get_mut(&record.topic)?;
            Some(partitions.get_mut(place)?.append(record, now))
        };
        let positions: Option<Vec<_>> = records.into_iter().map(&mut append).collect();
        // Never so: there is every topic, and the partitioner names partitions that there are.
        let positions =
            positions.ok_or_else(|| AppendError::not_written("the log has no such partition"))?;
        drop(state);
        self.appended.send_modify(|appended| *appended += count);
        Ok(positions)
    }
}

impl State {
    fn partitions(&self, topic: Topic) -> &[Partition] {
        self.topics.get(&topic).map_or(&[], Vec::as_slice)
    }

    fn sweep(&mut self, options: &LogOptions, now: Timestamp) {
        for (topic, partitions) in &mut self.topics {
            let keep = options.retention.of(*topic);
            for partition in partitions {
                if topic.is_compacted() {
                    partition.compact(keep, now);
                } else {
                    partition.expire(keep, now);
                }
            }
        }
        self.swept = Instant::now();
    }
}

#[async_trait]
impl Store for MemoryStore {
    fn options(&self) -> &LogOptions {
        &self.options
    }

    fn appended(&self) -> watch::Receiver<u64> {
        self.appended.subscribe()
    }

    async fn bounds(&self, topic: Topic) -> Result<Vec<Bounds>, LogError> {
        let state = self.state();
        Ok(state
            .partitions(topic)
            .iter()
            .map(Partition::bounds)
            .collect())
    }

    async fn offsets_at(&self, topic: Topic, time: Timestamp) -> Result<Vec<u64>, LogError> {
        let state = self.state();
        let partitions = state.partitions(topic).iter();
        Ok(partitions
            .map(|partition| partition.offset_at(time))
            .collect())
    }

    async fn read(&self, cursors: Vec<Cursor>, max: usize) -> Result<Vec<Record>, LogError> {
        let state = self.state();
        let mut records = Vec::new();
        for cursor in cursors {
            if let Some(partition) = state
                .partitions(cursor.topic)
                .get(cursor.partition as usize)
            {
                records.extend(partition.read(cursor, max - records.len())?);
            }
        }
        Ok(records)
    }

    async fn update_group<R, F>(&self, group: &str, update: F) -> Result<R, LogError>
    where
        R: Send + 'static,
        F: FnOnce(&mut GroupTable) -> R + Send + 'static,
    {
        let mut state = self.state();
        Ok(update(state.groups.entry(group.to_owned()).or_default()))
    }
}
