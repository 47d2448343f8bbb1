use std::collections::BTreeMap;
use std::time::Duration;

use uuid::Uuid;

use crate::Topic;

/// A partition of a topic.
pub(crate) type TopicPartition = (Topic, u32);

/// One membership, from its first heartbeat to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) id: Uuid,
    /// Grows with each heartbeat. The others judge by it whether the member is
    /// alive, each by its own monotonic clock, so no clocks are compared.
    pub(crate) beat: u64,
    pub(crate) session_timeout: Duration,
    pub(crate) topics: Vec<Topic>,
}

/// Who reads a partition, and how far the group has got.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Ownership {
    pub(crate) owner: Option<Uuid>,
    /// Grows with each change of owner: a commit from before such a change is
    /// refused even if the partition has come back to the same member.
    pub(crate) epoch: u64,
    pub(crate) committed: Option<u64>,
}

/// A group: its members in the order in which they joined, its partitions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct GroupTable {
    pub(crate) members: Vec<Member>,
    pub(crate) partitions: BTreeMap<TopicPartition, Ownership>,
}

/// What a member says of itself, and what it has observed of the others.
#[derive(Debug, Clone)]
pub(crate) struct Heartbeat {
    pub(crate) member: Uuid,
    pub(crate) session_timeout: Duration,
    pub(crate) topics: Vec<Topic>,
    pub(crate) partitions: u32,
    /// Members that have stood at this beat for longer than their session.
    pub(crate) dead: Vec<(Uuid, u64)>,
    /// Partitions, with their epoch, that an owner has not given up in time.
    pub(crate) overdue: Vec<(TopicPartition, u64)>,
}

/// Where a member stands after its heartbeat.
#[derive(Debug, Clone)]
pub(crate) struct Standing {
    pub(crate) owned: BTreeMap<TopicPartition, Claim>,
    /// Partitions, with their epoch, that another member is to give up to this one.
    pub(crate) awaited: Vec<(TopicPartition, u64)>,
    pub(crate) others: Vec<Member>,
}

/// A partition that a member owns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Claim {
    pub(crate) epoch: u64,
    pub(crate) committed: Option<u64>,
    /// The partition is planned for another member and is to be released.
    pub(crate) leaving: bool,
}

impl GroupTable {
    /// Joins or stays, removes the dead, takes what is free and planned for this
    /// member.
    pub(crate) fn heartbeat(&mut self, sign: &Heartbeat) -> Standing {
        for (id, beat) in &sign.dead {
            if self.members.iter().any(|m| m.id == *id && m.beat == *beat) {
                self.leave(*id);
            }
        }
        match self.members.iter_mut().find(|m| m.id == sign.member) {
            Some(member) => member.beat += 1,
            None => self.members.push(Member {
                id: sign.member,
                beat: 0,
                session_timeout: sign.session_timeout,
                topics: sign.topics.clone(),
            }),
        }
        let mut standing = Standing {
            owned: BTreeMap::new(),
            awaited: Vec::new(),
            others: self
                .members
                .iter()
                .filter(|m| m.id != sign.member)
                .cloned()
                .collect(),
        };
        for &topic in &sign.topics {
            for partition in 0..sign.partitions {
                self.settle((topic, partition), sign, &mut standing);
            }
        }
        standing
    }

    fn settle(&mut self, at: TopicPartition, sign: &Heartbeat, standing: &mut Standing) {
        let planned = self.planned_owner(at) == Some(sign.member);
        let partition = self.partitions.entry(at).or_default();
        let theirs = partition.owner.filter(|owner| *owner != sign.member);
        let take = planned
            && match theirs {
                Some(_) => sign.overdue.contains(&(at, partition.epoch)),
                None => partition.owner.is_none(),
            };
        if take {
            partition.owner = Some(sign.member);
            partition.epoch += 1;
        }
        if partition.owner == Some(sign.member) {
            let claim = Claim {
                epoch: partition.epoch,
                committed: partition.committed,
                leaving: !planned,
            };
            standing.owned.insert(at, claim);
        } else if planned {
            standing.awaited.push((at, partition.epoch));
        }
    }

    /// The plan, which every member works out alike: partition `n` of each topic
    /// goes to the n-th member (modulo their number, in order of joining) that
    /// reads the topic, so equal partitions of several topics stay together.
    fn planned_owner(&self, (topic, partition): TopicPartition) -> Option<Uuid> {
        let readers = || self.members.iter().filter(|m| m.topics.contains(&topic));
        let turn = (partition as usize).checked_rem(readers().count())?;
        readers().nth(turn).map(|member| member.id)
    }

    /// Commits, unless the partition has another owner or epoch by now.
    pub(crate) fn commit(
        &mut self,
        member: Uuid,
        at: TopicPartition,
        epoch: u64,
        next: u64,
    ) -> bool {
        match self.partitions.get_mut(&at) {
            Some(partition) if partition.owner == Some(member) && partition.epoch == epoch => {
                partition.committed = Some(next);
                true
            }
            _ => false,
        }
    }

    /// Lets go of one partition, if it is still owned in this epoch.
    pub(crate) fn release(&mut self, member: Uuid, at: TopicPartition, epoch: u64) {
        if let Some(partition) = self.partitions.get_mut(&at)
            && partition.owner == Some(member)
            && partition.epoch == epoch
        {
            partition.owner = None;
        }
    }

    /// Ends a membership and frees its partitions.
    pub(crate) fn leave(&mut self, member: Uuid) {
        self.members.retain(|m| m.id != member);
        for partition in self.partitions.values_mut() {
            if partition.owner == Some(member) {
                partition.owner = None;
            }
        }
    }
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
