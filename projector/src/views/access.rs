//! Accesses: our decisions and what partners observed.

use domain::commands::is_too_late;
use domain::event::{AccessDecided, AccessObserved, Event};
use domain::id::{CommandId, DeviceId, EventId};
use domain::vocabulary::Method;
use eventlog::Record;
use proto::access::{AccessKind, AccessRecord, AuditPosition};
use proto::events::Actor;
use records::timestamp_to_wire;

use super::commands::CommandRows;
use super::rows::{AccessIdentity, AccessRow, ClaimRow, DigestRow, RowWrite};
use super::{Misplaced, device_of, hours, sequences};

/// The rows of a decision: an access, and its claim to the command.
pub(crate) fn decided(
    record: &Record,
    event: &Event,
    decided: &AccessDecided,
    index: u64,
) -> Result<Vec<RowWrite>, Misplaced> {
    // As in the decider's own fold: a decision about no device claims nothing.
    let Some(device) = &event.device else {
        return Err(Misplaced("no_device"));
    };
    // An app's command is a remote opening.
    let method = Method::Remote;
    let row = AccessRow {
        command: Some(decided.command),
        record: AccessRecord {
            kind: AccessKind::Command.into(),
            method: method.number(),
            automation: method.automation().number(),
            operation: decided.operation.number(),
            verdict: decided.verdict.number(),
            reason: decided.reason.number(),
            command_id: decided.command.to_string(),
            ..told(record, event, index)
        },
        automation: Some(method.automation()),
        ..row(record, event, AccessIdentity::of_event(event.id))
    };
    let claim = claim(record, event, device, decided, index);
    let counted = (!claim.late).then(|| hours::decided(record, event, decided));
    let rows = [RowWrite::Access(Box::new(row)), RowWrite::Claim(claim)];
    Ok(rows.into_iter().chain(counted).collect())
}

fn claim(
    record: &Record,
    event: &Event,
    device: &DeviceId,
    decided: &AccessDecided,
    leaf: u64,
) -> ClaimRow {
    ClaimRow {
        complex: event.complex.clone(),
        command: decided.command,
        offset: record.position.offset,
        event: event.id,
        verdict: decided.verdict,
        late: is_too_late(decided.key_time, record.append_time),
        device: device.clone(),
        leaf,
    }
}

/// The rows of a partner's access event: an access, and what was sent under its id.
pub(crate) fn observed(
    record: &Record,
    event: &Event,
    observed: &AccessObserved,
    index: u64,
) -> Result<Vec<RowWrite>, Misplaced> {
    let device = device_of(event)?;
    let automation = observed.automation();
    let identity = AccessIdentity::of_partner_event(&observed.partner, &observed.partner_event_id);
    let row = AccessRow {
        record: AccessRecord {
            kind: AccessKind::Observed.into(),
            method: observed.method.map_or(0, Method::number),
            automation: automation.map_or(0, |automation| automation.number()),
            observation: observed.observation.number(),
            resolution: observed.resolution.number(),
            credential_id: observed
                .credential
                .map(|id| id.to_string())
                .unwrap_or_default(),
            command_id: observed
                .command
                .map(|id| id.to_string())
                .unwrap_or_default(),
            ..told(record, event, index)
        },
        automation,
        ..row(record, event, identity)
    };
    let digest = DigestRow {
        complex: event.complex.clone(),
        partner: observed.partner.clone(),
        partner_event: observed.partner_event_id.clone(),
        digest: observed.digest,
        offset: record.position.offset,
        event: event.id,
    };
    let (partner, happened) = (&observed.partner, event.occurred_at);
    let offset = record.position.offset;
    Ok(vec![
        RowWrite::Access(Box::new(row)),
        RowWrite::Digest(digest),
        sequences::event(partner, device, observed.sequence, happened, Some(offset)),
        hours::observed(record, event, observed),
    ])
}

fn row(record: &Record, event: &Event, identity: AccessIdentity) -> AccessRow {
    AccessRow {
        complex: event.complex.clone(),
        identity,
        event: event.id,
        offset: record.position.offset,
        occurred_at: event.occurred_at,
        subject: event.actor.subject,
        device: event.device.clone(),
        automation: None,
        command: None,
        record: AccessRecord::default(),
    }
}

fn told(record: &Record, event: &Event, index: u64) -> AccessRecord {
    AccessRecord {
        event_id: event.id.to_string(),
        occurred_at: Some(timestamp_to_wire(event.occurred_at)),
        complex_id: event.complex.to_string(),
        device_id: event
            .device
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default(),
        actor: Some(Actor {
            kind: event.actor.kind.number(),
            subject_ref: event
                .actor
                .subject
                .map(|id| id.to_string())
                .unwrap_or_default(),
            caller: event.actor.caller.clone(),
        }),
        leaf_index: index,
        audit_position: Some(position(record)),
        ..AccessRecord::default()
    }
}

/// Where the record stands.
pub(crate) fn position(record: &Record) -> AuditPosition {
    AuditPosition {
        topic: record.topic.name().to_owned(),
        partition: record.position.partition,
        offset: record.position.offset,
    }
}

/// The command that an access is about: its decision's, or the one that the partner named.
pub fn command(row: &AccessRow) -> Option<CommandId> {
    row.command.or_else(|| row.record.command_id.parse().ok())
}

/// Fills in what later records of a command make of its decision.
pub fn settle(told: &mut AccessRecord, rows: Option<&CommandRows>) {
    let winner = rows.and_then(CommandRows::effective);
    let won = winner.filter(|winner| winner.event.to_string() == told.event_id);
    told.void = won.is_none();
    let Some(won) = won else { return };
    told.outcome = won.outcome.map_or(0, |outcome| outcome.number());
    told.completed_at = won.completed_at.map(timestamp_to_wire);
    told.contradicted = rows.is_some_and(|rows| rows.is_contradicted(None));
}

/// Fills in whether the outcome of the command that a partner named is otherwise than it says.
pub fn compare(told: &mut AccessRecord, event: EventId, rows: Option<&CommandRows>) {
    told.contradicted = rows.is_some_and(|rows| rows.is_contradicted(Some(event)));
}
