//! Domain events to log records.

use authn::record::{KeyError, RecordSigner};
use domain::event::{
    AccessDecided, AccessObserved, Body, CommandCompleted, DeviceStatus, Event, IngressRejected,
};
use eventlog::{CloudEvent, NewRecord, Topic};
use pb::envelope::Event as Wire;
use prost::Message as _;
use proto::events as pb;

use crate::provisioning_codec::provisioning_to_wire;
use crate::registry_codec::change_to_wire;
use crate::time::timestamp_to_wire;
use crate::wire;

/// The record key of an event: its device for statuses, its partner for rejections, else its
/// complex.
pub fn key_of(event: &Event) -> String {
    match (&event.body, &event.device) {
        (Body::DeviceStatus(_), Some(device)) => device.to_string(),
        (Body::IngressRejected(rejected), _) => rejected.partner.to_string(),
        _ => event.complex.to_string(),
    }
}

/// An unsigned record, for what webhook-gw says. `source` is the process' CloudEvents source,
/// `trace` a `traceparent`.
pub fn to_record(event: &Event, trace: Option<String>, source: &str) -> NewRecord {
    record(event, trace, source, envelope(event).encode_to_vec())
}

/// A signed record, for what command-svc says.
///
/// # Errors
/// The signing key can't sign.
pub fn to_signed_record(
    event: &Event,
    topic: Topic,
    trace: Option<String>,
    source: &str,
    signer: &RecordSigner,
) -> Result<NewRecord, KeyError> {
    let unsigned = envelope(event).encode_to_vec();
    let signed = signer.seal(topic.name(), &key_of(event), unsigned)?;
    Ok(record(event, trace, source, signed))
}

fn record(event: &Event, trace: Option<String>, source: &str, value: Vec<u8>) -> NewRecord {
    NewRecord {
        key: key_of(event),
        event: CloudEvent {
            id: event.id.0,
            source: source.to_owned(),
            kind: event.body.kind().to_owned(),
            subject: event.device.as_ref().map(ToString::to_string),
            time: event.occurred_at,
            dataschema: None,
            traceparent: trace,
        },
        value: Some(value.into()),
    }
}

fn envelope(event: &Event) -> pb::Envelope {
    pb::Envelope {
        event_id: event.id.to_string(),
        occurred_at: Some(timestamp_to_wire(event.occurred_at)),
        complex_id: event.complex.to_string(),
        device_id: event
            .device
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default(),
        actor: Some(pb::Actor {
            kind: event.actor.kind.number(),
            subject_ref: event
                .actor
                .subject
                .map(|id| id.to_string())
                .unwrap_or_default(),
            caller: event.actor.caller.clone(),
        }),
        correlation_id: event.correlation.clone(),
        event: Some(match &event.body {
            Body::AccessDecided(decided) => Wire::AccessDecided(access_decided(decided)),
            Body::CommandCompleted(completed) => {
                Wire::CommandCompleted(command_completed(completed))
            }
            Body::AccessObserved(observed) => Wire::AccessObserved(access_observed(observed)),
            Body::DeviceStatus(status) => Wire::DeviceStatusReported(device_status(status)),
            Body::RegistryChanged(set) => Wire::RegistryChanged(pb::RegistryChanged {
                change_set_id: set.id.to_string(),
                note: set.note.clone(),
                changes: set.changes.iter().map(change_to_wire).collect(),
            }),
            Body::IngressRejected(rejected) => Wire::IngressRejected(ingress_rejected(rejected)),
            Body::AdmissionSummary(summary) => Wire::AdmissionSummary(pb::AdmissionSummary {
                limited: summary.limited.to_string(),
                reason: summary.reason.clone(),
                count: summary.count,
                minute: Some(timestamp_to_wire(summary.minute)),
            }),
            Body::PassUseConsumed(consumed) => Wire::PassUseConsumed(pb::PassUseConsumed {
                pass_id: consumed.pass.to_string(),
                command_id: consumed.command.to_string(),
                key_time: Some(timestamp_to_wire(consumed.key_time)),
            }),
            Body::PassUseReturned(returned) => Wire::PassUseReturned(pb::PassUseReturned {
                pass_id: returned.pass.to_string(),
                command_id: returned.command.to_string(),
            }),
            Body::SubjectExported(exported) => Wire::SubjectExported(pb::SubjectExported {
                subject_ref: exported.subject.to_string(),
            }),
            Body::SubjectErased(erased) => Wire::SubjectErased(pb::SubjectErased {
                subject_ref: erased.subject.to_string(),
                identity: erased.identity,
            }),
            Body::LegalHoldChanged(changed) => Wire::LegalHoldChanged(pb::LegalHoldChanged {
                subject_ref: changed.subject.to_string(),
                held: changed.held,
                reason: changed.reason.clone(),
            }),
            Body::ProvisioningChanged(changed) => {
                Wire::ProvisioningChanged(provisioning_to_wire(changed))
            }
            Body::EgressSummary(summary) => {
                Wire::EgressSummary(crate::egress_codec::to_wire(summary))
            }
            Body::DeliveryGap(gap) => Wire::DeliveryGap(crate::gap_codec::to_wire(gap)),
            Body::AuditRead(read) => Wire::AuditRead(crate::read_codec::to_wire(read)),
        }),
        signature: Vec::new(),
    }
}

