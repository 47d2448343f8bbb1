//! What is counted by hours: in partitions of a day each.

use std::collections::BTreeMap;

use domain::id::DeviceId;
use futures::{StreamExt as _, TryStreamExt as _};
use prost::Message as _;
use scylla::DeserializeRow;

use super::super::{HourQuery, StoreError};
use super::link::Connected;
use super::position::{first_wins, stored};
use super::rows::{message, offset, parse};
use crate::views::{HourCount, HourRow};

const TABLE: &str = "hours";
const HOURS: i64 = 24;

/// The partition that an hour is in: days since 1970.
pub(super) fn day(hour: i64) -> i64 {
    hour.div_euclid(HOURS)
}

/// A row of `hours`.
#[derive(DeserializeRow)]
pub(super) struct Hour {
    complex: String,
    hour: i64,
    identity: String,
    off: i64,
    device: String,
    result: Vec<u8>,
}

impl Hour {
    pub(super) fn row(self) -> Result<HourRow, StoreError> {
        Ok(HourRow {
            complex: parse(TABLE, &self.complex)?,
            hour: self.hour,
            identity: self.identity,
            offset: offset(TABLE, self.off)?,
            device: named(&self.device)?,
            result: message(TABLE, &self.result)?,
        })
    }
}

fn named(device: &str) -> Result<Option<DeviceId>, StoreError> {
    match device {
        "" => Ok(None),
        device => parse(TABLE, device).map(Some),
    }
}

/// As [`ViewReader::hours`](super::super::ViewReader::hours).
pub(super) async fn counts(
    connected: &Connected,
    query: &HourQuery,
    limit: usize,
) -> Result<Vec<HourCount>, StoreError> {
    let complex = query.complex.as_str();
    let days = day(query.from)..=day(query.until);
    let looks = days.map(|day| async move {
        let key = (complex, day, query.from, query.until);
        let statement = &connected.reads.hours;
        connected
            .all::<(i64, String, Vec<u8>)>(TABLE, statement, key)
            .await
    });
    let mut looks = futures::stream::iter(looks).buffered(connected.requests);
    let mut counts: BTreeMap<(i64, String, Vec<u8>), u64> = BTreeMap::new();
    while let Some(rows) = looks.try_next().await? {
        for (hour, device, result) in rows {
            let wanted = query.device.as_ref().map(DeviceId::as_str);
            if wanted.is_none_or(|wanted| wanted == device) {
                let device = if query.by_device {
                    device
                } else {
                    String::new()
                };
                *counts.entry((hour, device, result)).or_default() += 1;
            }
        }
        // Days come in their order, so that what is left out is what comes last.
        if counts.len() > limit {
            break;
        }
    }
    let counts = counts
        .into_iter()
        .take(limit)
        .map(|((hour, device, result), count)| {
            Ok(HourCount {
                hour,
                device: named(&device)?,
                result: message(TABLE, &result)?,
                count,
            })
        });
    counts.collect()
}

/// A row as it is written.
pub(super) type Written<'a> = (&'a str, i64, i64, &'a str, i64, &'a str, Vec<u8>, i64);

/// The values of a row.
pub(super) fn values(row: &HourRow) -> Result<Written<'_>, StoreError> {
    Ok((
        row.complex.as_str(),
        day(row.hour),
        row.hour,
        row.identity.as_str(),
        stored(row.offset)?,
        row.device
            .as_ref()
            .map(DeviceId::as_str)
            .unwrap_or_default(),
        row.result.encode_to_vec(),
        first_wins(row.offset)?,
    ))
}
