//! Whom records are about: their actors, and whoever was read about.

use auditlog::parse_bundle;
use bytes::Bytes;
use prost::Message as _;
use proto::events::Envelope;
use proto::events::envelope::Event;
use uuid::Uuid;

use super::status::Refusal;

/// Each person and pass of a bundle, as far as its records can be read.
pub(super) fn in_bundle(bundle: Bytes, width: u32) -> Result<Vec<Uuid>, Refusal> {
    let leaves = parse_bundle(bundle, width);
    let leaves = leaves.map_err(|_| Refusal::Contradiction("AUDIT_LOG_UNTRUSTED"))?;
    Ok(leaves.iter().flat_map(|leaf| of_leaf(leaf)).collect())
}

/// Each person and pass of a record, if it can be read.
pub(super) fn of_leaf(leaf: &[u8]) -> Vec<Uuid> {
    let envelope = Envelope::decode(leaf).unwrap_or_default();
    let actor = envelope.actor.into_iter().map(|actor| actor.subject_ref);
    let read = match envelope.event {
        Some(Event::AuditRead(read)) => read.shown,
        Some(Event::SubjectExported(said)) => vec![said.subject_ref],
        Some(Event::SubjectErased(said)) => vec![said.subject_ref],
        Some(Event::LegalHoldChanged(said)) => vec![said.subject_ref],
        _ => Vec::new(),
    };
    let found = actor.chain(read);
    found.filter_map(|id| id.parse().ok()).collect()
}
