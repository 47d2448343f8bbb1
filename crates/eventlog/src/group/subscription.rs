use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::watch;
use uuid::Uuid;

use super::heartbeat::{self, Heart, Lease};
use super::table::{Claim, TopicPartition};
use crate::store::{Cursor, Store};
use crate::tail::RECHECK;
use crate::{Assignment, CommitError, GroupEvent, LogError, Position, Subscription, Topic};

/// A [`Subscription`] over a local store.
struct StoreSubscription<S> {
    store: Arc<S>,
    group: String,
    member: Uuid,
    heart: Heart,
    lease: watch::Receiver<Lease>,
    appended: watch::Receiver<u64>,
    /// What the caller was given, and reads.
    held: BTreeMap<TopicPartition, Held>,
    /// What the caller was told that it loses, with the epoch; released with its
    /// next call.
    leaving: BTreeMap<TopicPartition, u64>,
    /// The last epoch that was released: an older lease must not bring it back.
    released: BTreeMap<TopicPartition, u64>,
    /// The partition that is read first; moves on so that a busy one starves none.
    first: usize,
}

#[derive(Debug, Clone, Copy)]
struct Held {
    epoch: u64,
    next: u64,
}

/// Joins a group and waits until the log has taken that in.
pub(crate) async fn join<S: Store>(
    store: Arc<S>,
    group: &str,
    topics: &[Topic],
) -> Result<Box<dyn Subscription>, LogError> {
    if group.is_empty() || topics.is_empty() {
        return Err(LogError::Misconfigured(
            "a subscription needs a group's name and at least one topic".to_owned(),
        ));
    }
    let mut topics = topics.to_vec();
    topics.sort();
    topics.dedup();
    let member = Uuid::now_v7();
    let appended = store.appended();
    let (heart, lease) =
        heartbeat::start(Arc::clone(&store), group.to_owned(), member, topics).await?;
    Ok(Box::new(StoreSubscription {
        store,
        group: group.to_owned(),
        member,
        heart,
        lease,
        appended,
        held: BTreeMap::new(),
        leaving: BTreeMap::new(),
        released: BTreeMap::new(),
        first: 0,
    }))
}

#[async_trait]
impl<S: Store> Subscription for StoreSubscription<S> {
    async fn next(&mut self, max: usize) -> Result<GroupEvent, LogError> {
        loop {
            self.let_go().await?;
            let lease = self.fresh_lease().await?;
            if let Some(revoked) = self.revoke(&lease) {
                return Ok(revoked);
            }
            if let Some(assigned) = self.assign(&lease).await? {
                return Ok(assigned);
            }
            self.appended.borrow_and_update();
            if let Some(records) = self.read(max.max(1)).await? {
                return Ok(records);
            }
            tokio::select! {
                _ = self.lease.changed() => {}
                _ = self.appended.changed() => {}
                () = tokio::time::sleep(RECHECK) => {}
            }
        }
    }

    async fn commit(&mut self, topic: Topic, next: Position) -> Result<(), CommitError> {
        let at = (topic, next.partition);
        let held = self.held.get(&at).map(|held| held.epoch);
        let Some(epoch) = held.or_else(|| self.leaving.get(&at).copied()) else {
            return Err(CommitError::Fenced);
        };
        let member = self.member;
        let committed = self
            .store
            .update_group(&self.group, move |table| {
                table.commit(member, at, epoch, next.offset)
            })
            .await
            .map_err(|error| CommitError::Unavailable(error.to_string()))?;
        if committed {
            Ok(())
        } else {
            Err(CommitError::Fenced)
        }
    }

    async fn seek(&mut self, topic: Topic, to: Position) -> Result<(), LogError> {
        let partition = to.partition;
        let held = self
            .held
            .get_mut(&(topic, partition))
            .ok_or(LogError::NotAssigned { topic, partition })?;
        held.next = to.offset;
        Ok(())
    }

    async fn close(self: Box<Self>) {
        let Self {
            store,
            group,
            member,
            heart,
            ..
        } = *self;
        drop(heart);
        let left = store
            .update_group(&group, move |table| table.leave(member))
            .await;
        if let Err(error) = left {
            tracing::warn!(group, %error, "could not leave the group; its members wait for the session time-out");
        }
    }
}

