//! Records that can't be read: visible rows, so that nothing in the log is passed over.

use domain::id::{DeviceId, EventId};
use eventlog::{Position, Record, Topic};
use proto::access::{AccessKind, AccessRecord};
use records::timestamp_to_wire;
use uuid::Uuid;

use super::access::position;
use super::rows::{AccessIdentity, AccessRow, RowWrite, UnreadableRow};

/// Namespace of the event ids of unreadable records (RFC 9562 section 5.5): UUIDv5 of the URL
/// `urn:smarthome:unreadable`.
const UNREADABLE: Uuid = Uuid::from_u128(0x5c31_688b_9be4_585c_98bd_573b_1d19_da70);

/// The rows of an unreadable record, and for an access record of a complex one among its
/// accesses as well.
pub fn rows(record: &Record, reason: &str, index: u64) -> Vec<RowWrite> {
    let complex = match record.topic {
        Topic::DeviceStatus => std::str::from_utf8(&record.key)
            .ok()
            .and_then(|key| key.parse::<DeviceId>().ok())
            .map(|device| device.complex()),
        // Its keys are partners.
        Topic::IngressRejected => None,
        _ => super::key_complex(record),
    };
    let mut rows = vec![RowWrite::Unreadable(UnreadableRow {
        topic: record.topic,
        position: record.position,
        complex: complex.clone(),
        reason: reason.to_owned(),
        append_time: record.append_time,
    })];
    if let (Topic::AccessEvents, Some(complex)) = (record.topic, complex) {
        let event = event_id(record);
        rows.push(RowWrite::Access(Box::new(AccessRow {
            identity: AccessIdentity::of_event(event),
            event,
            offset: record.position.offset,
            occurred_at: record.append_time,
            subject: None,
            device: None,
            automation: None,
            command: None,
            record: AccessRecord {
                event_id: event.to_string(),
                kind: AccessKind::Unreadable.into(),
                occurred_at: Some(timestamp_to_wire(record.append_time)),
                complex_id: complex.to_string(),
                leaf_index: index,
                audit_position: Some(position(record)),
                ..AccessRecord::default()
            },
            complex,
        })));
    }
    rows
}

/// An id that is the record's own: what an unreadable record says its id is isn't believed, or
/// it could stand in for another record.
pub fn event_id(record: &Record) -> EventId {
    event_id_at(record.topic, record.position)
}

/// The same, of the record at a place.
pub fn event_id_at(topic: Topic, position: Position) -> EventId {
    let name = format!("{topic}/{}/{}", position.partition, position.offset);
    EventId(Uuid::new_v5(&UNREADABLE, name.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_namespace_is_what_it_says() {
        assert_eq!(
            UNREADABLE,
            Uuid::new_v5(&Uuid::NAMESPACE_URL, b"urn:smarthome:unreadable")
        );
    }
}
