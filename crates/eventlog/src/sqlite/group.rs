use std::time::Duration;

use rusqlite::{Connection, params};
use tokio::sync::oneshot;
use uuid::Uuid;

use super::codec::{from_sql, to_sql};
use super::queue::Change;
use crate::group::{GroupTable, Member, Ownership, TopicPartition};
use crate::{LogError, Topic};

/// A change of a group's table on its way to the file.
pub(super) struct GroupChange<R, F> {
    group: String,
    update: Option<F>,
    result: Option<R>,
    answer: oneshot::Sender<Result<R, LogError>>,
}

impl<R, F> GroupChange<R, F> {
    pub(super) fn new(
        group: &str,
        update: F,
        answer: oneshot::Sender<Result<R, LogError>>,
    ) -> Self {
        Self {
            group: group.to_owned(),
            update: Some(update),
            result: None,
            answer,
        }
    }
}

impl<R, F> Change for GroupChange<R, F>
where
    R: Send,
    F: FnOnce(&mut GroupTable) -> R + Send,
{
    fn is_wanted(&self) -> bool {
        !self.answer.is_closed()
    }

    fn apply(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        if let Some(update) = self.update.take() {
            let before = load(connection, &self.group)?;
            let mut after = before.clone();
            self.result = Some(update(&mut after));
            save(connection, &self.group, &before, &after)?;
        }
        Ok(())
    }

    fn finish(self: Box<Self>, committed: Result<(), LogError>) {
        let unmade = || LogError::Unavailable("the change was not made".to_owned());
        let Self { result, answer, .. } = *self;
        let result = committed.and_then(|()| result.ok_or_else(unmade));
        // Nobody waits any more: the next heartbeat shows how things stand.
        let _ = answer.send(result);
    }
}

fn load(connection: &Connection, group: &str) -> rusqlite::Result<GroupTable> {
    let members = connection
        .prepare_cached(
            "SELECT member, beat, session_ms, topics FROM group_members
             WHERE group_name = ?1 ORDER BY joined",
        )?
        .query_map([group], |row| {
            Ok(Member {
                id: Uuid::from_bytes(row.get(0)?),
                beat: from_sql(row.get(1)?)?,
                session_timeout: Duration::from_millis(from_sql(row.get(2)?)?),
                topics: row
                    .get::<_, String>(3)?
                    .split(' ')
                    .filter_map(|name| name.parse().ok())
                    .collect(),
            })
        })?
        .collect::<rusqlite::Result<_>>()?;
    let rows = connection
        .prepare_cached(
            "SELECT topic, partition, owner, epoch, committed FROM group_partitions
             WHERE group_name = ?1",
        )?
        .query_map([group], |row| {
            let ownership = Ownership {
                owner: row.get::<_, Option<[u8; 16]>>(2)?.map(Uuid::from_bytes),
                epoch: from_sql(row.get(3)?)?,
                committed: row.get::<_, Option<i64>>(4)?.map(from_sql).transpose()?,
            };
            let topic = row.get::<_, String>(0)?.parse::<Topic>().ok();
            Ok((topic, row.get(1)?, ownership))
        })?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    // A topic that this program doesn't know belongs to a newer one.
    let known = |(topic, partition, ownership): (Option<Topic>, u32, Ownership)| {
        Some(((topic?, partition), ownership))
    };
    Ok(GroupTable {
        members,
        partitions: rows.into_iter().filter_map(known).collect(),
    })
}

/// Writes what differs.
fn save(
    connection: &Connection,
    group: &str,
    before: &GroupTable,
    after: &GroupTable,
) -> rusqlite::Result<()> {
    for gone in before.members.iter().filter(|old| {
        let stays = |new: &Member| new.id == old.id;
        !after.members.iter().any(stays)
    }) {
        connection
            .prepare_cached("DELETE FROM group_members WHERE group_name = ?1 AND member = ?2")?
            .execute(params![group, gone.id.as_bytes()])?;
    }
    for member in after.members.iter().filter(|m| !before.members.contains(m)) {
        save_member(connection, group, member)?;
    }
    for (at, ownership) in &after.partitions {
        if before.partitions.get(at) != Some(ownership) {
            save_partition(connection, group, *at, ownership)?;
        }
    }
    Ok(())
}

fn save_member(connection: &Connection, group: &str, member: &Member) -> rusqlite::Result<()> {
    let topics: Vec<&str> = member.topics.iter().map(|topic| topic.name()).collect();
    let session_ms = u64::try_from(member.session_timeout.as_millis()).unwrap_or(u64::MAX);
    connection
        .prepare_cached(
            "INSERT INTO group_members (group_name, member, beat, session_ms, topics)
             VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (group_name, member) DO UPDATE SET beat = excluded.beat",
        )?
        .execute(params![
            group,
            member.id.as_bytes(),
            to_sql(member.beat),
            to_sql(session_ms),
            topics.join(" "),
        ])?;
    Ok(())
}

fn save_partition(
    connection: &Connection,
    group: &str,
    (topic, partition): TopicPartition,
    ownership: &Ownership,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO group_partitions (group_name, topic, partition, owner, epoch, committed)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (group_name, topic, partition) DO UPDATE
             SET owner = excluded.owner, epoch = excluded.epoch, committed = excluded.committed",
        )?
        .execute(params![
            group,
            topic.name(),
            partition,
            ownership.owner.as_ref().map(Uuid::as_bytes),
            to_sql(ownership.epoch),
            ownership.committed.map(to_sql),
        ])?;
    Ok(())
}
