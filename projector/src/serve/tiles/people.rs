//! Whom the records of a bundle are about: their actors, and whoever was read about.

use auditlog::parse_bundle;
use bytes::Bytes;
use prost::Message as _;
use proto::events::Envelope;
use proto::events::envelope::Event;
use uuid::Uuid;

use crate::serve::status::Refusal;

/// Each person and pass, as far as the records can be read.
pub(super) fn in_bundle(bundle: Bytes, width: u32) -> Result<Vec<Uuid>, Refusal> {
    let mut people = Vec::new();
    let leaves = parse_bundle(bundle, width);
    let damaged = |_| Refusal::Contradiction("AUDIT_LOG_UNTRUSTED");
    for leaf in leaves.map_err(damaged)? {
        let Ok(envelope) = Envelope::decode(leaf) else {
            continue;
        };
        let actor = envelope.actor.into_iter().map(|actor| actor.subject_ref);
        let read = match envelope.event {
            Some(Event::AuditRead(read)) => read.shown,
            Some(Event::SubjectExported(said)) => vec![said.subject_ref],
            Some(Event::SubjectErased(said)) => vec![said.subject_ref],
            Some(Event::LegalHoldChanged(said)) => vec![said.subject_ref],
            _ => Vec::new(),
        };
        people.extend(actor.chain(read).filter_map(|id| id.parse::<Uuid>().ok()));
    }
    Ok(people)
}
