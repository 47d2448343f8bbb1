//! Envelopes to domain events. Whatever is missing, malformed or unknown is an error that
//! names the field: nothing is guessed.

use std::str::FromStr;

use domain::event::{
    AccessDecided, AccessObserved, Actor, AdmissionSummary, Body, CommandCompleted, DecisionInputs,
    DeviceSequence, DeviceStatus, Event, IngressRejected, LegalHoldChanged, LogPosition,
    PassUseConsumed, PassUseReturned, RequestContext, SubjectErased, SubjectExported,
};
use domain::registry::ChangeSet;
use domain::vocabulary::{
    ActorKind, DoorPosition, LockState, Method, Observation, Operation, Outcome, Power, Reason,
    Resolution, Verdict,
};
use jiff::Timestamp;
use pb::envelope::Event as Wire;
use proto::events as pb;

use crate::provisioning_codec::provisioning_from_wire;
use crate::registry_codec::change_from_wire;
use crate::time::timestamp_from_wire;

/// A field is missing, malformed or holds a value that this version does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("field {0} is missing, malformed or unknown to this version")]
pub struct FieldError(pub &'static str);

type Decoded<T> = Result<T, FieldError>;

const LONGEST_PARTNER_EVENT_ID: usize = 64;

pub(crate) fn parse<T: FromStr>(field: &'static str, text: &str) -> Decoded<T> {
    text.parse().map_err(|_| FieldError(field))
}

pub(crate) fn optional<T: FromStr>(field: &'static str, text: &str) -> Decoded<Option<T>> {
    if text.is_empty() {
        Ok(None)
    } else {
        parse(field, text).map(Some)
    }
}

/// A value of a vocabulary that must be there.
pub(crate) fn word<T>(field: &'static str, number: i32, from: fn(i32) -> Option<T>) -> Decoded<T> {
    from(number).ok_or(FieldError(field))
}

/// A value of a vocabulary where 0 says that there is none.
fn word_or_none<T>(
    field: &'static str,
    number: i32,
    from: fn(i32) -> Option<T>,
) -> Decoded<Option<T>> {
    if number == 0 {
        Ok(None)
    } else {
        word(field, number, from).map(Some)
    }
}

pub(crate) fn time(field: &'static str, at: Option<&prost_types::Timestamp>) -> Decoded<Timestamp> {
    timestamp_from_wire(field, at.ok_or(FieldError(field))?)
}

pub(crate) fn optional_time(
    field: &'static str,
    at: Option<&prost_types::Timestamp>,
) -> Decoded<Option<Timestamp>> {
    at.map(|at| timestamp_from_wire(field, at)).transpose()
}

pub(crate) fn digest(field: &'static str, bytes: &[u8]) -> Decoded<[u8; 32]> {
    bytes.try_into().map_err(|_| FieldError(field))
}

/// A partner's id of its event. webhook-gw writes UUIDs; views keep it in keys, which databases
/// bound, so a longer one would stop whoever writes them.
fn partner_event_id(text: &str) -> Decoded<String> {
    let short = (1..=LONGEST_PARTNER_EVENT_ID).contains(&text.len());
    if short && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(text.to_owned())
    } else {
        Err(FieldError("partner_event_id"))
    }
}

fn position(field: &'static str, at: Option<&pb::LogPosition>) -> Decoded<LogPosition> {
    let at = at.ok_or(FieldError(field))?;
    Ok(LogPosition {
        partition: at.partition,
        offset: at.offset,
    })
}

fn sequence(of: &pb::DeviceSequence) -> DeviceSequence {
    DeviceSequence {
        epoch: of.epoch,
        sequence: of.sequence,
    }
}

pub(crate) fn event(envelope: &pb::Envelope) -> Decoded<Option<Event>> {
    let Some(wire) = &envelope.event else {
        return Ok(None);
    };
    let actor = envelope.actor.as_ref().ok_or(FieldError("actor"))?;
    Ok(Some(Event {
        id: parse("event_id", &envelope.event_id)?,
        occurred_at: time("occurred_at", envelope.occurred_at.as_ref())?,
        complex: parse("complex_id", &envelope.complex_id)?,
        device: optional("device_id", &envelope.device_id)?,
        actor: Actor {
            kind: word("actor.kind", actor.kind, ActorKind::from_number)?,
            subject: optional("actor.subject_ref", &actor.subject_ref)?,
            caller: actor.caller.clone(),
        },
        correlation: envelope.correlation_id.clone(),
        body: body(wire)?,
    }))
}

