//! Reading.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use async_trait::async_trait;
use domain::id::{CommandId, ComplexId, DeviceId, EventId};
use eventlog::Topic;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Params, Row, params, params_from_iter};

use super::super::{
    AccessCursor, AccessQuery, AlarmQuery, HourQuery, ReadQuery, StatusCursor, StatusQuery,
    StoreError, Table, ViewReader,
};
use super::commands::{observations, ruling, sent};
use super::connections::Connections;
use super::root::Following;
use super::{decode, hours, scan, select, sequences};
use crate::views::alarms::Sent;
use crate::views::{
    AccessIdentity, AccessRow, AlarmRow, CommandRows, DeviceRow, DigestRow, EpochCount, HourCount,
    ObservationRow, ReadRow, RowWrite,
};

/// A store that is read here.
pub(crate) struct SqliteReader {
    from: From,
}

enum From {
    /// One generation.
    One(Arc<Connections>),
    /// The one that serves.
    Serving(Following),
}

impl SqliteReader {
    /// Of one generation.
    pub(super) fn new(connections: Arc<Connections>) -> Self {
        Self {
            from: From::One(connections),
        }
    }

    /// Of whichever generation serves.
    pub(super) fn following(following: Following) -> Self {
        Self {
            from: From::Serving(following),
        }
    }

    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        match &self.from {
            From::One(connections) => connections.run(work).await,
            From::Serving(following) => following.connections().await?.run(work).await,
        }
    }

    async fn rows_of(
        &self,
        complex: &ComplexId,
        commands: &[CommandId],
        of: fn(&Connection, &str, CommandId) -> Result<CommandRows, StoreError>,
    ) -> Result<HashMap<CommandId, CommandRows>, StoreError> {
        let (complex, commands) = (complex.to_string(), commands.to_vec());
        self.run(move |connection| {
            let mut found = HashMap::new();
            for command in commands {
                let rows = of(connection, &complex, command)?;
                if rows != CommandRows::default() {
                    found.insert(command, rows);
                }
            }
            Ok(found)
        })
        .await
    }
}

#[async_trait]
impl ViewReader for SqliteReader {
    async fn search(
        &self,
        query: &AccessQuery,
        after: Option<AccessCursor>,
        limit: usize,
    ) -> Result<Vec<AccessRow>, StoreError> {
        let (sql, values) = select::accesses(query, after, limit);
        self.run(move |connection| all(connection, &sql, params_from_iter(values), decode::access))
            .await
    }

    async fn access(
        &self,
        complex: &ComplexId,
        event: EventId,
    ) -> Result<Option<AccessRow>, StoreError> {
        let key = (complex.to_string(), event.to_string());
        self.run(move |connection| {
            let sql = format!(
                "SELECT {} FROM access WHERE complex = ?1 AND event = ?2 ORDER BY off LIMIT 1",
                decode::ACCESS
            );
            Ok(all(connection, &sql, key, decode::access)?.pop())
        })
        .await
    }

    async fn sent(&self, digests: &[DigestRow]) -> Result<Vec<Option<Sent>>, StoreError> {
        let digests = digests.to_vec();
        self.run(move |connection| digests.iter().map(|row| sent(connection, row)).collect())
            .await
    }

