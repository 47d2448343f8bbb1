//! Heads and halts of logs, moved by compare-and-set. No other write touches their tables, since
//! the two kinds don't see each other.

use async_trait::async_trait;
use auditlog::{Head, HeadError, HeadStore, LogId};
use scylla::serialize::row::SerializeRow;
use scylla::statement::prepared::PreparedStatement;
use scylla::value::{CqlValue, Row};

use super::super::{Halt, StoreError, names};
use super::CassandraStore;
use super::link::Bare;
use super::position::stored;
use super::rows::{offset, partition};

/// How often a halt is written again because another one did meanwhile.
const TRIES: usize = 16;

#[async_trait]
impl HeadStore for CassandraStore {
    async fn load(&self, log: &LogId) -> Result<Option<Head>, HeadError> {
        self.head(log).await.map_err(failed)
    }

    async fn compare_and_set(
        &self,
        log: &LogId,
        expected: Option<&Head>,
        new: &Head,
    ) -> Result<(), HeadError> {
        match self.move_head(log, expected, new).await.map_err(failed)? {
            true => Ok(()),
            false => Err(HeadError::Conflict),
        }
    }
}

type Columns = (i64, Vec<u8>, i64, i64);

fn columns(head: &Head) -> Result<Columns, StoreError> {
    let (first, next) = (stored(head.first_offset)?, stored(head.next_offset)?);
    Ok((stored(head.size)?, head.root.to_vec(), first, next))
}

impl CassandraStore {
    async fn head(&self, log: &LogId) -> Result<Option<Head>, StoreError> {
        const TABLE: &str = "heads";
        let (connected, writes) = self.views.root.connected().await?;
        let key = (log.topic(), log.complex());
        let found: Option<Columns> = connected.row(TABLE, &writes.heads.load, key).await?;
        found
            .map(|(size, root, first, next)| {
                Ok(Head {
                    size: offset(TABLE, size)?,
                    root: root
                        .try_into()
                        .map_err(|_| StoreError::Corrupt { table: TABLE })?,
                    first_offset: offset(TABLE, first)?,
                    next_offset: offset(TABLE, next)?,
                })
            })
            .transpose()
    }

    async fn move_head(
        &self,
        log: &LogId,
        expected: Option<&Head>,
        new: &Head,
    ) -> Result<bool, StoreError> {
        let (connected, writes) = self.views.root.connected().await?;
        let (topic, complex) = (log.topic(), log.complex());
        let (size, root, first, next) = columns(new)?;
        match expected.map(columns).transpose()? {
            None => {
                let values = (topic, complex, size, root, first, next);
                applied(connected, &writes.heads.begin, values).await
            }
            Some(was) => {
                let values = (
                    size, root, first, next, topic, complex, was.0, was.1, was.2, was.3,
                );
                applied(connected, &writes.heads.advance, values).await
            }
        }
    }

    /// Of a topic, by complex.
    pub(super) async fn all_halts(&self, topic: &str) -> Result<Vec<Halt>, StoreError> {
        const TABLE: &str = "halts";
        let (connected, writes) = self.views.root.connected().await?;
        let found: Vec<(String, i32, i64, String)> =
            connected.all(TABLE, &writes.halts.load, (topic,)).await?;
        let halts = found.into_iter().map(|(complex, part, off, detail)| {
            Ok(Halt {
                log: names::log(TABLE, topic, &complex)?,
                partition: u32::try_from(part).map_err(|_| StoreError::Corrupt { table: TABLE })?,
                offset: offset(TABLE, off)?,
                detail,
            })
        });
        halts.collect()
    }

    pub(super) async fn begin_halt(&self, halt: &Halt) -> Result<(), StoreError> {
        let (connected, writes) = self.views.root.connected().await?;
        let (topic, complex) = (halt.log.topic(), halt.log.complex());
        let (part, detail) = (partition(halt.partition)?, halt.detail.as_str());
        for _ in 0..TRIES {
            let off = stored(halt.offset)?;
            let values = (topic, complex, part, off, detail);
            if applied(connected, &writes.halts.begin, values).await? {
                return Ok(());
            }
            let halts = self.all_halts(topic).await?;
            let Some(standing) = halts.into_iter().find(|other| other.log == halt.log) else {
                continue;
            };
            let was = stored(standing.offset)?;
            let values = (off.min(was), detail, topic, complex, was);
            if applied(connected, &writes.halts.lower, values).await? {
                return Ok(());
            }
        }
        Err(StoreError::Unavailable(
            "the halt is being changed by another writer".into(),
        ))
    }

    pub(super) async fn end_halt(&self, log: &LogId) -> Result<(), StoreError> {
        let (connected, writes) = self.views.root.connected().await?;
        let key = (log.topic(), log.complex());
        applied(connected, &writes.halts.end, key).await.map(drop)
    }
}

/// Whether a conditional statement was carried out. Its answer has other columns when it wasn't;
/// the first one says which it is.
pub(super) async fn applied(
    connected: &Bare,
    statement: &PreparedStatement,
    values: impl SerializeRow,
) -> Result<bool, StoreError> {
    let row = connected.row::<Row>("[applied]", statement, values).await?;
    match row.and_then(|row| row.columns.into_iter().next().flatten()) {
        Some(CqlValue::Boolean(applied)) => Ok(applied),
        _ => Err(StoreError::Corrupt { table: "[applied]" }),
    }
}

fn failed(error: StoreError) -> HeadError {
    HeadError::Store(Box::new(error))
}
