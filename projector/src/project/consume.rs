//! The loop: take records, grow trees, write rows, commit.
//!
//! While the rows of a batch are being written the next one is gathered and put into its trees: one
//! waits for the view store, the other for the tiles' storage. Rows are written batch by batch, and
//! everything else that happens to partitions waits for them.

use std::collections::HashMap;
use std::sync::Arc;

use eventlog::{CommitError, GroupEvent, LogError, Position, Record, Subscription, Topic};
use service::health::Condition;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::batch::Batch;
use super::partition::{Partition, Parts};
use super::patience::Patience;
use super::writing::{Writing, Written};
use super::{Conditions, GROUP, Pace, lag};
use crate::store::Progress;
use crate::views::TOPICS;

type Partitions = HashMap<(Topic, u32), Partition>;

/// Bytes of records' values that are gathered in one batch, about: records are bounded one by one only.
const BYTES: usize = 16 << 20;

/// Ends at shutdown, or when the event log is misconfigured.
pub(super) async fn run(
    parts: Arc<Parts>,
    pace: Pace,
    conditions: Conditions,
    progress: watch::Sender<lag::Progress>,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let mut consumer = Consumer {
        parts,
        pace,
        trees: conditions.trees,
        patience: Patience::new(conditions.projection, pace.pause, shutdown.clone()),
        progress,
        shutdown,
        partitions: Partitions::new(),
        writing: None,
    };
    let Some(mut subscription) = consumer.subscribe().await? else {
        return Ok(());
    };
    let mut ended = consumer.consume(subscription.as_mut()).await;
    if ended.is_ok() {
        ended = consumer.settle(subscription.as_mut()).await.map(drop);
    }
    subscription.close().await;
    ended
}

pub(super) struct Consumer {
    pub(super) parts: Arc<Parts>,
    pace: Pace,
    trees: Condition,
    pub(super) patience: Patience,
    pub(super) progress: watch::Sender<lag::Progress>,
    shutdown: CancellationToken,
    pub(super) partitions: Partitions,
    /// The batches that are being written.
    writing: Option<Writing>,
}

/// What comes next.
enum Next {
    Event(Result<GroupEvent, LogError>),
    /// Nothing came in time.
    Late,
    Shutdown,
}

impl Consumer {
    async fn subscribe(&mut self) -> anyhow::Result<Option<Box<dyn Subscription>>> {
        loop {
            match self.parts.log.subscribe(GROUP, &TOPICS).await {
                Ok(subscription) => {
                    self.patience.restored();
                    self.trees.ok();
                    return Ok(Some(subscription));
                }
                Err(error @ LogError::Misconfigured(_)) => return Err(error.into()),
                Err(error) => {
                    if !self.patience.wait(&error.into()).await {
                        return Ok(None);
                    }
                }
            }
        }
    }

    async fn consume(&mut self, subscription: &mut dyn Subscription) -> anyhow::Result<()> {
        let mut put_off = None;
        loop {
            let event = match put_off.take() {
                Some(event) => event,
                None => match self.next(subscription, self.pace.batch, None).await? {
                    Next::Event(event) => event,
                    Next::Late | Next::Shutdown => return Ok(()),
                },
            };
            if let Ok(GroupEvent::Records(mut records)) = event {
                put_off = self.linger(subscription, &mut records).await?;
                let Some(batches) = self.take(records).await else {
                    return Ok(());
                };
                if !self.settle(subscription).await? {
                    return Ok(());
                }
                self.writing = Some(Writing::begin(batches));
            } else if !self.settle(subscription).await? || !self.other(subscription, event).await? {
                return Ok(());
            }
            self.tell_troubles();
        }
    }

    /// The next event, if there is one until then. Batches that are written meanwhile are committed.
    async fn next(
        &mut self,
        subscription: &mut dyn Subscription,
        most: usize,
        until: Option<Instant>,
    ) -> anyhow::Result<Next> {
        let late = async {
            match until {
                Some(until) => tokio::time::sleep_until(until).await,
                None => std::future::pending().await,
            }
        };
        tokio::pin!(late);
        loop {
            // What one of these begins is ended before the others are looked at again.
            tokio::select! {
                () = self.shutdown.cancelled() => return Ok(Next::Shutdown),
                written = Writing::ended(&mut self.writing) => {
                    if !self.written(subscription, written?).await {
                        return Ok(Next::Shutdown);
                    }
                }
                event = subscription.next(most) => return Ok(Next::Event(event)),
                () = &mut late => return Ok(Next::Late),
            }
        }
    }