fn access_decided(decided: &AccessDecided) -> pb::AccessDecided {
    pb::AccessDecided {
        command_id: decided.command.to_string(),
        request_digest: decided.request_digest.to_vec(),
        operation: decided.operation.number(),
        verdict: decided.verdict.number(),
        reason: decided.reason.number(),
        expires_at: Some(timestamp_to_wire(decided.expires_at)),
        key_time: Some(timestamp_to_wire(decided.key_time)),
        inputs: Some(wire::inputs(&decided.inputs)),
        context: Some(pb::RequestContext {
            app_version: decided.context.app_version.clone(),
            method: decided.context.method.clone(),
        }),
    }
}

fn command_completed(completed: &CommandCompleted) -> pb::CommandCompleted {
    pb::CommandCompleted {
        command_id: completed.command.to_string(),
        outcome: completed.outcome.number(),
        reason: completed.reason.number(),
        partner_code: completed.partner_code.clone(),
        partner_ref: completed.partner_ref.clone(),
        latency_ms: completed.latency_ms,
        reconciled: completed.reconciled,
        fenced: completed.fenced,
        second_inputs: completed.second_inputs.as_ref().map(wire::inputs),
    }
}

fn access_observed(observed: &AccessObserved) -> pb::AccessObserved {
    pb::AccessObserved {
        partner_id: observed.partner.to_string(),
        partner_event_id: observed.partner_event_id.clone(),
        digest: observed.digest.to_vec(),
        observation: observed.observation.number(),
        method: observed.method.map_or(0, |method| method.number()),
        automation: observed
            .automation()
            .map_or(0, |automation| automation.number()),
        credential_id: observed
            .credential
            .map(|id| id.to_string())
            .unwrap_or_default(),
        resolution: observed.resolution.number(),
        registry_position: wire::position(observed.registry_position),
        command_id: observed
            .command
            .map(|id| id.to_string())
            .unwrap_or_default(),
        sequence: wire::sequence(observed.sequence),
        received_at: Some(timestamp_to_wire(observed.received_at)),
        late: observed.late,
    }
}

fn device_status(status: &DeviceStatus) -> pb::DeviceStatusReported {
    pb::DeviceStatusReported {
        partner_id: status.partner.to_string(),
        partner_event_id: status.partner_event_id.clone(),
        digest: status.digest.to_vec(),
        online: status.online,
        lock_state: status.lock.map_or(0, |lock| lock.number()),
        door_position: status.door.map_or(0, |door| door.number()),
        power: status.power.map_or(0, |power| power.number()),
        tamper: status.tamper,
        battery_percent: status.battery_percent.map(u32::from),
        firmware: status.firmware.clone(),
        observed_at: Some(timestamp_to_wire(status.observed_at)),
        sequence: wire::sequence(status.sequence),
        received_at: Some(timestamp_to_wire(status.received_at)),
    }
}

fn ingress_rejected(rejected: &IngressRejected) -> pb::IngressRejected {
    pb::IngressRejected {
        partner_id: rejected.partner.to_string(),
        reason: rejected.reason.clone(),
        path: rejected.path.clone(),
        partner_event_id: rejected.partner_event_id.clone(),
        digest: rejected.digest.to_vec(),
        sealed_enc: rejected.sealed_enc.clone(),
        sealed_body: rejected.sealed_body.clone(),
        sequence: rejected.sequence.and_then(wire::sequence),
        received_at: Some(timestamp_to_wire(rejected.received_at)),
    }
}