    async fn contested(
        &self,
        complex: &ComplexId,
        accesses: &[AccessIdentity],
    ) -> Result<HashSet<AccessIdentity>, StoreError> {
        let (complex, mut accesses) = (complex.to_string(), accesses.to_vec());
        self.run(move |connection| {
            let sql = "SELECT count(*) FROM (SELECT 1 FROM digests
                    WHERE complex = ?1 AND partner = ?2 AND partner_event = ?3 LIMIT 2)";
            let mut statement = connection.prepare_cached(sql)?;
            let mut found = HashSet::new();
            for access in accesses.drain(..) {
                let Some((partner, event)) = access.partner_event() else {
                    continue;
                };
                let key = params![complex, partner, event];
                if statement.query_row(key, |row| row.get::<_, u64>(0))? > 1 {
                    found.insert(access);
                }
            }
            Ok(found)
        })
        .await
    }

    async fn alarms(
        &self,
        query: &AlarmQuery,
        after: Option<AccessCursor>,
        limit: usize,
    ) -> Result<Vec<AlarmRow>, StoreError> {
        let (sql, values) = select::alarms(query, after, limit);
        self.run(move |connection| all(connection, &sql, params_from_iter(values), decode::alarm))
            .await
    }

    async fn reads(
        &self,
        query: &ReadQuery,
        after: Option<AccessCursor>,
        limit: usize,
    ) -> Result<Vec<ReadRow>, StoreError> {
        let (sql, values) = select::reads(query, after, limit);
        self.run(move |connection| all(connection, &sql, params_from_iter(values), decode::read))
            .await
    }

    async fn observed(
        &self,
        complex: &ComplexId,
        commands: &[CommandId],
    ) -> Result<HashMap<CommandId, Vec<ObservationRow>>, StoreError> {
        let (complex, commands) = (complex.to_string(), commands.to_vec());
        self.run(move |connection| {
            let mut found = HashMap::new();
            for command in commands {
                let rows = observations(connection, &complex, command)?;
                if !rows.is_empty() {
                    found.insert(command, rows);
                }
            }
            Ok(found)
        })
        .await
    }

    async fn rulings(
        &self,
        complex: &ComplexId,
        commands: &[CommandId],
    ) -> Result<HashMap<CommandId, CommandRows>, StoreError> {
        self.rows_of(complex, commands, ruling).await
    }

    async fn commands(
        &self,
        complex: &ComplexId,
        commands: &[CommandId],
    ) -> Result<HashMap<CommandId, CommandRows>, StoreError> {
        self.rows_of(complex, commands, |connection, complex, command| {
            Ok(CommandRows {
                observations: observations(connection, complex, command)?,
                ..ruling(connection, complex, command)?
            })
        })
        .await
    }

    async fn device(&self, device: &DeviceId) -> Result<Option<DeviceRow>, StoreError> {
        let device = device.to_string();
        self.run(move |connection| {
            let sql = format!("SELECT {} FROM devices WHERE device = ?1", decode::DEVICE);
            Ok(all(connection, &sql, [device], decode::device)?.pop())
        })
        .await
    }

    async fn devices(&self, complex: &ComplexId) -> Result<Vec<DeviceRow>, StoreError> {
        let complex = complex.to_string();
        self.run(move |connection| {
            let sql = format!(
                "SELECT {} FROM devices WHERE complex = ?1 ORDER BY device",
                decode::DEVICE
            );
            all(connection, &sql, [complex], decode::device)
        })
        .await
    }

    async fn counts(
        &self,
        complex: &ComplexId,
        device: Option<&DeviceId>,
        from: Timestamp,
    ) -> Result<Vec<EpochCount>, StoreError> {
        let (complex, device) = (complex.clone(), device.cloned());
        self.run(move |connection| sequences::counts(connection, &complex, device.as_ref(), from))
            .await
    }

    async fn history(
        &self,
        query: &StatusQuery,
        after: Option<StatusCursor>,
        limit: usize,
    ) -> Result<Vec<DeviceRow>, StoreError> {
        let (sql, values) = select::history(query, after, limit);
        self.run(move |connection| all(connection, &sql, params_from_iter(values), decode::device))
            .await
    }

    async fn hours(&self, query: &HourQuery, limit: usize) -> Result<Vec<HourCount>, StoreError> {
        let query = query.clone();
        self.run(move |connection| hours::counts(connection, &query, limit))
            .await
    }

    async fn progress(&self, topic: Topic, partition: u32) -> Result<Option<u64>, StoreError> {
        self.run(move |connection| {
            let sql = "SELECT next FROM progress WHERE topic = ?1 AND part = ?2";
            let mut statement = connection.prepare_cached(sql)?;
            Ok(statement
                .query_row(params![topic.name(), partition], |row| row.get(0))
                .optional()?)
        })
        .await
    }

    async fn each(
        &self,
        table: Table,
        take: &mut (dyn FnMut(Vec<RowWrite>) + Send),
    ) -> Result<(), StoreError> {
        scan::each(self, table, take).await
    }
}

pub(super) fn all<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    decode: impl Fn(&Row<'_>) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(decode(row)?);
    }
    Ok(found)
}
