//! What else than records a consumer is told: partitions come and go, and so may records.

use std::sync::Arc;

use eventlog::{GroupEvent, LogError, Position, Subscription, Topic};

use super::consume::Consumer;
use super::partition::Partition;

impl Consumer {
    /// Deals with all but records. False at shutdown.
    pub(super) async fn other(
        &mut self,
        subscription: &mut dyn Subscription,
        event: Result<GroupEvent, LogError>,
    ) -> anyhow::Result<bool> {
        match event {
            Ok(GroupEvent::Assigned(assigned)) => {
                for assignment in assigned {
                    let at = (assignment.topic, assignment.partition);
                    if !self.open(subscription, at).await? {
                        return Ok(false);
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
            Ok(GroupEvent::Records(_)) => {}
            Err(error) => return self.failed(subscription, error).await,
        }
        Ok(true)
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
}
