//! Searching alarms, reads and devices' reports: the spans of time that hold any, newest first.

use domain::id::DeviceId;
use jiff::Timestamp;
use scylla::deserialize::row::DeserializeRow;
use scylla::response::PagingState;
use scylla::serialize::row::SerializeRow;
use scylla::statement::prepared::PreparedStatement;

use super::super::query::order_of;
use super::super::{AccessCursor, AlarmQuery, ReadQuery, StatusCursor, StatusQuery, StoreError};
use super::link::Connected;
use super::position::{Scope, bucket_of_read};
use super::rows::{AlarmFound, Device, Read};
use crate::views::{AlarmRow, DeviceRow, ReadRow};

/// As [`ViewReader::alarms`](super::super::ViewReader::alarms).
pub(super) async fn alarms(
    connected: &Connected,
    query: &AlarmQuery,
    after: Option<AccessCursor>,
    limit: usize,
) -> Result<Vec<AlarmRow>, StoreError> {
    const TABLE: &str = "alarms";
    let complex = query.complex.as_str();
    let (from, until) = places(query.from, query.until, after);
    let bucket = |time| Scope::Complex.bucket(time);
    let span = (complex, bucket(from.0), bucket(until.0));
    let statement = &connected.reads.alarm_buckets;
    let buckets: Vec<(i32,)> = connected.all("alarm_buckets", statement, span).await?;
    let matches = |row: &AlarmRow| {
        query
            .device
            .as_ref()
            .is_none_or(|device| *device == row.device)
            && (query.kinds.is_empty() || query.kinds.contains(&row.kind))
    };
    let statement = &connected.reads.alarms;
    let values = |bucket| (complex, bucket, from.0, from.1, until.0, until.1);
    let row = |found| AlarmFound::row(found).map(|row| Some(row).filter(|row| matches(row)));
    walk(connected, (TABLE, statement), buckets, values, limit, row).await
}

/// As [`ViewReader::reads`](super::super::ViewReader::reads).
pub(super) async fn reads(
    connected: &Connected,
    query: &ReadQuery,
    after: Option<AccessCursor>,
    limit: usize,
) -> Result<Vec<ReadRow>, StoreError> {
    const TABLE: &str = "reads";
    let (complex, scope) = (query.complex.as_str(), query.scope.as_text());
    let (from, until) = places(query.from, query.until, after);
    let bucket = |time| bucket_of_read(query.scope, time);
    let span = (complex, scope.as_str(), bucket(from.0), bucket(until.0));
    let statement = &connected.reads.read_buckets;
    let buckets: Vec<(i32,)> = connected.all("read_buckets", statement, span).await?;
    let (statement, scope) = (&connected.reads.reads, scope.as_str());
    let values = |bucket| (complex, scope, bucket, from.0, from.1, until.0, until.1);
    let row = |found| Read::row(found).map(Some);
    walk(connected, (TABLE, statement), buckets, values, limit, row).await
}

/// From, included, and until, excluded, as places in the order.
fn places(
    from: Option<Timestamp>,
    until: Option<Timestamp>,
    after: Option<AccessCursor>,
) -> ((i64, i64), (i64, i64)) {
    let from = (from.map_or(i64::MIN, order_of), 0);
    let end = until.map_or((i64::MAX, i64::MAX), |until| (order_of(until), 0));
    let after = after.map(|after| (after.time, i64::try_from(after.offset).unwrap_or(i64::MAX)));
    (from, after.map_or(end, |after| after.min(end)))
}

/// As [`ViewReader::history`](super::super::ViewReader::history).
pub(super) async fn history(
    connected: &Connected,
    query: &StatusQuery,
    after: Option<StatusCursor>,
    limit: usize,
) -> Result<Vec<DeviceRow>, StoreError> {
    const TABLE: &str = "statuses";
    let device = DeviceId::as_str(&query.device);
    // No place sorts before an empty one.
    let from: (i64, Vec<u8>) = (query.from.map_or(i64::MIN, order_of), Vec::new());
    let end = query.until.map(|until| (order_of(until), Vec::new()));
    let end = end.unwrap_or((i64::MAX, vec![u8::MAX; 17]));
    let after = after.map(|after| (after.time, after.place().to_vec()));
    let until = after.map_or(end.clone(), |after| after.min(end));
    let bucket = |time| Scope::Device.bucket(time);
    let span = (device, bucket(from.0), bucket(until.0));
    let statement = &connected.reads.history_buckets;
    let buckets: Vec<(i32,)> = connected.all("status_buckets", statement, span).await?;
    let statement = &connected.reads.history;
    let values = |bucket| (device, bucket, from.0, &from.1, until.0, &until.1);
    let row = |found| Device::row(found).map(Some);
    walk(connected, (TABLE, statement), buckets, values, limit, row).await
}

/// Goes through spans of time, newest first, until so many rows are found.
async fn walk<R, T, V>(
    connected: &Connected,
    (table, statement): (&'static str, &PreparedStatement),
    buckets: Vec<(i32,)>,
    values: impl Fn(i32) -> V,
    limit: usize,
    row: impl Fn(R) -> Result<Option<T>, StoreError>,
) -> Result<Vec<T>, StoreError>
where
    R: for<'frame, 'metadata> DeserializeRow<'frame, 'metadata>,
    V: SerializeRow,
{
    let mut found = Vec::new();
    for (bucket,) in buckets {
        let mut next = Some(PagingState::start());
        while let Some(state) = next {
            let (rows, after) = connected
                .page(table, statement, values(bucket), state)
                .await?;
            next = after;
            for read in rows {
                found.extend(row(read)?);
                if found.len() >= limit {
                    return Ok(found);
                }
            }
        }
    }
    Ok(found)
}
