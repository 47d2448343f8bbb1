//! A batch of rows as requests to the database.

use std::collections::{BTreeMap, HashMap};

use domain::id::{ComplexId, DeviceId};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use prost::Message as _;
use scylla::serialize::row::SerializeRow;
use scylla::statement::batch::{Batch, BatchType};
use scylla::statement::prepared::PreparedStatement;
use scylla::value::MaybeUnset;
use uuid::Uuid;

use super::super::query::order_of;
use super::super::{StatusCursor, StoreError};
use super::link::Connected;
use super::position::{Scope, bucket_of_offset, first_wins, last_wins, stored};
use super::rows::{AccessValue, rank};
use super::sequences::bucket;
use super::writes::Writes;
use super::{hours, others, search};
use crate::views::{AccessIdentity, AccessRow, DeviceRow, HourRow, LeafRow, RowWrite, SequenceRow};

/// Rows of one partition that are sent together, at most.
const TOGETHER: usize = 64;

pub(super) type Request<'a> = BoxFuture<'a, Result<(), StoreError>>;
type Entry<'a> = (
    &'a str,
    String,
    i32,
    i64,
    i64,
    &'a str,
    MaybeUnset<Uuid>,
    MaybeUnset<&'a str>,
    i64,
);

/// Rows sorted by how they are sent: those that share a partition together, and of those of which
/// only one can stay that one alone.
#[derive(Default)]
pub(super) struct Plan<'a> {
    pub(super) accesses: HashMap<(&'a ComplexId, &'a AccessIdentity), &'a AccessRow>,
    pub(super) devices: HashMap<&'a DeviceId, ([u8; 32], &'a DeviceRow)>,
    pub(super) statuses: BTreeMap<(&'a str, i32), Vec<&'a DeviceRow>>,
    pub(super) leaves: BTreeMap<(&'a str, &'a str, i64), Vec<&'a LeafRow>>,
    pub(super) sequences: BTreeMap<(&'a str, &'a str, i64, i64), Vec<&'a SequenceRow>>,
    pub(super) hours: BTreeMap<(&'a str, i64), Vec<&'a HourRow>>,
    pub(super) others: Vec<&'a RowWrite>,
}

impl<'a> Plan<'a> {
    pub(super) fn of(rows: &'a [RowWrite]) -> Result<Self, StoreError> {
        let mut plan = Self::default();
        for row in rows {
            match row {
                RowWrite::Access(row) => {
                    let first = plan
                        .accesses
                        .entry((&row.complex, &row.identity))
                        .or_insert(row);
                    if row.offset < first.offset {
                        *first = row;
                    }
                }
                RowWrite::Device(row) => {
                    let rank = rank(row)?;
                    let last = plan.devices.entry(&row.device).or_insert((rank, row));
                    if rank > last.0 {
                        *last = (rank, row);
                    }
                }
                RowWrite::Status(row) => {
                    let bucket = Scope::Device.bucket(order_of(row.observed_at));
                    let key = (row.device.as_str(), bucket);
                    plan.statuses.entry(key).or_default().push(row);
                }
                RowWrite::Leaf(row) => {
                    let bucket = bucket_of_offset(row.offset)?;
                    let key = (row.log.topic(), row.log.complex(), bucket);
                    plan.leaves.entry(key).or_default().push(row);
                }
                RowWrite::Sequence(row) => {
                    let key = (
                        row.device.as_str(),
                        row.partner.as_str(),
                        row.sequence.epoch.cast_signed(),
                        bucket(row.sequence.sequence),
                    );
                    plan.sequences.entry(key).or_default().push(row);
                }
                RowWrite::Hour(row) => {
                    let key = (row.complex.as_str(), hours::day(row.hour));
                    plan.hours.entry(key).or_default().push(row);
                }
                RowWrite::Claim(_)
                | RowWrite::Completion(_)
                | RowWrite::Digest(_)
                | RowWrite::Observation(_)
                | RowWrite::Alarm(_)
                | RowWrite::Read(_)
                | RowWrite::Unreadable(_) => plan.others.push(row),
            }
        }
        Ok(plan)
    }

    pub(super) fn requests(
        self,
        connected: &'a Connected,
        writes: &'a Writes,
    ) -> Result<Vec<Request<'a>>, StoreError> {
        let mut requests = Vec::new();
        let mut entries = BTreeMap::<(&str, String, i32), Vec<Entry<'_>>>::new();
        for row in self.accesses.values() {
            let (complex, identity) = (row.complex.as_str(), row.identity.as_str());
            let value = AccessValue::of(row)?;
            let late = last_wins(row.offset)?;
            let by_event = (complex, value.event, value.off, identity, late);
            let at = first_wins(row.offset)?;
            requests.push(one(
                connected,
                &writes.access,
                (complex, identity, value, at),
            ));
            requests.push(one(connected, &writes.access_by_event, by_event));
            for entry in entries_of(row)? {
                let key = (entry.0, entry.1.clone(), entry.2);
                entries.entry(key).or_default().push(entry);
            }
        }
        for entries in entries.into_values() {
            requests.extend(together(connected, &writes.access_by_time, entries));
        }
        for (rank, row) in self.devices.values() {
            requests.push(device(connected, writes, rank, row)?);
        }
        for ((device, bucket), rows) in self.statuses {
            let reports = rows.into_iter().map(|row| status(device, bucket, row));
            let reports = reports.collect::<Result<Vec<_>, StoreError>>()?;
            requests.extend(together(connected, &writes.status, reports));
        }
        for ((topic, complex, bucket), rows) in self.leaves {
            let leaves = rows.into_iter().map(|row| {
                Ok((
                    topic,
                    complex,
                    bucket,
                    stored(row.offset)?,
                    stored(row.index)?,
                    last_wins(row.offset)?,
                ))
            });
            let leaves = leaves.collect::<Result<Vec<_>, StoreError>>()?;
            requests.extend(together(connected, &writes.leaf, leaves));
        }
        for ((device, partner, epoch, bucket), rows) in self.sequences {
            let number = |row: &'a SequenceRow| {
                let sequence = row.sequence.sequence.cast_signed();
                let happened = row.happened.to_string();
                let off = row.offset.map(stored).transpose()?;
                Ok((
                    device,
                    partner,
                    epoch,
                    bucket,
                    sequence,
                    row.rejected,
                    happened,
                    MaybeUnset::from_option(off),
                    row.offset.map_or(Ok(1), first_wins)?,
                ))
            };
            let numbers = rows.into_iter().map(number);
            let numbers = numbers.collect::<Result<Vec<_>, StoreError>>()?;
            requests.extend(together(connected, &writes.sequence, numbers));
        }
        for rows in self.hours.into_values() {
            let counted = rows.into_iter().map(hours::values);
            let counted = counted.collect::<Result<Vec<_>, StoreError>>()?;
            requests.extend(together(connected, &writes.hour, counted));
        }
        for row in self.others {
            requests.extend(others::request(connected, writes, row)?);
        }
        Ok(requests)
    }
}

