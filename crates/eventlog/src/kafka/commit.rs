use std::sync::Arc;
use std::time::Duration;

use rdkafka::consumer::{CommitMode, Consumer};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::{Offset, TopicPartitionList};
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep, timeout_at};

use super::failure::code;
use super::membership::{Client, Holdings};
use super::names::to_kafka;
use crate::{CommitError, Position, Topic};

/// Between attempts while the group settles.
const PAUSE: Duration = Duration::from_millis(20);

/// Commits as a member of a group.
///
/// The group's coordinator fences a member that it has taken for dead, but knows
/// nothing of single partitions: a member that has given one up is fenced here.
/// So no partition may be let go while a commit is under way.
#[derive(Clone)]
pub(super) struct Committer {
    pub(super) client: Client,
    pub(super) holdings: Arc<Holdings>,
    /// Held while a commit is under way, and while partitions are let go.
    pub(super) gate: Arc<Mutex<()>>,
    pub(super) patience: Duration,
}

impl Committer {
    pub(super) async fn commit(
        &self,
        name: &str,
        topic: Topic,
        next: Position,
    ) -> Result<(), CommitError> {
        use RDKafkaErrorCode as Code;
        let deadline = Instant::now() + self.patience;
        loop {
            let late = || CommitError::Unavailable("no answer came in time".to_owned());
            let attempt = self.attempt(name, topic, next);
            let error = match timeout_at(deadline, attempt).await.map_err(|_| late())?? {
                None => return Ok(()),
                Some(error) => error,
            };
            match error {
                Code::UnknownMemberId | Code::FencedInstanceId => return Err(CommitError::Fenced),
                // The group is settling, and this member may or may not be in the
                // next generation; if not, its partitions are about to be taken.
                Code::IllegalGeneration | Code::RebalanceInProgress => {
                    if Instant::now() + PAUSE >= deadline {
                        return Err(CommitError::Fenced);
                    }
                    sleep(PAUSE).await;
                }
                other => return Err(CommitError::Unavailable(other.to_string())),
            }
        }
    }

    async fn attempt(
        &self,
        name: &str,
        topic: Topic,
        next: Position,
    ) -> Result<Option<RDKafkaErrorCode>, CommitError> {
        let under_way = Arc::clone(&self.gate).lock_owned().await;
        if !self.holdings.holds((topic, next.partition)) {
            return Err(CommitError::Fenced);
        }
        let unlikely = |error: String| CommitError::Unavailable(error);
        let offset = i64::try_from(next.offset).map_err(|error| unlikely(error.to_string()))?;
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(name, to_kafka(next.partition), Offset::Offset(offset))
            .map_err(|error| unlikely(error.to_string()))?;
        let client = Arc::clone(&self.client);
        let commit = move || {
            let committed = client.commit(&list, CommitMode::Sync);
            drop(under_way);
            committed
        };
        match spawn_blocking(commit).await {
            Ok(Ok(())) => Ok(None),
            Ok(Err(error)) => match code(&error) {
                Some(code) => Ok(Some(code)),
                None => Err(unlikely(error.to_string())),
            },
            Err(_) => Err(unlikely("the commit was abandoned".to_owned())),
        }
    }
}
