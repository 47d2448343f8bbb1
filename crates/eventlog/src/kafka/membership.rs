//! A membership of a group: joined, kept alive, told of rebalances. It reads
//! nothing; so it hears of a rebalance at once, however busy the reader is.

mod attend;
mod callbacks;
mod holdings;

use std::sync::Arc;
use std::time::Duration;

use rdkafka::consumer::{Consumer, StreamConsumer};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use self::attend::Attendant;
use self::callbacks::Callbacks;
pub(super) use self::holdings::{Change, Holdings};
use super::clients::Clients;
use super::commit::Committer;
use super::failure::to_log_error;
use super::offloaded::Offloaded;
use super::query::Query;
use crate::{LogError, Topic};

pub(super) type Client = Arc<Offloaded<StreamConsumer<Callbacks>>>;

/// How long leaving the group may take.
const FAREWELL: Duration = Duration::from_secs(5);

/// A membership; ends when dropped.
pub(super) struct Membership {
    committer: Committer,
    attendant: JoinHandle<()>,
    closed: oneshot::Receiver<()>,
}

impl Membership {
    pub(super) fn join(
        clients: &Arc<Clients>,
        query: &Arc<Query>,
        group: &str,
        topics: &[Topic],
    ) -> Result<Self, LogError> {
        let what = format!("group {}", clients.names().group(group));
        let (sender, rebalances) = mpsc::unbounded_channel();
        let consumer: StreamConsumer<Callbacks> = clients
            .member(group)
            .create_with_context(Callbacks::new(sender))
            .map_err(|error| LogError::Misconfigured(format!("{what}: {error}")))?;
        let names: Vec<String> = topics.iter().map(|t| clients.names().topic(*t)).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        consumer
            .subscribe(&names)
            .map_err(|error| to_log_error(&error, &what))?;
        let (consumer, closed) = Offloaded::watched(consumer);
        let committer = Committer {
            client: Arc::new(consumer),
            holdings: Arc::new(Holdings::none()),
            gate: Arc::default(),
            patience: clients.options().append_timeout,
        };
        let attendant = Attendant {
            committer: committer.clone(),
            rebalances,
            query: Arc::clone(query),
            names: clients.names().clone(),
            patience: clients.options().rebalance_timeout,
            what,
        };
        Ok(Self {
            committer,
            attendant: tokio::spawn(attendant.run()),
            closed,
        })
    }

    pub(super) fn holdings(&self) -> &Holdings {
        &self.committer.holdings
    }

    pub(super) fn committer(&self) -> &Committer {
        &self.committer
    }

    /// Leaves the group, and waits until that has come about.
    pub(super) async fn leave(mut self) {
        self.attendant.abort();
        // Ended, so that no one else answers what is still unanswered.
        let _ = (&mut self.attendant).await;
        let closed = std::mem::replace(&mut self.closed, oneshot::channel().1);
        drop(self);
        if timeout(FAREWELL, closed).await.is_err() {
            tracing::warn!("could not leave the group; its members wait for the session time-out");
        }
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.attendant.abort();
        callbacks::leave(&**self.committer.client);
    }
}