/// What an access is found in: its complex, its subject and its device.
pub(super) fn scopes_of(row: &AccessRow) -> impl Iterator<Item = (Scope, String)> + use<> {
    let scopes = [
        Some(search::of_complex()),
        row.subject.map(search::of_subject),
        row.device.as_ref().map(search::of_device),
    ];
    scopes.into_iter().flatten()
}

/// Where it is found.
fn entries_of(row: &AccessRow) -> Result<Vec<Entry<'_>>, StoreError> {
    let time = order_of(row.occurred_at);
    let (off, at) = (stored(row.offset)?, last_wins(row.offset)?);
    let device = row.device.as_ref().map(DeviceId::as_str);
    let entry = |(scope, name): (Scope, String)| {
        (
            row.complex.as_str(),
            name,
            scope.bucket(time),
            time,
            off,
            row.identity.as_str(),
            MaybeUnset::from_option(row.subject),
            MaybeUnset::from_option(device),
            at,
        )
    };
    Ok(scopes_of(row).map(entry).collect())
}

/// A report in a device's history.
fn status<'a>(
    device: &'a str,
    bucket: i32,
    row: &DeviceRow,
) -> Result<impl SerializeRow + Send + Sync + use<'a>, StoreError> {
    let at = StatusCursor::of(row);
    Ok((
        device,
        bucket,
        at.time,
        at.place().to_vec(),
        row.sequence.epoch.cast_signed(),
        row.sequence.sequence.cast_signed(),
        row.observed_at.to_string(),
        stored(row.offset)?,
        row.status.encode_to_vec(),
        first_wins(row.offset)?,
    ))
}

/// The state and the end of all below it, in one partition and so at once.
fn device<'a>(
    connected: &'a Connected,
    writes: &'a Writes,
    rank: &[u8; 32],
    row: &'a DeviceRow,
) -> Result<Request<'a>, StoreError> {
    let device = row.device.as_str();
    let rank = rank.to_vec();
    let state = (
        device,
        rank.clone(),
        row.sequence.epoch.cast_signed(),
        row.sequence.sequence.cast_signed(),
        row.observed_at.to_string(),
        stored(row.offset)?,
        row.status.encode_to_vec(),
    );
    let mut batch = Batch::new(BatchType::Unlogged);
    batch.append_statement(writes.device_state.clone());
    batch.append_statement(writes.older_states.clone());
    batch.set_is_idempotent(true);
    let both = async move { connected.run_batch(&batch, (state, (device, rank))).await };
    Ok(both.boxed())
}

pub(super) fn one<'a>(
    connected: &'a Connected,
    statement: &'a PreparedStatement,
    values: impl SerializeRow + Send + Sync + 'a,
) -> Request<'a> {
    async move { connected.run(statement, values).await }.boxed()
}

/// Rows of one partition.
fn together<'a, V: SerializeRow + Send + Sync + 'a>(
    connected: &'a Connected,
    statement: &'a PreparedStatement,
    rows: Vec<V>,
) -> Vec<Request<'a>> {
    let mut requests = Vec::new();
    let mut rows = rows.into_iter().peekable();
    while rows.peek().is_some() {
        let some: Vec<V> = rows.by_ref().take(TOGETHER).collect();
        let statements = vec![statement.clone().into(); some.len()];
        let mut batch = Batch::new_with_statements(BatchType::Unlogged, statements);
        batch.set_is_idempotent(true);
        requests.push(async move { connected.run_batch(&batch, some).await }.boxed());
    }
    requests
}
