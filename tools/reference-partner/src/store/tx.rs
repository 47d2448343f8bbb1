//! What a transaction can do with records.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::StoreError;
use super::table::{Key, Table};
use crate::vault::Vault;

/// An open transaction.
pub(crate) struct Tx<'a> {
    connection: &'a Connection,
    vault: &'a Vault,
}

impl<'a> Tx<'a> {
    pub(super) fn new(connection: &'a Connection, vault: &'a Vault) -> Self {
        Self { connection, vault }
    }

    pub(super) fn begin(&self) -> Result<(), StoreError> {
        Ok(self.connection.execute_batch("BEGIN IMMEDIATE")?)
    }

    pub(super) fn commit(&self) -> Result<(), StoreError> {
        self.connection.execute_batch("COMMIT").map_err(|error| {
            self.rollback();
            error.into()
        })
    }

    pub(super) fn rollback(&self) {
        let _ = self.connection.execute_batch("ROLLBACK");
    }

    pub(super) fn savepoint<T>(
        &self,
        work: impl FnOnce(&Tx<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        if self.connection.is_autocommit() {
            return Err(StoreError::NoTransaction);
        }
        self.connection.execute_batch("SAVEPOINT job")?;
        let result = work(self);
        let end = if result.is_ok() {
            "RELEASE job"
        } else {
            "ROLLBACK TO job; RELEASE job"
        };
        self.connection.execute_batch(end)?;
        result
    }

    /// A key that hides an id.
    pub(crate) fn hidden(&self, id: &[u8]) -> Key {
        Key::plain(&self.vault.hide(&[b"key", id]))
    }

    /// A tag that only this partner can make, for cursors.
    pub(crate) fn tag(&self, purpose: &[u8], bytes: &[u8]) -> [u8; 32] {
        self.vault.hide(&[b"tag", purpose, bytes])
    }

    /// When the key that now encrypts was made.
    pub(crate) fn key_rotated_at(&self) -> Timestamp {
        self.vault.rotated_at()
    }

    fn part(&self, part: &str) -> Vec<u8> {
        self.vault.hide(&[b"part", part.as_bytes()]).to_vec()
    }

    fn context(table: &str, part: &[u8], key: &[u8]) -> Vec<u8> {
        [table.as_bytes(), &[0], part, key].concat()
    }

    fn open<T: DeserializeOwned>(
        &self,
        table: Table,
        part: &[u8],
        key: &[u8],
        (version, sealed): &(u32, Vec<u8>),
    ) -> Result<T, StoreError> {
        let context = Self::context(table.name(), part, key);
        Ok(serde_json::from_slice(
            &self.vault.unseal(part, &context, *version, sealed)?,
        )?)
    }

    /// Reads a record.
    pub(crate) fn get<T: DeserializeOwned>(
        &self,
        table: Table,
        part: &str,
        key: &Key,
    ) -> Result<Option<T>, StoreError> {
        let part = self.part(part);
        let mut query = self.connection.prepare_cached(
            "SELECT version, value FROM record WHERE kind=?1 AND part=?2 AND key=?3",
        )?;
        let found = query
            .query_row(params![table.name(), part, key.as_bytes()], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()?;
        found
            .map(|sealed| self.open(table, &part, key.as_bytes(), &sealed))
            .transpose()
    }

    /// Writes a record in place of what was there. `due` is when housekeeping looks at it.
    pub(crate) fn put<T: Serialize>(
        &self,
        table: Table,
        part: &str,
        key: &Key,
        due: Option<Timestamp>,
        value: &T,
    ) -> Result<(), StoreError> {
        let part = self.part(part);
        let context = Self::context(table.name(), &part, key.as_bytes());
        let (version, sealed) = self
            .vault
            .seal(&part, &context, serde_json::to_vec(value)?)?;
        let due = due.map(Timestamp::as_millisecond);
        self.connection
            .prepare_cached("INSERT OR REPLACE INTO record (kind, part, key, due, version, value) VALUES (?1,?2,?3,?4,?5,?6)")?
            .execute(params![table.name(), part, key.as_bytes(), due, version, sealed])?;
        Ok(())
    }

    /// Deletes a record; tells whether it was there.
    pub(crate) fn delete(&self, table: Table, part: &str, key: &Key) -> Result<bool, StoreError> {
        let deleted = self
            .connection
            .prepare_cached("DELETE FROM record WHERE kind=?1 AND part=?2 AND key=?3")?
            .execute(params![table.name(), self.part(part), key.as_bytes()])?;
        Ok(deleted > 0)
    }

    /// Reads records of a part in the order of their keys, after `after`.
    pub(crate) fn scan<T: DeserializeOwned>(
        &self,
        table: Table,
        part: &str,
        after: &Key,
        limit: usize,
    ) -> Result<Vec<(Key, T)>, StoreError> {
        let part = self.part(part);
        let mut query = self.connection.prepare_cached(
            "SELECT key, version, value FROM record WHERE kind=?1 AND part=?2 AND key>?3 ORDER BY key LIMIT ?4",
        )?;
        let mut rows = query.query(params![
            table.name(),
            part,
            after.as_bytes(),
            rows_at_most(limit)
        ])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let key: Vec<u8> = row.get(0)?;
            let value = self.open(table, &part, &key, &(row.get(1)?, row.get(2)?))?;
            found.push((Key::plain(&key), value));
        }
        Ok(found)
    }

    /// Reads the records of a part that have no due time.
    pub(crate) fn undated<T: DeserializeOwned>(
        &self,
        table: Table,
        part: &str,
    ) -> Result<Vec<T>, StoreError> {
        let part = self.part(part);
        let mut query = self.connection.prepare_cached(
            "SELECT key, version, value FROM record WHERE kind=?1 AND part=?2 AND due IS NULL",
        )?;
        let mut rows = query.query(params![table.name(), part])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let key: Vec<u8> = row.get(0)?;
            found.push(self.open(table, &part, &key, &(row.get(1)?, row.get(2)?))?);
        }
        Ok(found)
    }

