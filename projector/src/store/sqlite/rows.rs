//! How each row is written: kept by its rule, whatever the order.

use prost::Message as _;
use rusqlite::{Transaction, params};

use super::super::StoreError;
use super::super::query::order_of;
use super::{hours, sequences};
use crate::views::{
    AccessRow, AlarmRow, ClaimRow, CompletionRow, DeviceRow, DigestRow, LeafRow, ObservationRow,
    ReadRow, RowWrite, UnreadableRow,
};

/// Writes a row.
pub(super) fn write(transaction: &Transaction<'_>, row: &RowWrite) -> Result<(), StoreError> {
    match row {
        RowWrite::Access(row) => access(transaction, row),
        RowWrite::Claim(row) => claim(transaction, row),
        RowWrite::Completion(row) => completion(transaction, row),
        RowWrite::Digest(row) => digest(transaction, row),
        RowWrite::Observation(row) => observation(transaction, row),
        RowWrite::Alarm(row) => alarm(transaction, row),
        RowWrite::Device(row) => device(transaction, row),
        RowWrite::Status(row) => status(transaction, row),
        RowWrite::Leaf(row) => leaf(transaction, row),
        RowWrite::Unreadable(row) => unreadable(transaction, row),
        RowWrite::Sequence(row) => sequences::write(transaction, row),
        RowWrite::Read(row) => read(transaction, row),
        RowWrite::Hour(row) => hours::write(transaction, row),
    }
}

fn access(transaction: &Transaction<'_>, row: &AccessRow) -> Result<(), StoreError> {
    let sql = "INSERT INTO access (complex, identity, off, event, time, occurred_at, subject,
                 device, automation, command, record)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
               ON CONFLICT DO UPDATE SET off = excluded.off, event = excluded.event,
                 time = excluded.time, occurred_at = excluded.occurred_at,
                 subject = excluded.subject, device = excluded.device,
                 automation = excluded.automation, command = excluded.command,
                 record = excluded.record
               WHERE excluded.off < access.off";
    transaction.prepare_cached(sql)?.execute(params![
        row.complex.as_str(),
        row.identity.as_str(),
        row.offset,
        row.event.to_string(),
        order_of(row.occurred_at),
        row.occurred_at.to_string(),
        row.subject.map(|id| id.to_string()),
        row.device.as_ref().map(|id| id.as_str()),
        row.automation.map(|automation| automation.number()),
        row.command.map(|id| id.to_string()),
        row.record.encode_to_vec(),
    ])?;
    Ok(())
}

fn claim(transaction: &Transaction<'_>, row: &ClaimRow) -> Result<(), StoreError> {
    let sql = "INSERT OR REPLACE INTO claims (complex, command, off, event, verdict, late,
                 device, leaf)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    transaction.prepare_cached(sql)?.execute(params![
        row.complex.as_str(),
        row.command.to_string(),
        row.offset,
        row.event.to_string(),
        row.verdict.number(),
        row.late,
        row.device.as_str(),
        row.leaf,
    ])?;
    Ok(())
}

fn completion(transaction: &Transaction<'_>, row: &CompletionRow) -> Result<(), StoreError> {
    let sql = "INSERT OR REPLACE INTO completions (complex, command, off, event, outcome, at, leaf)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    transaction.prepare_cached(sql)?.execute(params![
        row.complex.as_str(),
        row.command.to_string(),
        row.offset,
        row.event.to_string(),
        row.outcome.number(),
        row.at.to_string(),
        row.leaf,
    ])?;
    Ok(())
}

fn observation(transaction: &Transaction<'_>, row: &ObservationRow) -> Result<(), StoreError> {
    let sql = "INSERT OR REPLACE INTO observations (complex, command, off, part, event, leaf,
                 device, observation, occurred_at)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
    transaction.prepare_cached(sql)?.execute(params![
        row.complex.as_str(),
        row.command.to_string(),
        row.position.offset,
        row.position.partition,
        row.event.to_string(),
        row.leaf,
        row.device.as_str(),
        row.observation.number(),
        row.occurred_at.to_string(),
    ])?;
    Ok(())
}

