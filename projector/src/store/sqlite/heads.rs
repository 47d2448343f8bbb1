//! Heads of logs, moved by compare-and-set in one transaction.

use async_trait::async_trait;
use auditlog::{Head, HeadError, HeadStore, LogId};
use rusqlite::{Connection, OptionalExtension as _, params};

use super::super::StoreError;
use super::{SqliteStore, write};

#[async_trait]
impl HeadStore for SqliteStore {
    async fn load(&self, log: &LogId) -> Result<Option<Head>, HeadError> {
        let log = log.clone();
        let found = self
            .root
            .run(move |connection| stored(connection, &log))
            .await;
        found.map_err(failed)
    }

    async fn compare_and_set(
        &self,
        log: &LogId,
        expected: Option<&Head>,
        new: &Head,
    ) -> Result<(), HeadError> {
        let (log, expected, new) = (log.clone(), expected.cloned(), new.clone());
        let moved = self
            .root
            .run(move |connection| {
                let transaction = write::begin(connection)?;
                if stored(&transaction, &log)? != expected {
                    return Ok(false);
                }
                transaction.execute(
                    "INSERT OR REPLACE INTO heads (topic, complex, size, root, first, next)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                    params![
                        log.topic(),
                        log.complex(),
                        new.size,
                        new.root,
                        new.first_offset,
                        new.next_offset
                    ],
                )?;
                transaction.commit()?;
                Ok(true)
            })
            .await
            .map_err(failed)?;
        if moved {
            Ok(())
        } else {
            Err(HeadError::Conflict)
        }
    }
}

fn stored(connection: &Connection, log: &LogId) -> Result<Option<Head>, StoreError> {
    let sql = "SELECT size, root, first, next FROM heads WHERE topic = ?1 AND complex = ?2";
    let found = connection
        .prepare_cached(sql)?
        .query_row(params![log.topic(), log.complex()], |row| {
            Ok(Head {
                size: row.get(0)?,
                root: row.get(1)?,
                first_offset: row.get(2)?,
                next_offset: row.get(3)?,
            })
        })
        .optional()?;
    Ok(found)
}

fn failed(error: StoreError) -> HeadError {
    HeadError::Store(Box::new(error))
}