fn body(wire: &Wire) -> Decoded<Body> {
    Ok(match wire {
        Wire::AccessDecided(decided) => Body::AccessDecided(access_decided(decided)?),
        Wire::CommandCompleted(completed) => Body::CommandCompleted(command_completed(completed)?),
        Wire::AccessObserved(observed) => Body::AccessObserved(access_observed(observed)?),
        Wire::DeviceStatusReported(status) => Body::DeviceStatus(device_status(status)?),
        Wire::RegistryChanged(changed) => Body::RegistryChanged(ChangeSet {
            id: parse("change_set_id", &changed.change_set_id)?,
            note: changed.note.clone(),
            changes: changed
                .changes
                .iter()
                .map(change_from_wire)
                .collect::<Decoded<_>>()?,
        }),
        Wire::IngressRejected(rejected) => Body::IngressRejected(IngressRejected {
            partner: parse("partner_id", &rejected.partner_id)?,
            reason: rejected.reason.clone(),
            path: rejected.path.clone(),
            partner_event_id: rejected.partner_event_id.clone(),
            digest: digest("digest", &rejected.digest)?,
            sealed_enc: rejected.sealed_enc.clone(),
            sealed_body: rejected.sealed_body.clone(),
            sequence: rejected.sequence.as_ref().map(sequence),
            received_at: time("received_at", rejected.received_at.as_ref())?,
        }),
        Wire::AdmissionSummary(summary) => Body::AdmissionSummary(AdmissionSummary {
            limited: parse("limited", &summary.limited)?,
            reason: summary.reason.clone(),
            count: summary.count,
            minute: time("minute", summary.minute.as_ref())?,
        }),
        Wire::PassUseConsumed(consumed) => Body::PassUseConsumed(PassUseConsumed {
            pass: parse("pass_id", &consumed.pass_id)?,
            command: parse("command_id", &consumed.command_id)?,
            key_time: time("key_time", consumed.key_time.as_ref())?,
        }),
        Wire::PassUseReturned(returned) => Body::PassUseReturned(PassUseReturned {
            pass: parse("pass_id", &returned.pass_id)?,
            command: parse("command_id", &returned.command_id)?,
        }),
        Wire::SubjectExported(exported) => Body::SubjectExported(SubjectExported {
            subject: parse("subject_ref", &exported.subject_ref)?,
        }),
        Wire::SubjectErased(erased) => Body::SubjectErased(SubjectErased {
            subject: parse("subject_ref", &erased.subject_ref)?,
            identity: erased.identity,
        }),
        Wire::LegalHoldChanged(changed) => Body::LegalHoldChanged(LegalHoldChanged {
            subject: parse("subject_ref", &changed.subject_ref)?,
            held: changed.held,
            reason: changed.reason.clone(),
        }),
        Wire::ProvisioningChanged(changed) => {
            Body::ProvisioningChanged(provisioning_from_wire(changed)?)
        }
        Wire::EgressSummary(summary) => {
            Body::EgressSummary(crate::egress_codec::from_wire(summary)?)
        }
        Wire::DeliveryGap(gap) => Body::DeliveryGap(crate::gap_codec::from_wire(gap)?),
        Wire::AuditRead(read) => Body::AuditRead(crate::read_codec::from_wire(read)?),
    })
}

fn access_decided(decided: &pb::AccessDecided) -> Decoded<AccessDecided> {
    let context = decided.context.clone().unwrap_or_default();
    Ok(AccessDecided {
        command: parse("command_id", &decided.command_id)?,
        request_digest: digest("request_digest", &decided.request_digest)?,
        operation: word("operation", decided.operation, Operation::from_number)?,
        verdict: word("verdict", decided.verdict, Verdict::from_number)?,
        reason: word("reason", decided.reason, Reason::from_number)?,
        expires_at: time("expires_at", decided.expires_at.as_ref())?,
        key_time: time("key_time", decided.key_time.as_ref())?,
        inputs: inputs(decided.inputs.as_ref().ok_or(FieldError("inputs"))?)?,
        context: RequestContext {
            app_version: context.app_version,
            method: context.method,
        },
    })
}