fn alarm(transaction: &Transaction<'_>, row: &AlarmRow) -> Result<(), StoreError> {
    let sql = "INSERT OR REPLACE INTO alarms (complex, time, off, kind, device, occurred_at, alarm)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    transaction.prepare_cached(sql)?.execute(params![
        row.complex.as_str(),
        order_of(row.occurred_at),
        row.offset,
        i32::from(row.kind),
        row.device.as_str(),
        row.occurred_at.to_string(),
        row.alarm.encode_to_vec(),
    ])?;
    Ok(())
}

fn read(transaction: &Transaction<'_>, row: &ReadRow) -> Result<(), StoreError> {
    let sql = "INSERT OR REPLACE INTO reads (complex, scope, time, off, occurred_at, read)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    transaction.prepare_cached(sql)?.execute(params![
        row.complex.as_str(),
        row.scope.as_text(),
        order_of(row.occurred_at),
        row.offset,
        row.occurred_at.to_string(),
        row.read.encode_to_vec(),
    ])?;
    Ok(())
}

fn digest(transaction: &Transaction<'_>, row: &DigestRow) -> Result<(), StoreError> {
    let sql = "INSERT INTO digests (complex, partner, partner_event, digest, off, event)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6)
               ON CONFLICT DO UPDATE SET off = excluded.off, event = excluded.event
               WHERE excluded.off < digests.off";
    transaction.prepare_cached(sql)?.execute(params![
        row.complex.as_str(),
        row.partner.as_str(),
        row.partner_event,
        row.digest,
        row.offset,
        row.event.to_string(),
    ])?;
    Ok(())
}

fn device(transaction: &Transaction<'_>, row: &DeviceRow) -> Result<(), StoreError> {
    // Epoch and sequence use all 64 bits; big-endian bytes sort as they do.
    let sql =
        "INSERT INTO devices (device, complex, epoch, sequence, time, observed_at, off, status)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
               ON CONFLICT DO UPDATE SET epoch = excluded.epoch, sequence = excluded.sequence,
                 time = excluded.time, observed_at = excluded.observed_at, off = excluded.off,
                 status = excluded.status
               WHERE (excluded.epoch, excluded.sequence, excluded.time, excluded.off)
                   > (devices.epoch, devices.sequence, devices.time, devices.off)";
    transaction.prepare_cached(sql)?.execute(params![
        row.device.as_str(),
        row.device.complex().as_str(),
        row.sequence.epoch.to_be_bytes(),
        row.sequence.sequence.to_be_bytes(),
        order_of(row.observed_at),
        row.observed_at.to_string(),
        row.offset,
        row.status.encode_to_vec(),
    ])?;
    Ok(())
}

fn status(transaction: &Transaction<'_>, row: &DeviceRow) -> Result<(), StoreError> {
    let sql = "INSERT INTO statuses (device, time, epoch, sequence, observed_at, off, status)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
               ON CONFLICT DO UPDATE SET observed_at = excluded.observed_at, off = excluded.off,
                 status = excluded.status
               WHERE excluded.off < statuses.off";
    transaction.prepare_cached(sql)?.execute(params![
        row.device.as_str(),
        order_of(row.observed_at),
        row.sequence.epoch.to_be_bytes(),
        row.sequence.sequence.to_be_bytes(),
        row.observed_at.to_string(),
        row.offset,
        row.status.encode_to_vec(),
    ])?;
    Ok(())
}

fn leaf(transaction: &Transaction<'_>, row: &LeafRow) -> Result<(), StoreError> {
    let sql = "INSERT OR REPLACE INTO leaves (topic, complex, off, leaf) VALUES (?1, ?2, ?3, ?4)";
    transaction.prepare_cached(sql)?.execute(params![
        row.log.topic(),
        row.log.complex(),
        row.offset,
        row.index,
    ])?;
    Ok(())
}

fn unreadable(transaction: &Transaction<'_>, row: &UnreadableRow) -> Result<(), StoreError> {
    let sql = "INSERT OR REPLACE INTO unreadable (topic, part, off, complex, reason, append_time)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    transaction.prepare_cached(sql)?.execute(params![
        row.topic.name(),
        row.position.partition,
        row.position.offset,
        row.complex.as_ref().map(|id| id.as_str()),
        row.reason,
        row.append_time.to_string(),
    ])?;
    Ok(())
}