    /// Fills a batch up for a while. Gives the first event that isn't records, for later.
    async fn linger(
        &mut self,
        subscription: &mut dyn Subscription,
        records: &mut Vec<Record>,
    ) -> anyhow::Result<Option<Result<GroupEvent, LogError>>> {
        let until = Instant::now() + self.pace.linger;
        loop {
            let room = self.pace.batch.saturating_sub(records.len());
            if room == 0 || bytes(records) >= BYTES {
                return Ok(None);
            }
            match self.next(subscription, room, Some(until)).await? {
                Next::Event(Ok(GroupEvent::Records(more))) => records.extend(more),
                Next::Event(other) => return Ok(Some(other)),
                Next::Late | Next::Shutdown => return Ok(None),
            }
        }
    }

    /// Puts records into their trees, for as long as it takes; what is left to write. None at shutdown.
    async fn take(&mut self, records: Vec<Record>) -> Option<Vec<Batch>> {
        let begun = Instant::now();
        let mut all: HashMap<(Topic, u32), Vec<Record>> = HashMap::new();
        for record in records {
            let at = (record.topic, record.position.partition);
            all.entry(at).or_default().push(record);
        }
        let mut left: HashMap<_, _> = all.into_iter().map(|(at, r)| (at, Arc::new(r))).collect();
        let mut batches = Vec::new();
        loop {
            let jobs = self.partitions.iter_mut().filter_map(|(at, partition)| {
                let records = left.get(at)?;
                Some(async move { (*at, partition.take(records).await) })
            });
            let mut interrupted = None;
            for (at, taken) in futures::future::join_all(jobs).await {
                match taken {
                    Ok(batch) => {
                        batches.extend(batch);
                        left.remove(&at);
                    }
                    Err(error) => interrupted = Some(error),
                }
            }
            match interrupted {
                Some(error) if !self.patience.wait(&error).await => return None,
                Some(_) => {}
                None => break,
            }
        }
        metrics::histogram!("projector_batch_seconds", "stage" => "trees").record(begun.elapsed());
        Some(batches)
    }

    /// Waits until everything taken is written. False at shutdown.
    async fn settle(&mut self, subscription: &mut dyn Subscription) -> anyhow::Result<bool> {
        while self.writing.is_some() {
            let written = Writing::ended(&mut self.writing).await?;
            if !self.written(subscription, written).await {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Commits what is written, and begins again with what failed. False at shutdown.
    async fn written(&mut self, subscription: &mut dyn Subscription, written: Written) -> bool {
        for progress in written.done {
            self.commit(subscription, progress).await;
        }
        match written.interrupted {
            None => self.patience.restored(),
            Some(error) => {
                if !self.patience.wait(&error.into()).await {
                    return false;
                }
                self.writing = Some(Writing::begin(written.left));
            }
        }
        true
    }

    /// Commits where a partition stands. Only for information: a restart reads the view store.
    async fn commit(&self, subscription: &mut dyn Subscription, progress: Progress) {
        let at = (progress.topic, progress.partition);
        let offset = progress.next;
        self.progress
            .send_modify(|progress| _ = progress.insert(at, offset));
        let next = Position {
            partition: at.1,
            offset,
        };
        match subscription.commit(at.0, next).await {
            Ok(()) => {}
            Err(CommitError::Fenced) => {
                tracing::info!(topic = %at.0, partition = at.1, "partition is another member's now");
            }
            Err(CommitError::Unavailable(why)) => {
                tracing::warn!(topic = %at.0, partition = at.1, why, "position not committed");
            }
        }
    }

    fn tell_troubles(&self) {
        let troubles: Vec<String> = self
            .partitions
            .values()
            .flat_map(Partition::troubles)
            .collect();
        metrics::gauge!("projector_halted_trees").set(troubles.len() as f64);
        match troubles.is_empty() {
            true => self.trees.ok(),
            false => self.trees.failing(troubles.join("; ")),
        }
    }
}

/// How many bytes records' values have.
fn bytes(records: &[Record]) -> usize {
    let values = records.iter().filter_map(|record| record.value.as_ref());
    values.map(|value| value.len()).sum()
}
