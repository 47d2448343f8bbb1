//! What the views hold: rows, each with the position that decides which of two writes stays.
//!
//! A store keeps a row by a rule that doesn't depend on the order in which writes arrive, so
//! that any batch size, redelivery and restart gives the same tables.

use auditlog::LogId;
use domain::event::DeviceSequence;
use domain::id::{CommandId, ComplexId, DeviceId, EventId, PartnerId};
use domain::vocabulary::{Automation, Observation, Outcome, Verdict};
use eventlog::{Position, Topic};
use jiff::Timestamp;
use proto::access::{AccessRecord, AccessResult, Alarm, AlarmKind, AuditRead, DeviceStatus};
use uuid::Uuid;

/// One row to be written. Writing it again changes nothing.
#[derive(Debug, Clone, PartialEq)]
pub enum RowWrite {
    /// One access.
    Access(Box<AccessRow>),
    /// One decision's claim to a command.
    Claim(ClaimRow),
    /// One completion of a command.
    Completion(CompletionRow),
    /// One content that a partner has sent under an event id.
    Digest(DigestRow),
    /// One event of the partner about a command.
    Observation(ObservationRow),
    /// One alarm.
    Alarm(Box<AlarmRow>),
    /// One device's state.
    Device(DeviceRow),
    /// One report of a device's state, for its history.
    Status(DeviceRow),
    /// One leaf of a log.
    Leaf(LeafRow),
    /// One record that can't be read.
    Unreadable(UnreadableRow),
    /// One number of a device's count.
    Sequence(SequenceRow),
    /// One read of audit data.
    Read(Box<ReadRow>),
    /// One thing that is counted by hours.
    Hour(HourRow),
}

/// What makes two records the same access.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccessIdentity(String);

impl AccessIdentity {
    /// Our own event: its id.
    pub fn of_event(event: EventId) -> Self {
        Self(format!("event/{event}"))
    }

    /// A partner's event: the partner with its id of the event.
    pub fn of_partner_event(partner: &PartnerId, event: &str) -> Self {
        Self(format!("partner/{partner}/{event}"))
    }

    /// As text, for a key.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The partner with its id of the event, of a partner's event.
    pub fn partner_event(&self) -> Option<(&str, &str)> {
        self.0.strip_prefix("partner/")?.split_once('/')
    }

    /// From the text that a store has kept.
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }
}

/// One access. Kept by (complex, identity): the one with the least offset stays.
#[derive(Debug, Clone, PartialEq)]
pub struct AccessRow {
    /// The complex that it is recorded under; all its records share a partition.
    pub complex: ComplexId,
    /// What it is deduplicated by.
    pub identity: AccessIdentity,
    /// The record's event id; of an unreadable record one made from its position.
    pub event: EventId,
    /// Offset of the record in the complex's partition.
    pub offset: u64,
    /// When it happened; of an unreadable record when it was appended.
    pub occurred_at: Timestamp,
    /// Who, as far as it is known: a subject or a pass.
    pub subject: Option<Uuid>,
    /// Which device.
    pub device: Option<DeviceId>,
    /// Automatic or manual, as far as it is known.
    pub automation: Option<Automation>,
    /// Set where the record is the decision of this command: outcome, completion time and
    /// validity of the claim are in that command's rows.
    pub command: Option<CommandId>,
    /// What is told about it, without what depends on later records or other topics: the user
    /// id, the outcome, the completion time, and whether the claim is void.
    pub record: AccessRecord,
}

/// One decision's claim to a command. Kept by (complex, command, offset).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimRow {
    /// The complex.
    pub complex: ComplexId,
    /// The command.
    pub command: CommandId,
    /// Offset of the decision.
    pub offset: u64,
    /// Its event id.
    pub event: EventId,
    /// Its verdict.
    pub verdict: Verdict,
    /// It was appended too late after its key's time to count.
    pub late: bool,
    /// The device that it is about.
    pub device: DeviceId,
    /// Index of its leaf.
    pub leaf: u64,
}

/// One completion of a command. Kept by (complex, command, offset).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompletionRow {
    /// The complex.
    pub complex: ComplexId,
    /// The command.
    pub command: CommandId,
    /// Offset of the completion.
    pub offset: u64,
    /// Its event id.
    pub event: EventId,
    /// What it says.
    pub outcome: Outcome,
    /// When.
    pub at: Timestamp,
    /// Index of its leaf.
    pub leaf: u64,
}

/// What a partner reports of a command, once for each of its event ids. Kept by (complex, command,
/// offset).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservationRow {
    /// The complex.
    pub complex: ComplexId,
    /// The command that the partner named.
    pub command: CommandId,
    /// The record's place.
    pub position: Position,
    /// Its event id.
    pub event: EventId,
    /// Index of its leaf.
    pub leaf: u64,
    /// The device.
    pub device: DeviceId,
    /// What the partner saw.
    pub observation: Observation,
    /// When, by the device's clock.
    pub occurred_at: Timestamp,
}

