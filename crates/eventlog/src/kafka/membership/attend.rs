use std::sync::Arc;
use std::time::Duration;

use rdkafka::consumer::Consumer;
use rdkafka::error::KafkaError;
use rdkafka::{Offset, TopicPartitionList};
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep, sleep_until};

use super::super::Names;
use super::super::clients::QUESTION;
use super::super::commit::Committer;
use super::super::failure::{is_out_of_range, to_log_error};
use super::super::query::Query;
use super::super::read::Place;
use super::callbacks::Rebalance;
use crate::{Assignment, LogError};

/// Between attempts to learn what the group has committed.
const PAUSE: Duration = Duration::from_millis(100);

/// Serves a member for as long as it lives, whatever its owner is doing.
pub(super) struct Attendant {
    pub(super) committer: Committer,
    pub(super) rebalances: mpsc::UnboundedReceiver<Rebalance>,
    pub(super) query: Arc<Query>,
    pub(super) names: Names,
    /// How long the owner may take to give partitions up.
    pub(super) patience: Duration,
    pub(super) what: String,
}

impl Attendant {
    pub(super) async fn run(mut self) {
        let client = Arc::clone(&self.committer.client);
        loop {
            tokio::select! {
                pending = self.rebalances.recv() => match pending {
                    Some(Rebalance::Assign(partitions)) => self.assign(partitions).await,
                    Some(Rebalance::Revoke(partitions)) => self.revoke(partitions).await,
                    None => return,
                },
                // Polling is what brings the rebalances, and says that we live.
                polled = client.recv() => {
                    // A message of a partition that was not paused in time.
                    let Err(error) = polled else { continue };
                    self.report(&error);
                }
            }
        }
    }

    fn report(&self, error: &KafkaError) {
        match to_log_error(error, &self.what) {
            _ if is_out_of_range(error) => {}
            wrong @ LogError::Misconfigured(_) => {
                self.committer.holdings.failed(wrong);
            }
            passing => tracing::debug!(error = %passing, "the membership goes on"),
        }
    }

    /// Takes partitions, after learning from where they are to be read.
    async fn assign(&self, partitions: TopicPartitionList) {
        let client = &self.committer.client;
        let assigned = if partitions.count() == 0 {
            Vec::new()
        } else {
            self.look_up(&partitions).await
        };
        let mut unread = partitions.clone();
        // Nothing is fetched here, not even before the pause is in force.
        let answered = unread
            .set_all_offsets(Offset::End)
            .and_then(|()| client.incremental_assign(&unread))
            .and_then(|()| client.pause(&unread));
        client.context().answered();
        if let Err(error) = answered {
            tracing::warn!(%error, group = self.what, "assignment");
        }
        if !assigned.is_empty() {
            self.committer.holdings.assigned(assigned);
        }
    }

    /// What the group has committed, or where the log starts. librdkafka waits for
    /// the answer meanwhile, and the member stays alive.
    async fn look_up(&self, partitions: &TopicPartitionList) -> Vec<(Assignment, u64)> {
        let mut told = false;
        loop {
            let error = match self.try_look_up(partitions).await {
                Ok(assigned) => return assigned,
                Err(error) => error,
            };
            tracing::warn!(%error, group = self.what, "the group's offsets");
            if !told && matches!(error, LogError::Misconfigured(_)) {
                self.committer.holdings.failed(error);
                told = true;
            }
            sleep(PAUSE).await;
        }
    }

    async fn try_look_up(
        &self,
        partitions: &TopicPartitionList,
    ) -> Result<Vec<(Assignment, u64)>, LogError> {
        let (client, list) = (Arc::clone(&self.committer.client), partitions.clone());
        let committed = spawn_blocking(move || client.committed_offsets(list, QUESTION))
            .await
            .map_err(|_| LogError::Unavailable("the question was abandoned".to_owned()))?
            .map_err(|error| to_log_error(&error, &self.what))?;
        let mut assigned = Vec::new();
        for ((topic, partition), committed) in self.committed(&committed)? {
            let from = match committed {
                Some(offset) => offset,
                None => {
                    let starts = self.query.starts(topic).await?;
                    starts.get(partition as usize).copied().unwrap_or(0)
                }
            };
            let assignment = Assignment {
                topic,
                partition,
                committed,
            };
            assigned.push((assignment, from));
        }
        Ok(assigned)
    }

    fn committed(&self, list: &TopicPartitionList) -> Result<Vec<(Place, Option<u64>)>, LogError> {
        let mut all = Vec::new();
        for element in list.elements() {
            let failed = |error: KafkaError| to_log_error(&error, &self.what);
            element.error().map_err(failed)?;
            let committed = match element.offset() {
                Offset::Offset(offset) => u64::try_from(offset).ok(),
                _ => None,
            };
            let place = self.place(element.topic(), element.partition());
            all.extend(place.map(|place| (place, committed)));
        }
        Ok(all)
    }

    /// Gives partitions up once the owner has let go of them, or its time is over.
    async fn revoke(&self, partitions: TopicPartitionList) {
        let Committer {
            client,
            holdings,
            gate,
            ..
        } = &self.committer;
        let places: Vec<Place> = partitions
            .elements()
            .iter()
            .filter_map(|element| self.place(element.topic(), element.partition()))
            .filter(|place| holdings.holds(*place))
            .collect();
        let mut revocation = None;
        if !places.is_empty() {
            let number = holdings.revoked(places.clone());
            self.await_release(number, Instant::now() + self.patience)
                .await;
            revocation = Some(number);
        }
        // A commit under way comes first; a later one finds the partition gone.
        let _no_commit = gate.lock().await;
        holdings.let_go(&places);
        let answered = client.incremental_unassign(&partitions);
        client.context().answered();
        if let Err(error) = answered {
            tracing::warn!(%error, group = self.what, "revocation");
        }
        if let Some(number) = revocation {
            holdings.over(number);
        }
    }

    async fn await_release(&self, revocation: u64, deadline: Instant) {
        let Committer {
            client, holdings, ..
        } = &self.committer;
        loop {
            // Taken for dead: the partitions are others' already.
            if client.assignment_lost() {
                return;
            }
            tokio::select! {
                () = holdings.released(revocation) => return,
                () = sleep_until(deadline) => {
                    tracing::warn!(group = self.what, "partitions were not given up in time");
                    return;
                }
                () = sleep(PAUSE) => {}
                polled = client.recv() => if let Err(error) = polled { self.report(&error) },
            }
        }
    }

    fn place(&self, name: &str, partition: i32) -> Option<Place> {
        let topic = self.names.parse(name)?;
        Some((topic, u32::try_from(partition).ok()?))
    }
}
