//! Who has read: one row for each way in which a read is looked for.

use std::collections::BTreeSet;

use domain::event::{AuditRead, Event};
use eventlog::Record;
use proto::access;
use proto::events::Actor;
use records::timestamp_to_wire;

use super::Misplaced;
use super::access::position;
use super::rows::{ReadRow, ReadScope, RowWrite};

/// The rows of a read.
pub(crate) fn read(
    record: &Record,
    event: &Event,
    read: &AuditRead,
    index: u64,
) -> Result<Vec<RowWrite>, Misplaced> {
    let reader = event.actor.subject.ok_or(Misplaced("no_reader"))?;
    let told = told(record, event, read, index);
    let about: BTreeSet<_> = read.shown.iter().copied().chain(read.subject).collect();
    let scopes = [ReadScope::Complex, ReadScope::By(reader)];
    let scopes = scopes
        .into_iter()
        .chain(about.into_iter().map(ReadScope::About));
    let rows = scopes.map(|scope| {
        RowWrite::Read(Box::new(ReadRow {
            complex: event.complex.clone(),
            scope,
            occurred_at: event.occurred_at,
            offset: record.position.offset,
            read: told.clone(),
        }))
    });
    Ok(rows.collect())
}

fn told(record: &Record, event: &Event, read: &AuditRead, index: u64) -> access::AuditRead {
    let text = |id: Option<uuid::Uuid>| id.map(|id| id.to_string()).unwrap_or_default();
    access::AuditRead {
        event_id: event.id.to_string(),
        occurred_at: Some(timestamp_to_wire(event.occurred_at)),
        complex_id: event.complex.to_string(),
        reader: Some(Actor {
            kind: event.actor.kind.number(),
            subject_ref: text(event.actor.subject),
            caller: event.actor.caller.clone(),
        }),
        reader_user_id: String::new(),
        method: read.method.number(),
        from: read.from.map(timestamp_to_wire),
        until: read.until.map(timestamp_to_wire),
        subject_ref: text(read.subject),
        device_id: event
            .device
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default(),
        object: read.object.clone(),
        further: read.further.clone(),
        shown: u32::try_from(read.shown.len()).unwrap_or(u32::MAX),
        leaf_index: index,
        audit_position: Some(position(record)),
    }
}
