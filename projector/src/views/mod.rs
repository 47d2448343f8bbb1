//! The views as pure folds: a record in, row writes out. No IO, no clock, no state.

pub mod access;
pub mod alarms;
pub mod commands;
pub mod hours;
pub mod reads;
pub mod rows;
pub mod sequences;
pub mod status;
pub mod unreadable;

use auditlog::LogId;
use domain::event::{Body, Event};
use domain::id::{ComplexId, DeviceId};
use eventlog::{Record, Topic};
use records::Unreadable;

pub use commands::{CommandRows, Effective};
pub use rows::{
    AccessIdentity, AccessRow, AlarmRow, ClaimRow, CompletionRow, DeviceRow, DigestRow, HourCount,
    HourRow, LeafRow, ObservationRow, ReadRow, ReadScope, RowWrite, SequenceRow, UnreadableRow,
};
pub use sequences::EpochCount;

/// The topics that are projected.
pub const TOPICS: [Topic; 5] = [
    Topic::AccessEvents,
    Topic::RegistryEvents,
    Topic::DeviceStatus,
    Topic::IngressRejected,
    Topic::AuditReads,
];

/// Whether the topic's records become leaves; statuses and rejections go to views only.
pub fn has_leaves(topic: Topic) -> bool {
    matches!(
        topic,
        Topic::AccessEvents | Topic::RegistryEvents | Topic::AuditReads
    )
}

/// The log that a record's leaf belongs to: its complex's, or, where the key is no complex id,
/// the one that such records of a partition share.
///
/// # Errors
/// [`auditlog::Error::Name`], which no topic of the event log gives.
pub fn log_of(record: &Record) -> auditlog::Result<LogId> {
    let topic = record.topic.name();
    match key_complex(record) {
        Some(complex) => LogId::new(topic, complex.as_str()),
        None => LogId::unkeyed(topic, record.position.partition),
    }
}

/// The rows that a record makes. `leaf` is its leaf, where its topic has leaves.
pub fn rows(
    record: &Record,
    read: &Result<Event, Unreadable>,
    leaf: Option<&LeafRow>,
) -> Vec<RowWrite> {
    let mut rows: Vec<RowWrite> = leaf.cloned().map(RowWrite::Leaf).into_iter().collect();
    let index = leaf.map_or(0, |leaf| leaf.index);
    match read {
        Err(unreadable) => rows.extend(unreadable::rows(record, unreadable.reason(), index)),
        Ok(event) => match of_event(record, event, index) {
            Ok(made) => rows.extend(made),
            Err(misplaced) => rows.extend(unreadable::rows(record, misplaced.0, index)),
        },
    }
    rows
}

/// A record that can be read and yet can't be meant: the stable reason.
pub(crate) struct Misplaced(pub(crate) &'static str);

/// The device of a partner's record, one of the complex that the record is filed under.
pub(crate) fn device_of(event: &Event) -> Result<&DeviceId, Misplaced> {
    let device = event.device.as_ref().ok_or(Misplaced("no_device"))?;
    match device.complex() == event.complex {
        true => Ok(device),
        false => Err(Misplaced("other_complex")),
    }
}

fn of_event(record: &Record, event: &Event, index: u64) -> Result<Vec<RowWrite>, Misplaced> {
    match (record.topic, &event.body) {
        (Topic::AccessEvents, Body::AccessDecided(decided)) => {
            access::decided(record, event, decided, index)
        }
        (Topic::AccessEvents, Body::CommandCompleted(completed)) => {
            let completion = commands::completion(record, event, completed, index);
            let counted = hours::completed(record, event, completed);
            Ok([completion].into_iter().chain(counted).collect())
        }
        (Topic::AccessEvents, Body::AccessObserved(observed)) => {
            access::observed(record, event, observed, index)
        }
        (Topic::DeviceStatus, Body::DeviceStatus(status)) => status::status(record, event, status),
        (Topic::IngressRejected, Body::IngressRejected(rejected)) => {
            Ok(sequences::rejection(event, rejected))
        }
        (Topic::AccessEvents, Body::DeliveryGap(gap)) => sequences::gap(record, event, gap, index),
        (Topic::AuditReads, Body::AuditRead(read)) => reads::read(record, event, read, index),
        // A leaf is all that these leave behind for now.
        (Topic::AccessEvents, Body::AdmissionSummary(_))
        | (Topic::IngressRejected, Body::AdmissionSummary(_))
        | (
            Topic::RegistryEvents,
            Body::RegistryChanged(_)
            | Body::PassUseConsumed(_)
            | Body::PassUseReturned(_)
            | Body::SubjectExported(_)
            | Body::SubjectErased(_)
            | Body::LegalHoldChanged(_)
            | Body::ProvisioningChanged(_)
            | Body::EgressSummary(_),
        ) => Ok(Vec::new()),
        _ => Err(Misplaced("wrong_topic")),
    }
}

/// The complex that the record's key names; in the topics of complexes.
pub(crate) fn key_complex(record: &Record) -> Option<ComplexId> {
    let key = std::str::from_utf8(&record.key).ok()?;
    key.parse().ok()
}
