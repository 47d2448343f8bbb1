//! What is counted by hours.

use domain::id::DeviceId;
use prost::Message as _;
use rusqlite::{Connection, Transaction, params};

use super::super::{HourQuery, StoreError};
use super::decode;
use super::read::all;
use crate::views::{HourCount, HourRow};

pub(super) fn write(transaction: &Transaction<'_>, row: &HourRow) -> Result<(), StoreError> {
    let sql = "INSERT INTO hours (complex, hour, identity, off, device, result)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6)
               ON CONFLICT DO UPDATE SET off = excluded.off, device = excluded.device,
                 result = excluded.result
               WHERE excluded.off < hours.off";
    transaction.prepare_cached(sql)?.execute(params![
        row.complex.as_str(),
        row.hour,
        row.identity,
        row.offset,
        row.device
            .as_ref()
            .map(DeviceId::as_str)
            .unwrap_or_default(),
        row.result.encode_to_vec(),
    ])?;
    Ok(())
}

/// As [`ViewReader::hours`](super::super::ViewReader::hours).
pub(super) fn counts(
    connection: &Connection,
    query: &HourQuery,
    limit: usize,
) -> Result<Vec<HourCount>, StoreError> {
    let sql = "SELECT hour, iif(?6, device, '') AS at, result, count(*) FROM hours
         WHERE complex = ?1 AND hour >= ?2 AND hour < ?3 AND (?4 IS NULL OR device = ?4)
         GROUP BY hour, at, result ORDER BY hour, at, result LIMIT ?5";
    let key = params![
        query.complex.as_str(),
        query.from,
        query.until,
        query.device.as_ref().map(DeviceId::as_str),
        limit as u64,
        query.by_device,
    ];
    all(connection, sql, key, decode::hour_count)
}
