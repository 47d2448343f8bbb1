//! Rows of the tables as rows of the views, and back.

use std::str::FromStr;

use domain::event::DeviceSequence;
use domain::id::{CommandId, DeviceId, EventId};
use domain::vocabulary::{Automation, Observation, Outcome, Verdict};
use eventlog::{Position, Topic};
use prost::Message;
use proto::access::AlarmKind;
use scylla::{DeserializeRow, DeserializeValue, SerializeValue};
use uuid::Uuid;

use super::super::query::order_of;
use super::super::{StoreError, names};
use super::position::stored;
use crate::views::{
    AccessIdentity, AccessRow, AlarmRow, ClaimRow, CompletionRow, DeviceRow, DigestRow, LeafRow,
    ObservationRow, ReadRow, ReadScope, UnreadableRow,
};

type Decoded<T> = Result<T, StoreError>;

/// The type `access_row`.
#[derive(SerializeValue, DeserializeValue)]
pub(super) struct AccessValue {
    pub(super) off: i64,
    pub(super) event: Uuid,
    occurred_at: String,
    subject: Option<Uuid>,
    device: Option<String>,
    automation: Option<i32>,
    command: Option<Uuid>,
    record: Vec<u8>,
}

impl AccessValue {
    pub(super) fn of(row: &AccessRow) -> Decoded<Self> {
        Ok(Self {
            off: stored(row.offset)?,
            event: row.event.0,
            occurred_at: row.occurred_at.to_string(),
            subject: row.subject,
            device: row.device.as_ref().map(|device| device.as_str().to_owned()),
            automation: row.automation.map(|automation| automation.number()),
            command: row.command.map(|command| command.0),
            record: row.record.encode_to_vec(),
        })
    }

    pub(super) fn row(self, complex: &str, identity: String) -> Decoded<AccessRow> {
        let table = "access";
        Ok(AccessRow {
            complex: parse(table, complex)?,
            identity: AccessIdentity::from_stored(identity),
            event: EventId(self.event),
            offset: offset(table, self.off)?,
            occurred_at: parse(table, &self.occurred_at)?,
            subject: self.subject,
            device: self
                .device
                .map(|device| parse(table, &device))
                .transpose()?,
            automation: self.automation.and_then(Automation::from_number),
            command: self.command.map(CommandId),
            record: message(table, &self.record)?,
        })
    }
}

/// A row of `access`.
#[derive(DeserializeRow)]
pub(super) struct Access {
    complex: String,
    identity: String,
    access: AccessValue,
}

impl Access {
    pub(super) fn row(self) -> Decoded<AccessRow> {
        self.access.row(&self.complex, self.identity)
    }
}

/// A row of `claims`.
#[derive(DeserializeRow)]
pub(super) struct Claim {
    complex: String,
    command: Uuid,
    off: i64,
    event: Uuid,
    verdict: i32,
    late: bool,
    device: String,
    leaf: i64,
}

impl Claim {
    pub(super) fn row(self) -> Decoded<ClaimRow> {
        let table = "claims";
        Ok(ClaimRow {
            complex: parse(table, &self.complex)?,
            command: CommandId(self.command),
            offset: offset(table, self.off)?,
            event: EventId(self.event),
            verdict: Verdict::from_number(self.verdict).ok_or(StoreError::Corrupt { table })?,
            late: self.late,
            device: parse(table, &self.device)?,
            leaf: offset(table, self.leaf)?,
        })
    }
}

/// A row of `completions`.
#[derive(DeserializeRow)]
pub(super) struct Completion {
    complex: String,
    command: Uuid,
    off: i64,
    event: Uuid,
    outcome: i32,
    at: String,
    leaf: i64,
}

impl Completion {
    pub(super) fn row(self) -> Decoded<CompletionRow> {
        let table = "completions";
        Ok(CompletionRow {
            complex: parse(table, &self.complex)?,
            command: CommandId(self.command),
            offset: offset(table, self.off)?,
            event: EventId(self.event),
            outcome: Outcome::from_number(self.outcome).ok_or(StoreError::Corrupt { table })?,
            at: parse(table, &self.at)?,
            leaf: offset(table, self.leaf)?,
        })
    }
}

/// A row of `observations`.
#[derive(DeserializeRow)]
pub(super) struct Observed {
    complex: String,
    command: Uuid,
    off: i64,
    part: i32,
    event: Uuid,
    leaf: i64,
    device: String,
    observation: i32,
    occurred_at: String,
}

impl Observed {
    pub(super) fn row(self) -> Decoded<ObservationRow> {
        let table = "observations";
        let corrupt = || StoreError::Corrupt { table };
        Ok(ObservationRow {
            complex: parse(table, &self.complex)?,
            command: CommandId(self.command),
            position: Position {
                partition: u32::try_from(self.part).map_err(|_| corrupt())?,
                offset: offset(table, self.off)?,
            },
            event: EventId(self.event),
            leaf: offset(table, self.leaf)?,
            device: parse(table, &self.device)?,
            observation: Observation::from_number(self.observation).ok_or_else(corrupt)?,
            occurred_at: parse(table, &self.occurred_at)?,
        })
    }
}

/// A row of `alarms`.
#[derive(DeserializeRow)]
pub(super) struct AlarmFound {
    complex: String,
    kind: i32,
    device: String,
    occurred_at: String,
    off: i64,
    alarm: Vec<u8>,
}