impl<S: Store> StoreSubscription<S> {
    /// Releases what the last call announced; the caller has seen it.
    async fn let_go(&mut self) -> Result<(), LogError> {
        if self.leaving.is_empty() {
            return Ok(());
        }
        let member = self.member;
        let leaving = self.leaving.clone();
        self.store
            .update_group(&self.group, move |table| {
                for (at, epoch) in leaving {
                    table.release(member, at, epoch);
                }
            })
            .await?;
        self.released.append(&mut self.leaving);
        Ok(())
    }

    /// The lease, once it is sure that the member is not taken for dead.
    async fn fresh_lease(&mut self) -> Result<Lease, LogError> {
        let session_timeout = self.store.options().session_timeout;
        loop {
            let lease = self.lease.borrow_and_update().clone();
            if !lease.is_stale(session_timeout) {
                return Ok(lease);
            }
            let stopped = || LogError::Unavailable("the heartbeat has stopped".to_owned());
            self.lease.changed().await.map_err(|_| stopped())?;
            let failure = self.lease.borrow().failure.clone();
            if let Some(failure) = failure {
                return Err(failure);
            }
        }
    }

    fn revoke(&mut self, lease: &Lease) -> Option<GroupEvent> {
        let keeps = |at: &TopicPartition, held: &Held| {
            let claim = lease.owned.get(at);
            claim.is_some_and(|claim| claim.epoch == held.epoch && !claim.leaving)
        };
        let lost: Vec<TopicPartition> = self
            .held
            .iter()
            .filter(|(at, held)| !keeps(at, held))
            .map(|(at, _)| *at)
            .collect();
        for at in &lost {
            if let Some(held) = self.held.remove(at) {
                self.leaving.insert(*at, held.epoch);
            }
        }
        (!lost.is_empty()).then_some(GroupEvent::Revoked(lost))
    }

    async fn assign(&mut self, lease: &Lease) -> Result<Option<GroupEvent>, LogError> {
        let is_new = |at: &TopicPartition, claim: &Claim| {
            let released = self.released.get(at);
            !claim.leaving
                && !self.held.contains_key(at)
                && released.is_none_or(|epoch| claim.epoch > *epoch)
        };
        let mut gained = Vec::new();
        for (&(topic, partition), claim) in lease.owned.iter().filter(|(at, c)| is_new(at, c)) {
            let next = match claim.committed {
                Some(offset) => offset,
                None => self.start_of(topic, partition).await?,
            };
            let epoch = claim.epoch;
            gained.push((topic, partition, claim.committed, Held { epoch, next }));
        }
        if gained.is_empty() {
            return Ok(None);
        }
        let assigned = gained
            .into_iter()
            .map(|(topic, partition, committed, held)| {
                self.held.insert((topic, partition), held);
                Assignment {
                    topic,
                    partition,
                    committed,
                }
            })
            .collect();
        Ok(Some(GroupEvent::Assigned(assigned)))
    }

    async fn start_of(&self, topic: Topic, partition: u32) -> Result<u64, LogError> {
        let bounds = self.store.bounds(topic).await?;
        bounds
            .get(partition as usize)
            .map(|bounds| bounds.start)
            .ok_or(LogError::NotAssigned { topic, partition })
    }

    async fn read(&mut self, max: usize) -> Result<Option<GroupEvent>, LogError> {
        if self.held.is_empty() {
            return Ok(None);
        }
        let mut cursors: Vec<Cursor> = self
            .held
            .iter()
            .map(|(&(topic, partition), held)| Cursor {
                topic,
                partition,
                offset: held.next,
            })
            .collect();
        let shift = self.first % cursors.len();
        cursors.rotate_left(shift);
        let records = self.store.read(cursors, max).await?;
        if records.is_empty() {
            return Ok(None);
        }
        // No await from here on: the positions move only with the return.
        for record in &records {
            let at = (record.topic, record.position.partition);
            if let Some(held) = self.held.get_mut(&at) {
                held.next = record.position.offset + 1;
            }
        }
        self.first = self.first.wrapping_add(1);
        Ok(Some(GroupEvent::Records(records)))
    }
}
