//! The loop: take records, project them, commit.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use eventlog::{CommitError, GroupEvent, LogError, Position, Record, Subscription, Topic};
use service::health::Condition;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::partition::{Partition, Parts};
use super::patience::Patience;
use super::{Conditions, GROUP, Pace, lag};
use crate::views::TOPICS;

type Partitions = HashMap<(Topic, u32), Partition>;

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
    };
    let Some(mut subscription) = consumer.subscribe().await? else {
        return Ok(());
    };
    let ended = consumer.consume(subscription.as_mut()).await;
    subscription.close().await;
    ended
}

struct Consumer {
    parts: Arc<Parts>,
    pace: Pace,
    trees: Condition,
    patience: Patience,
    progress: watch::Sender<lag::Progress>,
    shutdown: CancellationToken,
    partitions: Partitions,
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
                None => match self.next(subscription, self.pace.batch).await {
                    Some(event) => event,
                    None => return Ok(()),
                },
            };
            match event {
                Ok(GroupEvent::Assigned(assigned)) => {
                    for assignment in assigned {
                        let at = (assignment.topic, assignment.partition);
                        if !self.open(subscription, at).await? {
                            return Ok(());
                        }
                    }
                }
                Ok(GroupEvent::Revoked(revoked)) => {
                    for at in revoked {
                        tracing::info!(topic = %at.0, partition = at.1, "partition given up");
                        self.partitions.remove(&at);
                        self.progress.send_modify(|progress| {
                            progress.remove(&at);
                        });
                    }
                }
                Ok(GroupEvent::Records(mut records)) => {
                    put_off = self.linger(subscription, &mut records).await;
                    if !self.project(subscription, records).await {
                        return Ok(());
                    }
                }
                Err(error) => {
                    if !self.failed(subscription, error).await? {
                        return Ok(());
                    }
                }
            }
            self.tell_troubles();
        }
    }

    /// The next event; none at shutdown.
    async fn next(
        &self,
        subscription: &mut dyn Subscription,
        most: usize,
    ) -> Option<Result<GroupEvent, LogError>> {
        tokio::select! {
            () = self.shutdown.cancelled() => None,
            event = subscription.next(most) => Some(event),
        }
    }

    /// Fills a batch up for a while. Gives the first event that isn't records, for later.
    async fn linger(
        &self,
        subscription: &mut dyn Subscription,
        records: &mut Vec<Record>,
    ) -> Option<Result<GroupEvent, LogError>> {
        let until = tokio::time::Instant::now() + self.pace.linger;
        loop {
            let room = self.pace.batch.saturating_sub(records.len());
            if room == 0 {
                return None;
            }
            let next = tokio::time::timeout_at(until, self.next(subscription, room)).await;
            match next.ok().flatten()? {
                Ok(GroupEvent::Records(more)) => records.extend(more),
                other => return Some(other),
            }
        }
    }

    /// Opens a partition and reads on where its projection stands. False at shutdown.
    async fn open(
        &mut self,
        subscription: &mut dyn Subscription,
        at: (Topic, u32),
    ) -> anyhow::Result<bool> {
        loop {
            let opened = Partition::open(Arc::clone(&self.parts), at.0, at.1).await;
            let interrupted = match opened {
                Ok(partition) => {
                    let offset = partition.next();
                    let to = Position {
                        partition: at.1,
                        offset,
                    };
                    match subscription.seek(at.0, to).await {
                        Ok(()) => {
                            tracing::info!(topic = %at.0, partition = at.1, offset, "partition taken on");
                            self.partitions.insert(at, partition);
                            return Ok(true);
                        }
                        // It went to another member meanwhile.
                        Err(LogError::NotAssigned { .. }) => return Ok(true),
                        Err(error @ LogError::Misconfigured(_)) => return Err(error.into()),
                        Err(error) => error.into(),
                    }
                }
                Err(interrupted) => interrupted,
            };
            if !self.patience.wait(&interrupted).await {
                return Ok(false);
            }
        }
    }

    /// Projects a batch, for as long as it takes, and commits it. False at shutdown.
    async fn project(&mut self, subscription: &mut dyn Subscription, records: Vec<Record>) -> bool {
        let begun = Instant::now();
        let mut batches: HashMap<(Topic, u32), Vec<Record>> = HashMap::new();
        for record in records {
            let at = (record.topic, record.position.partition);
            batches.entry(at).or_default().push(record);
        }
        loop {
            let jobs = self.partitions.iter_mut().filter_map(|(at, partition)| {
                let records = batches.get(at)?;
                Some(async move { (*at, partition.project(records).await) })
            });
            let done = futures::future::join_all(jobs).await;
            let mut interrupted = None;
            for (at, projected) in done {
                match projected {
                    Ok(()) => _ = batches.remove(&at),
                    Err(error) => interrupted = Some(error),
                }
                self.commit(subscription, at).await;
            }
            match interrupted {
                Some(error) if !self.patience.wait(&error).await => return false,
                Some(_) => {}
                None => break,
            }
        }
        self.patience.restored();
        metrics::histogram!("projector_batch_seconds").record(begun.elapsed());
        true
    }

    /// Commits where a partition stands. Only for information: a restart reads the view store.
    async fn commit(&self, subscription: &mut dyn Subscription, at: (Topic, u32)) {
        let Some(partition) = self.partitions.get(&at) else {
            return;
        };
        let offset = partition.next();
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

    /// Deals with an error of the subscription. False at shutdown.
    async fn failed(
        &mut self,
        subscription: &mut dyn Subscription,
        error: LogError,
    ) -> anyhow::Result<bool> {
        let (topic, partition, offset) = match error {
            LogError::Misconfigured(_) => return Err(error.into()),
            LogError::Unavailable(_) | LogError::NotAssigned { .. } => {
                return Ok(self.patience.wait(&error.into()).await);
            }
            LogError::Truncated {
                topic,
                partition,
                start,
                ..
            } => (topic, partition, start),
            LogError::PastEnd {
                topic,
                partition,
                end,
                ..
            } => (topic, partition, end),
        };
        // Records are gone that no tree has. Views without trees go on from what is left.
        if let Some(stalled) = self.partitions.get_mut(&(topic, partition))
            && crate::views::has_leaves(topic)
        {
            stalled.stall(&error.to_string());
        }
        tracing::error!(%topic, partition, offset, %error, "reading goes on behind a gap");
        match subscription
            .seek(topic, Position { partition, offset })
            .await
        {
            Ok(()) | Err(LogError::NotAssigned { .. }) => Ok(true),
            Err(error) => Ok(self.patience.wait(&error.into()).await),
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
