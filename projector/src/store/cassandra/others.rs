//! Rows that are sent one by one, as requests to the database.

use domain::id::ComplexId;
use prost::Message as _;
use scylla::value::MaybeUnset;

use super::super::query::order_of;
use super::super::{StatusCursor, StoreError};
use super::link::Connected;
use super::plan::{Request, one};
use super::position::{Scope, bucket_of_offset, bucket_of_read, first_wins, stored};
use super::rows::partition;
use super::writes::Writes;
use crate::views::{AlarmRow, DeviceRow, ReadRow, RowWrite};

/// The requests of a row that is sent by itself.
pub(super) fn requests<'a>(
    connected: &'a Connected,
    writes: &'a Writes,
    row: &'a RowWrite,
) -> Result<Vec<Request<'a>>, StoreError> {
    Ok(vec![match row {
        RowWrite::Claim(row) => {
            let values = (
                row.complex.as_str(),
                row.command.0,
                stored(row.offset)?,
                row.event.0,
                row.verdict.number(),
                row.late,
                row.device.as_str(),
                stored(row.leaf)?,
            );
            one(connected, &writes.claim, values)
        }
        RowWrite::Completion(row) => {
            let values = (
                row.complex.as_str(),
                row.command.0,
                stored(row.offset)?,
                row.event.0,
                row.outcome.number(),
                row.at.to_string(),
                stored(row.leaf)?,
            );
            one(connected, &writes.completion, values)
        }
        RowWrite::Observation(row) => {
            let values = (
                row.complex.as_str(),
                row.command.0,
                stored(row.position.offset)?,
                partition(row.position.partition)?,
                row.event.0,
                stored(row.leaf)?,
                row.device.as_str(),
                row.observation.number(),
                row.occurred_at.to_string(),
            );
            one(connected, &writes.observation, values)
        }
        RowWrite::Alarm(row) => return alarm(connected, writes, row),
        RowWrite::Status(row) => return status(connected, writes, row),
        RowWrite::Read(row) => return read(connected, writes, row),
        RowWrite::Digest(row) => {
            let values = (
                row.complex.as_str(),
                row.partner.as_str(),
                row.partner_event.as_str(),
                row.digest.as_slice(),
                stored(row.offset)?,
                row.event.0,
                first_wins(row.offset)?,
            );
            one(connected, &writes.digest, values)
        }
        RowWrite::Unreadable(row) => {
            let offset = row.position.offset;
            let values = (
                row.topic.name(),
                partition(row.position.partition)?,
                bucket_of_offset(offset)?,
                stored(offset)?,
                MaybeUnset::from_option(row.complex.as_ref().map(ComplexId::as_str)),
                row.reason.as_str(),
                row.append_time.to_string(),
            );
            one(connected, &writes.unreadable, values)
        }
        RowWrite::Access(_) | RowWrite::Device(_) | RowWrite::Leaf(_) | RowWrite::Sequence(_) => {
            return Ok(Vec::new());
        }
    }])
}

fn alarm<'a>(
    connected: &'a Connected,
    writes: &'a Writes,
    row: &'a AlarmRow,
) -> Result<Vec<Request<'a>>, StoreError> {
    let (complex, time) = (row.complex.as_str(), order_of(row.occurred_at));
    let bucket = Scope::Complex.bucket(time);
    let values = (
        complex,
        bucket,
        time,
        stored(row.offset)?,
        i32::from(row.kind),
        row.device.as_str(),
        row.occurred_at.to_string(),
        row.alarm.encode_to_vec(),
    );
    Ok(vec![
        one(connected, &writes.alarm, values),
        one(connected, &writes.alarm_bucket, (complex, bucket)),
    ])
}

fn read<'a>(
    connected: &'a Connected,
    writes: &'a Writes,
    row: &'a ReadRow,
) -> Result<Vec<Request<'a>>, StoreError> {
    let (complex, time) = (row.complex.as_str(), order_of(row.occurred_at));
    let (scope, bucket) = (row.scope.as_text(), bucket_of_read(row.scope, time));
    let values = (
        complex,
        scope.clone(),
        bucket,
        time,
        stored(row.offset)?,
        row.occurred_at.to_string(),
        row.read.encode_to_vec(),
    );
    Ok(vec![
        one(connected, &writes.read, values),
        one(connected, &writes.read_bucket, (complex, scope, bucket)),
    ])
}

fn status<'a>(
    connected: &'a Connected,
    writes: &'a Writes,
    row: &'a DeviceRow,
) -> Result<Vec<Request<'a>>, StoreError> {
    let (device, at) = (row.device.as_str(), StatusCursor::of(row));
    let bucket = Scope::Device.bucket(at.time);
    let values = (
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
    );
    Ok(vec![
        one(connected, &writes.status, values),
        one(connected, &writes.status_bucket, (device, bucket)),
    ])
}
