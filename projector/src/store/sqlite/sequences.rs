//! Numbers of devices' counts.

use domain::PartnerId;
use domain::id::{ComplexId, DeviceId};
use jiff::Timestamp;
use rusqlite::{Connection, Transaction, params};

use super::super::StoreError;
use super::super::query::order_of;
use super::decode;
use super::read::all;
use crate::views::{EpochCount, SequenceRow, sequences};

pub(super) fn write(transaction: &Transaction<'_>, row: &SequenceRow) -> Result<(), StoreError> {
    let sql = "INSERT INTO sequences
                 (complex, device, partner, epoch, sequence, rejected, happened, time, off)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
               ON CONFLICT DO UPDATE SET off = excluded.off
               WHERE sequences.off IS NULL OR excluded.off < sequences.off";
    transaction.prepare_cached(sql)?.execute(params![
        row.device.complex().as_str(),
        row.device.as_str(),
        row.partner.as_str(),
        row.sequence.epoch.to_be_bytes(),
        row.sequence.sequence.to_be_bytes(),
        row.rejected,
        row.happened.to_string(),
        order_of(row.happened),
        row.offset,
    ])?;
    Ok(())
}

/// As [`ViewReader::counts`](super::super::ViewReader::counts).
pub(super) fn counts(
    connection: &Connection,
    complex: &ComplexId,
    device: Option<&DeviceId>,
    from: Timestamp,
) -> Result<Vec<EpochCount>, StoreError> {
    let lowest = "SELECT device, partner, epoch, min(sequence) FROM sequences
         WHERE complex = ?1 AND (?2 IS NULL OR device = ?2) AND rejected = 0 AND time >= ?3
         GROUP BY device, partner, epoch ORDER BY device, partner, epoch";
    let key = params![
        complex.as_str(),
        device.map(DeviceId::as_str),
        order_of(from)
    ];
    let epochs: Vec<Epoch> = all(connection, lowest, key, decode::epoch)?;
    let mut counts = Vec::new();
    for epoch in epochs {
        let sql = format!(
            "SELECT {} FROM sequences WHERE complex = ?1 AND device = ?2 AND partner = ?3
               AND epoch = ?4 AND sequence >= ?5",
            decode::SEQUENCE
        );
        let key = params![
            complex.as_str(),
            epoch.device.as_str(),
            epoch.partner.as_str(),
            epoch.epoch.to_be_bytes(),
            epoch.first.to_be_bytes(),
        ];
        let rows = all(connection, &sql, key, decode::sequence)?;
        if let Some(counter) = sequences::count(rows.iter(), from) {
            counts.push(EpochCount {
                device: epoch.device,
                partner: epoch.partner,
                epoch: epoch.epoch,
                counter,
            });
        }
    }
    Ok(counts)
}

/// An epoch, and the lowest number in it that counts.
pub(super) struct Epoch {
    pub(super) device: DeviceId,
    pub(super) partner: PartnerId,
    pub(super) epoch: u64,
    pub(super) first: u64,
}
