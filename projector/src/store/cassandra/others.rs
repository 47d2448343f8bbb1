//! Rows that are sent one by one: each has a partition of its own, or hardly ever shares it.

use domain::id::ComplexId;
use prost::Message as _;
use scylla::value::MaybeUnset;

use super::super::StoreError;
use super::super::query::order_of;
use super::link::Connected;
use super::plan::{Request, one};
use super::position::{Scope, bucket_of_offset, bucket_of_read, first_wins, last_wins, stored};
use super::rows::partition;
use super::writes::Writes;
use crate::views::RowWrite;

/// The request of a row that is sent by itself.
pub(super) fn request<'a>(
    connected: &'a Connected,
    writes: &'a Writes,
    row: &'a RowWrite,
) -> Result<Option<Request<'a>>, StoreError> {
    Ok(Some(match row {
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
                last_wins(row.offset)?,
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
                last_wins(row.offset)?,
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
                last_wins(row.position.offset)?,
            );
            one(connected, &writes.observation, values)
        }
        RowWrite::Alarm(row) => {
            let time = order_of(row.occurred_at);
            let values = (
                row.complex.as_str(),
                Scope::Complex.bucket(time),
                time,
                stored(row.offset)?,
                i32::from(row.kind),
                row.device.as_str(),
                row.occurred_at.to_string(),
                row.alarm.encode_to_vec(),
                last_wins(row.offset)?,
            );
            one(connected, &writes.alarm, values)
        }
        RowWrite::Read(row) => {
            let time = order_of(row.occurred_at);
            let values = (
                row.complex.as_str(),
                row.scope.as_text(),
                bucket_of_read(row.scope, time),
                time,
                stored(row.offset)?,
                row.occurred_at.to_string(),
                row.read.encode_to_vec(),
                last_wins(row.offset)?,
            );
            one(connected, &writes.read, values)
        }
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
                last_wins(offset)?,
            );
            one(connected, &writes.unreadable, values)
        }
        RowWrite::Access(_)
        | RowWrite::Device(_)
        | RowWrite::Status(_)
        | RowWrite::Leaf(_)
        | RowWrite::Sequence(_)
        | RowWrite::Hour(_) => return Ok(None),
    }))
}
