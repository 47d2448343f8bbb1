//! Whether a leaf is the record that the views tell about: views aren't trusted, trees are.

use auditlog::OversizedRecord;
use prost::Message as _;
use proto::access::{AccessKind, AccessRecord};
use proto::events::Envelope;

/// Whether `leaf` is that of `record`.
pub(super) fn is_of(leaf: &[u8], record: &AccessRecord) -> bool {
    if let Some(stand_in) = OversizedRecord::parse(leaf) {
        let position = record.audit_position.as_ref();
        return position
            .is_some_and(|p| (p.partition, p.offset) == (stand_in.partition, stand_in.offset));
    }
    match record.kind() {
        // What can't be read has no id to compare.
        AccessKind::Unreadable => true,
        _ => Envelope::decode(leaf).is_ok_and(|envelope| {
            envelope.event_id == record.event_id && envelope.complex_id == record.complex_id
        }),
    }
}
