//! What the projection writes, and needs to resume.

use std::sync::Arc;

use async_trait::async_trait;
use auditlog::LogId;
use eventlog::Topic;
use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};

use super::super::generations::Fence;
use super::super::{Gone, Halt, Progress, Removed, StoreError, ViewReader, ViewStore, names};
use super::{SqliteStore, remove, root};
use crate::views::{LeafRow, RowWrite};

#[async_trait]
impl ViewStore for SqliteStore {
    fn reader(&self) -> Arc<dyn ViewReader> {
        self.reader.clone()
    }

    async fn apply(&self, rows: Vec<RowWrite>, progress: Progress) -> Result<(), StoreError> {
        let queue = &self.queue;
        queue.write(&self.writer, self.fence, rows, progress).await
    }

    async fn remove(&self, gone: &Gone, apply: bool) -> Result<Removed, StoreError> {
        let (gone, fence) = (gone.clone(), self.fence);
        self.writer
            .run(move |connection| {
                if !apply {
                    return remove::remove(connection, &gone, apply);
                }
                remove::overwrite(connection)?;
                let transaction = root::begin(connection, fence)?;
                let removed = remove::remove(&transaction, &gone, apply)?;
                transaction.commit()?;
                remove::forget(connection)?;
                Ok(removed)
            })
            .await
    }

    async fn leaf_before(&self, log: &LogId, offset: u64) -> Result<Option<LeafRow>, StoreError> {
        let log = log.clone();
        self.writer
            .run(move |connection| {
                const SQL: &str = "SELECT off, leaf FROM leaves
                    WHERE topic = ?1 AND complex = ?2 AND off < ?3 ORDER BY off DESC LIMIT 1";
                let mut statement = connection.prepare_cached(SQL)?;
                let found = statement
                    .query_row(params![log.topic(), log.complex(), offset], |row| {
                        Ok((row.get(0)?, row.get(1)?))
                    })
                    .optional()?;
                Ok(found.map(|(offset, index)| LeafRow { log, offset, index }))
            })
            .await
    }

    async fn halts(&self, topic: Topic, partition: u32) -> Result<Vec<Halt>, StoreError> {
        self.root
            .run(move |connection| {
                let mut statement = connection.prepare_cached(
                    "SELECT complex, off, detail FROM halts
                     WHERE topic = ?1 AND part = ?2 ORDER BY complex",
                )?;
                let found = statement.query_map(params![topic.name(), partition], |row| {
                    Ok((row.get(0)?, row.get(1)?, row.get(2)?))
                })?;
                found
                    .map(|row| {
                        let (complex, offset, detail): (String, u64, String) = row?;
                        Ok(Halt {
                            log: names::log("halts", topic.name(), &complex)?,
                            partition,
                            offset,
                            detail,
                        })
                    })
                    .collect()
            })
            .await
    }

    async fn halt(&self, halt: Halt) -> Result<(), StoreError> {
        self.root
            .run(move |connection| {
                connection.execute(
                    "INSERT INTO halts (topic, complex, part, off, detail)
                     VALUES (?1, ?2, ?3, ?4, ?5)
                     ON CONFLICT DO UPDATE SET off = min(off, excluded.off), detail = excluded.detail",
                    params![
                        halt.log.topic(),
                        halt.log.complex(),
                        halt.partition,
                        halt.offset,
                        halt.detail
                    ],
                )?;
                Ok(())
            })
            .await
    }

    async fn resume(&self, log: &LogId) -> Result<(), StoreError> {
        let log = log.clone();
        self.root
            .run(move |connection| {
                connection.execute(
                    "DELETE FROM halts WHERE topic = ?1 AND complex = ?2",
                    params![log.topic(), log.complex()],
                )?;
                Ok(())
            })
            .await
    }

    async fn successor(&self) -> Result<Option<Arc<dyn ViewStore>>, StoreError> {
        let (Some(Fence::Serving(generation)), Some(place)) = (self.fence, &self.place) else {
            return Ok(None);
        };
        let pointer = self.root.run(|root| root::pointer(root, "main")).await?;
        match pointer.serving == generation {
            true => Ok(None),
            false => Ok(Some(Arc::new(super::open_at(place.clone()).await?))),
        }
    }
}

pub(super) fn begin(connection: &mut Connection) -> Result<Transaction<'_>, StoreError> {
    Ok(connection.transaction_with_behavior(TransactionBehavior::Immediate)?)
}

pub(super) fn save(transaction: &Transaction<'_>, progress: Progress) -> Result<(), StoreError> {
    let sql = "INSERT INTO progress (topic, part, next) VALUES (?1, ?2, ?3)
               ON CONFLICT DO UPDATE SET next = max(next, excluded.next)";
    let next = progress.next;
    transaction.prepare_cached(sql)?.execute(params![
        progress.topic.name(),
        progress.partition,
        next
    ])?;
    Ok(())
}