impl AlarmFound {
    pub(super) fn row(self) -> Decoded<AlarmRow> {
        let table = "alarms";
        Ok(AlarmRow {
            complex: parse(table, &self.complex)?,
            kind: AlarmKind::try_from(self.kind).map_err(|_| StoreError::Corrupt { table })?,
            device: parse(table, &self.device)?,
            occurred_at: parse(table, &self.occurred_at)?,
            offset: offset(table, self.off)?,
            alarm: message(table, &self.alarm)?,
        })
    }
}

/// A row of `reads`.
#[derive(DeserializeRow)]
pub(super) struct Read {
    complex: String,
    scope: String,
    occurred_at: String,
    off: i64,
    read: Vec<u8>,
}

impl Read {
    pub(super) fn row(self) -> Decoded<ReadRow> {
        let table = "reads";
        let scope = ReadScope::from_stored(&self.scope);
        Ok(ReadRow {
            complex: parse(table, &self.complex)?,
            scope: scope.ok_or(StoreError::Corrupt { table })?,
            occurred_at: parse(table, &self.occurred_at)?,
            offset: offset(table, self.off)?,
            read: message(table, &self.read)?,
        })
    }
}

/// A row of `digests`.
#[derive(DeserializeRow)]
pub(super) struct Digest {
    complex: String,
    partner: String,
    partner_event: String,
    digest: Vec<u8>,
    off: i64,
    event: Uuid,
}

impl Digest {
    pub(super) fn row(self) -> Decoded<DigestRow> {
        let table = "digests";
        Ok(DigestRow {
            complex: parse(table, &self.complex)?,
            partner: parse(table, &self.partner)?,
            partner_event: self.partner_event,
            digest: self
                .digest
                .try_into()
                .map_err(|_| StoreError::Corrupt { table })?,
            offset: offset(table, self.off)?,
            event: EventId(self.event),
        })
    }
}

/// A row of `device_states` or `statuses`. Epoch and sequence use all 64 bits and stand as signed numbers.
#[derive(DeserializeRow)]
pub(super) struct Device {
    device: String,
    epoch: i64,
    sequence: i64,
    observed_at: String,
    off: i64,
    status: Vec<u8>,
}

impl Device {
    pub(super) fn row(self) -> Decoded<DeviceRow> {
        let table = "device_states";
        Ok(DeviceRow {
            device: parse::<DeviceId>(table, &self.device)?,
            sequence: DeviceSequence {
                epoch: self.epoch.cast_unsigned(),
                sequence: self.sequence.cast_unsigned(),
            },
            observed_at: parse(table, &self.observed_at)?,
            offset: offset(table, self.off)?,
            status: message(table, &self.status)?,
        })
    }
}

/// What a device's states are ordered by, as bytes that sort as the numbers do.
pub(super) fn rank(row: &DeviceRow) -> Decoded<[u8; 32]> {
    let numbers = [
        row.sequence.epoch,
        row.sequence.sequence,
        // The sign turned round: the least number gets the least bytes.
        order_of(row.observed_at).cast_unsigned() ^ (1 << 63),
        stored(row.offset)?.cast_unsigned(),
    ];
    let mut rank = [0; 32];
    for (bytes, number) in rank.chunks_exact_mut(8).zip(numbers) {
        bytes.copy_from_slice(&number.to_be_bytes());
    }
    Ok(rank)
}

/// A row of `leaves`.
#[derive(DeserializeRow)]
pub(super) struct Leaf {
    topic: String,
    complex: String,
    off: i64,
    leaf: i64,
}

impl Leaf {
    pub(super) fn row(self) -> Decoded<LeafRow> {
        let table = "leaves";
        Ok(LeafRow {
            log: names::log(table, &self.topic, &self.complex)?,
            offset: offset(table, self.off)?,
            index: offset(table, self.leaf)?,
        })
    }
}

/// A row of `unreadable`.
#[derive(DeserializeRow)]
pub(super) struct Unreadable {
    topic: String,
    part: i32,
    off: i64,
    complex: Option<String>,
    reason: String,
    append_time: String,
}

impl Unreadable {
    pub(super) fn row(self) -> Decoded<UnreadableRow> {
        let table = "unreadable";
        Ok(UnreadableRow {
            topic: parse::<Topic>(table, &self.topic)?,
            position: Position {
                partition: u32::try_from(self.part).map_err(|_| StoreError::Corrupt { table })?,
                offset: offset(table, self.off)?,
            },
            complex: self
                .complex
                .map(|complex| parse(table, &complex))
                .transpose()?,
            reason: self.reason,
            append_time: parse(table, &self.append_time)?,
        })
    }
}

/// A number that can't be negative.
pub(super) fn offset(table: &'static str, stored: i64) -> Decoded<u64> {
    u64::try_from(stored).map_err(|_| StoreError::Corrupt { table })
}

/// A partition's number as the database keeps it.
pub(super) fn partition(number: u32) -> Decoded<i32> {
    i32::try_from(number).map_err(|error| StoreError::Unavailable(Box::new(error)))
}

pub(super) fn parse<T: FromStr>(table: &'static str, text: &str) -> Decoded<T> {
    text.parse().map_err(|_| StoreError::Corrupt { table })
}

pub(super) fn message<T: Message + Default>(table: &'static str, bytes: &[u8]) -> Decoded<T> {
    T::decode(bytes).map_err(|_| StoreError::Corrupt { table })
}
