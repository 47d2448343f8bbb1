use std::sync::Arc;

use async_trait::async_trait;

use super::Names;
use super::clients::Clients;
use super::membership::{Change, Membership};
use super::query::Query;
use super::read::{Arrival, Reader};
use crate::{CommitError, GroupEvent, LogError, Position, Subscription, Topic};

/// Nobody waits for a member of a group: brokers are not asked for each record, but for as much as
/// comes in `fetch.wait.max.ms`, or this many bytes.
const GATHERED: usize = 64 << 10;

/// A [`Subscription`] on Kafka: a membership says what is read, and a reader
/// reads it.
struct KafkaSubscription {
    membership: Membership,
    reader: Reader,
    names: Names,
    /// The revocation that the last call announced; the next lets go.
    announced: Option<u64>,
}

/// Joins a group.
pub(super) async fn join(
    clients: &Arc<Clients>,
    query: &Arc<Query>,
    group: &str,
    topics: &[Topic],
) -> Result<Box<dyn Subscription>, LogError> {
    let mut topics = topics.to_vec();
    topics.sort();
    topics.dedup();
    let reader = Reader::start(clients, query, &topics, GATHERED).await?;
    Ok(Box::new(KafkaSubscription {
        reader,
        membership: Membership::join(clients, query, group, &topics)?,
        names: clients.names().clone(),
        announced: None,
    }))
}

#[async_trait]
impl Subscription for KafkaSubscription {
    async fn next(&mut self, max: usize) -> Result<GroupEvent, LogError> {
        if let Some(revocation) = self.announced {
            self.membership.holdings().release(revocation).await;
            self.announced = None;
        }
        loop {
            if let Some(change) = self.membership.holdings().change() {
                return self.take_in(change);
            }
            tokio::select! {
                arrived = self.reader.wait(max.max(1)) => {
                    if let Arrival::Records(records) = arrived? {
                        return Ok(GroupEvent::Records(records));
                    }
                }
                () = self.membership.holdings().told() => {}
            }
        }
    }

    async fn commit(&mut self, topic: Topic, next: Position) -> Result<(), CommitError> {
        let name = self.names.topic(topic);
        let committer = self.membership.committer();
        committer.commit(&name, topic, next).await
    }

    async fn seek(&mut self, topic: Topic, to: Position) -> Result<(), LogError> {
        let place = (topic, to.partition);
        if !self.reader.next().contains_key(&place) {
            return Err(LogError::NotAssigned {
                topic,
                partition: to.partition,
            });
        }
        self.reader.set(place, to.offset);
        Ok(())
    }

    async fn close(self: Box<Self>) {
        self.membership.leave().await;
    }
}

impl KafkaSubscription {
    fn take_in(&mut self, change: Change) -> Result<GroupEvent, LogError> {
        match change {
            Change::Assigned(list) => {
                for (at, from) in &list {
                    self.reader.set((at.topic, at.partition), *from);
                }
                let assigned = list.into_iter().map(|(at, _)| at).collect();
                Ok(GroupEvent::Assigned(assigned))
            }
            Change::Revoked(number, places) => {
                for place in &places {
                    self.reader.remove(*place);
                }
                self.announced = Some(number);
                Ok(GroupEvent::Revoked(places))
            }
            Change::Failed(error) => Err(error),
        }
    }
}