    /// Reads records of a part whose time has come, the longest due first.
    pub(crate) fn due<T: DeserializeOwned>(
        &self,
        table: Table,
        part: &str,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<(Key, T)>, StoreError> {
        let part = self.part(part);
        let mut query = self.connection.prepare_cached(
            "SELECT key, version, value FROM record WHERE kind=?1 AND due<=?2 AND part=?3 ORDER BY due, key LIMIT ?4",
        )?;
        let mut rows = query.query(params![
            table.name(),
            now.as_millisecond(),
            part,
            rows_at_most(limit)
        ])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let key: Vec<u8> = row.get(0)?;
            let value = self.open(table, &part, &key, &(row.get(1)?, row.get(2)?))?;
            found.push((Key::plain(&key), value));
        }
        Ok(found)
    }

    /// Deletes all records of a kind whose time has come; tells how many.
    pub(crate) fn purge(&self, table: Table, now: Timestamp) -> Result<usize, StoreError> {
        Ok(self
            .connection
            .prepare_cached("DELETE FROM record WHERE kind=?1 AND due<=?2")?
            .execute(params![table.name(), now.as_millisecond()])?)
    }

    /// How many records of a kind there are.
    pub(crate) fn count(&self, table: Table) -> Result<i64, StoreError> {
        Ok(self
            .connection
            .prepare_cached("SELECT COUNT(*) FROM record WHERE kind=?1")?
            .query_row(params![table.name()], |row| row.get(0))?)
    }

    /// How many records there are under each key version.
    pub(crate) fn versions(&self) -> Result<Vec<(u32, i64)>, StoreError> {
        let mut query = self.connection.prepare_cached(
            "SELECT version, COUNT(*) FROM record GROUP BY version ORDER BY version",
        )?;
        let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Seals every record again that is not under the newest key.
    pub(super) fn reencrypt(&self) -> Result<(), StoreError> {
        type Row = (String, Vec<u8>, Vec<u8>, u32, Vec<u8>);
        let mut query = self.connection.prepare_cached(
            "SELECT kind, part, key, version, value FROM record WHERE version<>?1 LIMIT 500",
        )?;
        let mut update = self.connection.prepare_cached(
            "UPDATE record SET version=?4, value=?5 WHERE kind=?1 AND part=?2 AND key=?3",
        )?;
        loop {
            let rows = query.query_map(params![self.vault.newest()], |row| {
                Ok((
                    row.get(0)?,
                    row.get(1)?,
                    row.get(2)?,
                    row.get(3)?,
                    row.get(4)?,
                ))
            })?;
            let rows = rows.collect::<Result<Vec<Row>, _>>()?;
            if rows.is_empty() {
                return Ok(());
            }
            for (kind, part, key, version, sealed) in rows {
                let context = Self::context(&kind, &part, &key);
                let value = self.vault.unseal(&part, &context, version, &sealed)?;
                let (version, sealed) = self.vault.seal(&part, &context, value)?;
                update.execute(params![kind, part, key, version, sealed])?;
            }
        }
    }
}

fn rows_at_most(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
