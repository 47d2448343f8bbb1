use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::AbortHandle;
use uuid::Uuid;

use super::liveness::Liveness;
use super::table::{Claim, Heartbeat, TopicPartition};
use crate::store::Store;
use crate::{LogError, Topic};

/// Where a member stands, as of its last heartbeat.
#[derive(Debug, Clone)]
pub(super) struct Lease {
    pub(super) owned: BTreeMap<TopicPartition, Claim>,
    /// When the last successful heartbeat was sent.
    renewed: Instant,
    /// Why the latest one failed, if it did.
    pub(super) failure: Option<LogError>,
}

impl Lease {
    /// Whether the member may have been taken for dead by now.
    pub(super) fn is_stale(&self, session_timeout: Duration) -> bool {
        self.renewed.elapsed() >= session_timeout
    }
}

/// Keeps a membership alive until it is dropped.
pub(super) struct Heart {
    task: AbortHandle,
}

impl Drop for Heart {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Shows a sign of life for one member, again and again.
struct Beater<S> {
    store: Arc<S>,
    group: String,
    member: Uuid,
    topics: Vec<Topic>,
    liveness: Liveness,
}

/// Joins the group; the lease is renewed until the returned [`Heart`] is dropped.
pub(super) async fn start<S: Store>(
    store: Arc<S>,
    group: String,
    member: Uuid,
    topics: Vec<Topic>,
) -> Result<(Heart, watch::Receiver<Lease>), LogError> {
    let interval = store.options().session_timeout / 6;
    let mut beater = Beater {
        store,
        group,
        member,
        topics,
        liveness: Liveness::default(),
    };
    let (sender, lease) = watch::channel(beater.beat().await?);
    let task = tokio::spawn(async move {
        while !sender.is_closed() {
            tokio::time::sleep(interval).await;
            match beater.beat().await {
                Ok(lease) => {
                    sender.send_replace(lease);
                }
                Err(error) => {
                    tracing::warn!(group = beater.group, %error, "heartbeat failed");
                    sender.send_modify(|lease| lease.failure = Some(error));
                }
            }
        }
    });
    let heart = Heart {
        task: task.abort_handle(),
    };
    Ok((heart, lease))
}

impl<S: Store> Beater<S> {
    async fn beat(&mut self) -> Result<Lease, LogError> {
        let options = self.store.options();
        let sent = Instant::now();
        let sign = Heartbeat {
            member: self.member,
            session_timeout: options.session_timeout,
            topics: self.topics.clone(),
            partitions: options.partitions.get(),
            dead: self.liveness.dead(sent),
            overdue: self.liveness.overdue(sent, options.rebalance_timeout),
        };
        let standing = self
            .store
            .update_group(&self.group, move |table| table.heartbeat(&sign))
            .await?;
        self.liveness.observe(&standing, Instant::now());
        Ok(Lease {
            owned: standing.owned,
            renewed: sent,
            failure: None,
        })
    }
}