fn inputs(inputs: &pb::DecisionInputs) -> Decoded<DecisionInputs> {
    Ok(DecisionInputs {
        now: time("inputs.now", inputs.now.as_ref())?,
        utc_offset: inputs.utc_offset_seconds,
        registry_position: position(
            "inputs.registry_position",
            inputs.registry_position.as_ref(),
        )?,
        global_position: position("inputs.global_position", inputs.global_position.as_ref())?,
        access_position: position("inputs.access_position", inputs.access_position.as_ref())?,
        right: optional("inputs.grant_id", &inputs.grant_id)?.map(|id| (id, inputs.grant_version)),
        partner: optional("inputs.partner_id", &inputs.partner_id)?,
        perimeter_version: inputs.perimeter_version,
        recent_openings: inputs
            .recent_openings
            .iter()
            .map(|at| timestamp_from_wire("inputs.recent_openings", at))
            .collect::<Decoded<_>>()?,
        cooldown_ms: inputs.cooldown_ms,
        auth_time: optional_time("inputs.auth_time", inputs.auth_time.as_ref())?,
        acr: (!inputs.acr.is_empty()).then(|| inputs.acr.clone()),
        uses_left: inputs.uses_left,
        policy_version: inputs.policy_version,
    })
}

fn command_completed(completed: &pb::CommandCompleted) -> Decoded<CommandCompleted> {
    Ok(CommandCompleted {
        command: parse("command_id", &completed.command_id)?,
        outcome: word("outcome", completed.outcome, Outcome::from_number)?,
        reason: word("reason", completed.reason, Reason::from_number)?,
        partner_code: completed.partner_code.clone(),
        partner_ref: completed.partner_ref.clone(),
        latency_ms: completed.latency_ms,
        reconciled: completed.reconciled,
        fenced: completed.fenced,
        second_inputs: completed.second_inputs.as_ref().map(inputs).transpose()?,
    })
}

fn access_observed(observed: &pb::AccessObserved) -> Decoded<AccessObserved> {
    let observed_at = AccessObserved {
        partner: parse("partner_id", &observed.partner_id)?,
        partner_event_id: partner_event_id(&observed.partner_event_id)?,
        digest: digest("digest", &observed.digest)?,
        observation: word(
            "observation",
            observed.observation,
            Observation::from_number,
        )?,
        method: word_or_none("method", observed.method, Method::from_number)?,
        credential: optional("credential_id", &observed.credential_id)?,
        resolution: word("resolution", observed.resolution, Resolution::from_number)?,
        registry_position: position("registry_position", observed.registry_position.as_ref())?,
        command: optional("command_id", &observed.command_id)?,
        sequence: observed
            .sequence
            .as_ref()
            .map(sequence)
            .ok_or(FieldError("sequence"))?,
        received_at: time("received_at", observed.received_at.as_ref())?,
        late: observed.late,
    };
    // Derived, never believed: a record that says otherwise was not written by this service.
    if observed_at
        .automation()
        .map_or(0, |automation| automation.number())
        != observed.automation
    {
        return Err(FieldError("automation"));
    }
    Ok(observed_at)
}

fn device_status(status: &pb::DeviceStatusReported) -> Decoded<DeviceStatus> {
    let battery_percent = match status.battery_percent {
        None => None,
        Some(percent @ 0..=100) => u8::try_from(percent).ok(),
        Some(_) => return Err(FieldError("battery_percent")),
    };
    Ok(DeviceStatus {
        partner: parse("partner_id", &status.partner_id)?,
        partner_event_id: partner_event_id(&status.partner_event_id)?,
        digest: digest("digest", &status.digest)?,
        online: status.online,
        lock: word_or_none("lock_state", status.lock_state, LockState::from_number)?,
        door: word_or_none(
            "door_position",
            status.door_position,
            DoorPosition::from_number,
        )?,
        power: word_or_none("power", status.power, Power::from_number)?,
        tamper: status.tamper,
        battery_percent,
        firmware: status.firmware.clone(),
        observed_at: time("observed_at", status.observed_at.as_ref())?,
        sequence: status
            .sequence
            .as_ref()
            .map(sequence)
            .ok_or(FieldError("sequence"))?,
        received_at: time("received_at", status.received_at.as_ref())?,
    })
}
