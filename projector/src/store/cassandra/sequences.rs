//! Numbers of devices' counts: in partitions of so many numbers each.

use std::collections::BTreeMap;

use domain::PartnerId;
use domain::event::DeviceSequence;
use domain::id::{ComplexId, DeviceId};
use jiff::Timestamp;
use scylla::DeserializeRow;

use super::super::StoreError;
use super::link::Connected;
use super::rows::{offset, parse};
use crate::views::{EpochCount, SequenceRow, sequences};

/// Numbers in a partition, as a power of two.
const BUCKET: u32 = 12;
const TABLE: &str = "sequences";

/// The partition that a number is in; all 64 bits of numbers are used, so they stand as signed.
pub(super) fn bucket(number: u64) -> i64 {
    (number >> BUCKET).cast_signed()
}

/// A row of `sequences`.
#[derive(DeserializeRow)]
pub(super) struct Sequence {
    device: String,
    partner: String,
    epoch: i64,
    sequence: i64,
    rejected: bool,
    happened: String,
    off: Option<i64>,
}

impl Sequence {
    pub(super) fn row(self) -> Result<SequenceRow, StoreError> {
        Ok(SequenceRow {
            device: parse(TABLE, &self.device)?,
            partner: parse(TABLE, &self.partner)?,
            sequence: DeviceSequence {
                epoch: self.epoch.cast_unsigned(),
                sequence: self.sequence.cast_unsigned(),
            },
            rejected: self.rejected,
            happened: parse(TABLE, &self.happened)?,
            offset: self.off.map(|off| offset(TABLE, off)).transpose()?,
        })
    }
}

/// As [`ViewReader::counts`](super::super::ViewReader::counts).
pub(super) async fn counts(
    connected: &Connected,
    complex: &ComplexId,
    device: Option<&DeviceId>,
    from: Timestamp,
) -> Result<Vec<EpochCount>, StoreError> {
    let reads = &connected.reads;
    let table = "sequence_buckets";
    let found: Vec<(String, String, i64, i64)> = match device {
        Some(device) => {
            let key = (complex.as_str(), device.as_str());
            connected.all(table, &reads.sequence_buckets_of, key).await
        }
        None => {
            let key = (complex.as_str(),);
            connected.all(table, &reads.sequence_buckets, key).await
        }
    }?;
    let mut epochs = BTreeMap::<(DeviceId, PartnerId, u64), Vec<u64>>::new();
    for (device, partner, epoch, bucket) in found {
        let key = (
            parse(table, &device)?,
            parse(table, &partner)?,
            epoch.cast_unsigned(),
        );
        epochs.entry(key).or_default().push(bucket.cast_unsigned());
    }
    let mut counts = Vec::new();
    for ((device, partner, epoch), mut buckets) in epochs {
        buckets.sort_unstable();
        let mut rows = Vec::new();
        // From the newest on, until there is nothing recent any more.
        for bucket in buckets.into_iter().rev() {
            let key = (
                device.as_str(),
                partner.as_str(),
                epoch.cast_signed(),
                bucket.cast_signed(),
            );
            let some = connected.all::<Sequence>(TABLE, &reads.sequences, key);
            let some = some.await?.into_iter().map(Sequence::row);
            let some = some.collect::<Result<Vec<_>, _>>()?;
            let over = some.iter().any(|row| !row.rejected && row.happened < from)
                && !some.iter().any(|row| !row.rejected && row.happened >= from);
            rows.extend(some);
            if over {
                break;
            }
        }
        if let Some(counter) = sequences::count(rows.iter(), from) {
            counts.push(EpochCount {
                device,
                partner,
                epoch,
                counter,
            });
        }
    }
    Ok(counts)
}
