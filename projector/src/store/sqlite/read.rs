//! Reading.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use domain::id::{CommandId, ComplexId, DeviceId, EventId};
use eventlog::Topic;
use jiff::Timestamp;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension as _, Params, Row, params, params_from_iter};

use super::super::query::order_of;
use super::super::{AccessCursor, AccessQuery, StoreError, Table, ViewReader};
use super::connections::Connections;
use super::{decode, sequences};
use crate::views::{AccessRow, CommandRows, DeviceRow, DigestRow, EpochCount, RowWrite};

/// A store that is read here.
pub(crate) struct SqliteReader {
    connections: Arc<Connections>,
}

impl SqliteReader {
    pub(super) fn new(connections: Arc<Connections>) -> Self {
        Self { connections }
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
        let (sql, values) = search(query, after, limit);
        self.connections
            .run(move |connection| all(connection, &sql, params_from_iter(values), decode::access))
            .await
    }

    async fn access(
        &self,
        complex: &ComplexId,
        event: EventId,
    ) -> Result<Option<AccessRow>, StoreError> {
        let key = (complex.to_string(), event.to_string());
        self.connections
            .run(move |connection| {
                let sql = format!(
                    "SELECT {} FROM access WHERE complex = ?1 AND event = ?2 ORDER BY off LIMIT 1",
                    decode::ACCESS
                );
                Ok(all(connection, &sql, key, decode::access)?.pop())
            })
            .await
    }

    async fn contested(&self, mut digests: Vec<DigestRow>) -> Result<Vec<DigestRow>, StoreError> {
        self.connections
            .run(move |connection| {
                let sql = "SELECT digest FROM digests
                    WHERE complex = ?1 AND partner = ?2 AND partner_event = ?3
                    ORDER BY off LIMIT 1";
                let mut statement = connection.prepare_cached(sql)?;
                let mut first = |row: &DigestRow| {
                    let key = (
                        row.complex.as_str(),
                        row.partner.as_str(),
                        &row.partner_event,
                    );
                    statement
                        .query_row(key, |row| row.get::<_, [u8; 32]>(0))
                        .optional()
                };
                let mut error = None;
                digests.retain(|row| match first(row) {
                    Ok(first) => first.is_some_and(|first| first != row.digest),
                    Err(failed) => {
                        error = Some(failed);
                        false
                    }
                });
                error.map_or(Ok(digests), |error| Err(error.into()))
            })
            .await
    }

    async fn commands(
        &self,
        complex: &ComplexId,
        commands: &[CommandId],
    ) -> Result<HashMap<CommandId, CommandRows>, StoreError> {
        let (complex, commands) = (complex.to_string(), commands.to_vec());
        self.connections
            .run(move |connection| {
                let of = |columns, table| {
                    format!(
                        "SELECT {columns} FROM {table} WHERE complex = ?1 AND command = ?2 ORDER BY off"
                    )
                };
                let claims = of(decode::CLAIM, "claims");
                let completions = of(decode::COMPLETION, "completions");
                let mut found = HashMap::new();
                for command in commands {
                    let key = params![complex, command.to_string()];
                    let rows = CommandRows {
                        claims: all(connection, &claims, key, decode::claim)?,
                        completions: all(connection, &completions, key, decode::completion)?,
                    };
                    if rows != CommandRows::default() {
                        found.insert(command, rows);
                    }
                }
                Ok(found)
            })
            .await
    }

    async fn device(&self, device: &DeviceId) -> Result<Option<DeviceRow>, StoreError> {
        let device = device.to_string();
        self.connections
            .run(move |connection| {
                let sql = format!("SELECT {} FROM devices WHERE device = ?1", decode::DEVICE);
                Ok(all(connection, &sql, [device], decode::device)?.pop())
            })
            .await
    }

    async fn devices(&self, complex: &ComplexId) -> Result<Vec<DeviceRow>, StoreError> {
        let complex = complex.to_string();
        self.connections
            .run(move |connection| {
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
        self.connections
            .run(move |connection| sequences::counts(connection, &complex, device.as_ref(), from))
            .await
    }

    async fn progress(&self, topic: Topic, partition: u32) -> Result<Option<u64>, StoreError> {
        self.connections
            .run(move |connection| {
                let sql = "SELECT next FROM progress WHERE topic = ?1 AND part = ?2";
                let mut statement = connection.prepare_cached(sql)?;
                Ok(statement
                    .query_row(params![topic.name(), partition], |row| row.get(0))
                    .optional()?)
            })
            .await
    }

    async fn scan(&self, table: Table) -> Result<Vec<RowWrite>, StoreError> {
        self.connections
            .run(move |connection| {
                let select = |columns, table| format!("SELECT {columns} FROM {table}");
                match table {
                    Table::Access => {
                        all(connection, &select(decode::ACCESS, "access"), (), |row| {
                            Ok(RowWrite::Access(Box::new(decode::access(row)?)))
                        })
                    }
                    Table::Claims => all(connection, &select(decode::CLAIM, "claims"), (), |row| {
                        decode::claim(row).map(RowWrite::Claim)
                    }),
                    Table::Completions => {
                        let sql = select(decode::COMPLETION, "completions");
                        all(connection, &sql, (), |row| {
                            decode::completion(row).map(RowWrite::Completion)
                        })
                    }
                    Table::Digests => {
                        all(connection, &select(decode::DIGEST, "digests"), (), |row| {
                            decode::digest(row).map(RowWrite::Digest)
                        })
                    }
                    Table::Devices => {
                        all(connection, &select(decode::DEVICE, "devices"), (), |row| {
                            decode::device(row).map(RowWrite::Device)
                        })
                    }
                    Table::Leaves => all(connection, &select(decode::LEAF, "leaves"), (), |row| {
                        decode::leaf(row).map(RowWrite::Leaf)
                    }),
                    Table::Unreadable => {
                        let sql = select(decode::UNREADABLE, "unreadable");
                        all(connection, &sql, (), |row| {
                            decode::unreadable(row).map(RowWrite::Unreadable)
                        })
                    }
                    Table::Sequences => {
                        let sql = select(decode::SEQUENCE, "sequences");
                        all(connection, &sql, (), |row| {
                            decode::sequence(row).map(RowWrite::Sequence)
                        })
                    }
                }
            })
            .await
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

/// The statement of a search with its values.
fn search(query: &AccessQuery, after: Option<AccessCursor>, limit: usize) -> (String, Vec<Value>) {
    let mut sql = format!("SELECT {} FROM access WHERE complex = ?", decode::ACCESS);
    let mut values = vec![Value::from(query.complex.to_string())];
    let mut only = |condition: &str, value: Value| {
        sql.push_str(condition);
        values.push(value);
    };
    if let Some(from) = query.from {
        only(" AND time >= ?", order_of(from).into());
    }
    if let Some(until) = query.until {
        only(" AND time < ?", order_of(until).into());
    }
    if let Some(subject) = query.subject {
        only(" AND subject = ?", subject.to_string().into());
    }
    if let Some(device) = &query.device {
        only(" AND device = ?", device.to_string().into());
    }
    if let Some(automation) = query.automation {
        only(" AND automation = ?", automation.number().into());
    }
    if let Some(after) = after {
        only(" AND (time, off) < (?,", after.time.into());
        only(" ?)", int(after.offset));
    }
    only(" ORDER BY time DESC, off DESC LIMIT ?", int(limit as u64));
    (sql, values)
}

fn int(number: u64) -> Value {
    i64::try_from(number).unwrap_or(i64::MAX).into()
}