/// One alarm. Kept by (complex, time, offset): a record is what at most one alarm is about. Once
/// there it never changes.
#[derive(Debug, Clone, PartialEq)]
pub struct AlarmRow {
    /// The complex.
    pub complex: ComplexId,
    /// What kind.
    pub kind: AlarmKind,
    /// The device.
    pub device: DeviceId,
    /// When, by the device's clock.
    pub occurred_at: Timestamp,
    /// Offset of the record that it is about.
    pub offset: u64,
    /// What is told about it.
    pub alarm: Alarm,
}

/// One content under a partner's event id; two of them under one id are a conflict. Kept by
/// (complex, partner, partner's event id, digest): the one with the least offset stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DigestRow {
    /// The complex.
    pub complex: ComplexId,
    /// The partner.
    pub partner: PartnerId,
    /// Its id of the event.
    pub partner_event: String,
    /// SHA-256 of the event's data.
    pub digest: [u8; 32],
    /// Offset of the record.
    pub offset: u64,
    /// Its event id.
    pub event: EventId,
}

/// A device's state. Kept by device: the greatest (sequence, observed_at, offset) stays, since
/// the device's own order counts and not that of arrival. In the history it is kept by (device,
/// observed_at, sequence), and the one with the least offset stays.
#[derive(Debug, Clone, PartialEq)]
pub struct DeviceRow {
    /// The device; it names its complex.
    pub device: DeviceId,
    /// The device's own order: epoch, then sequence.
    pub sequence: DeviceSequence,
    /// When it was so.
    pub observed_at: Timestamp,
    /// Offset of the record in the device's partition.
    pub offset: u64,
    /// What is told about it.
    pub status: DeviceStatus,
}

/// One leaf. Kept by (log, offset).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeafRow {
    /// The log.
    pub log: LogId,
    /// Offset of the record.
    pub offset: u64,
    /// How many leaves of the log stand before it.
    pub index: u64,
}

/// A record that can't be read. Kept by (topic, position).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnreadableRow {
    /// The topic.
    pub topic: Topic,
    /// The record's place.
    pub position: Position,
    /// The complex that its key names, if it does.
    pub complex: Option<ComplexId>,
    /// Stable text: why.
    pub reason: String,
    /// When it was appended.
    pub append_time: Timestamp,
}

/// One number of a device's count that was recorded. Kept by all of it but the offset, of which the
/// least one stays; any is less than none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SequenceRow {
    /// The device; it names its complex.
    pub device: DeviceId,
    /// Whose count it is.
    pub partner: PartnerId,
    /// The number.
    pub sequence: DeviceSequence,
    /// It was recorded as a rejection, not as an event.
    pub rejected: bool,
    /// When it happened at the device; of a rejection when it came.
    pub happened: Timestamp,
    /// Offset of the record in the complex's partition, where the record has a leaf.
    pub offset: Option<u64>,
}

/// In what a read is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ReadScope {
    /// All of a complex.
    Complex,
    /// Reads by this person.
    By(Uuid),
    /// Reads that asked for or showed this person or pass.
    About(Uuid),
}

impl ReadScope {
    /// The person or pass that it is of.
    pub fn person(self) -> Option<Uuid> {
        match self {
            Self::Complex => None,
            Self::By(person) | Self::About(person) => Some(person),
        }
    }

    /// As text, for a key.
    pub fn as_text(self) -> String {
        match self {
            Self::Complex => String::new(),
            Self::By(reader) => format!("by/{reader}"),
            Self::About(subject) => format!("about/{subject}"),
        }
    }

    /// From the text that a store has kept; none for what no scope is written as.
    pub fn from_stored(text: &str) -> Option<Self> {
        match text.split_once('/') {
            None => text.is_empty().then_some(Self::Complex),
            Some(("by", reader)) => reader.parse().ok().map(Self::By),
            Some(("about", subject)) => subject.parse().ok().map(Self::About),
            Some(_) => None,
        }
    }
}

/// One read, in one scope. Kept by (complex, scope, time, offset); once there it never changes.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadRow {
    /// The complex.
    pub complex: ComplexId,
    /// In what it is found.
    pub scope: ReadScope,
    /// When.
    pub occurred_at: Timestamp,
    /// Offset of the record in the complex's partition.
    pub offset: u64,
    /// What is told about it, but the reader's user id.
    pub read: AuditRead,
}

/// One decision, outcome or event that is counted. Kept by (complex, hour, identity): the one with the
/// least offset stays.
#[derive(Debug, Clone, PartialEq)]
pub struct HourRow {
    /// The complex.
    pub complex: ComplexId,
    /// Hours since 1970, of UTC.
    pub hour: i64,
    /// What it is counted once by.
    pub identity: String,
    /// Offset of the record.
    pub offset: u64,
    /// Which device.
    pub device: Option<DeviceId>,
    /// What is counted.
    pub result: AccessResult,
}

/// How often something was within an hour.
#[derive(Debug, Clone, PartialEq)]
pub struct HourCount {
    /// Hours since 1970, of UTC.
    pub hour: i64,
    /// At which device.
    pub device: Option<DeviceId>,
    /// What.
    pub result: AccessResult,
    /// How often.
    pub count: u64,
}
