//! What the log says, as Rust types. Codecs live in the `records` crate.

mod gap;
mod read;
mod registry;

use jiff::Timestamp;
use uuid::Uuid;

use crate::id::{CallerName, CommandId, ComplexId, CredentialId, DeviceId, EventId, PartnerId};
use crate::registry::ChangeSet;
use crate::vocabulary::{
    ActorKind, Automation, DoorPosition, LockState, Method, Observation, Operation, Outcome, Power,
    Reason, Resolution, Verdict,
};

pub use gap::DeliveryGap;
pub use read::AuditRead;
pub use registry::{
    Effect, EgressCall, EgressField, EgressSummary, LegalHoldChanged, PassUseConsumed,
    PassUseReturned, ProvisioningChanged, SubjectErased, SubjectExported,
};

/// One record of the log: who says what about which device.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Unique for ever (UUIDv7).
    pub id: EventId,
    /// When it happened, by the clock of whoever says so.
    pub occurred_at: Timestamp,
    /// The complex, `unassigned` or `global`.
    pub complex: ComplexId,
    /// The device, where there is one.
    pub device: Option<DeviceId>,
    /// Who acted.
    pub actor: Actor,
    /// Ties together the records of one access: the command id or the partner's event id.
    pub correlation: String,
    /// What happened.
    pub body: Body,
}

/// Who acted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// What kind of actor.
    pub kind: ActorKind,
    /// The person's reference, or a guest's pass; none where nobody is identified.
    pub subject: Option<Uuid>,
    /// The service that spoke: the BFF's certificate name, or the partner's id.
    pub caller: String,
}

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    /// A command was judged.
    AccessDecided(AccessDecided),
    /// What became of an allowed command.
    CommandCompleted(CommandCompleted),
    /// The partner's access event.
    AccessObserved(AccessObserved),
    /// The partner's device status.
    DeviceStatus(DeviceStatus),
    /// A change of the registry.
    RegistryChanged(ChangeSet),
    /// Something a partner sent was refused.
    IngressRejected(IngressRejected),
    /// Commands that were not admitted, summed up.
    AdmissionSummary(AdmissionSummary),
    /// A command asks for a use of a limited pass.
    PassUseConsumed(PassUseConsumed),
    /// A use of a limited pass is given back.
    PassUseReturned(PassUseReturned),
    /// What is known about a person was given out.
    SubjectExported(SubjectExported),
    /// A person was erased.
    SubjectErased(SubjectErased),
    /// A legal hold was placed or lifted.
    LegalHoldChanged(LegalHoldChanged),
    /// Something was done at a partner about what it holds, or is kept back from it.
    ProvisioningChanged(ProvisioningChanged),
    /// What left to a partner in an interval, counted.
    EgressSummary(EgressSummary),
    /// Events of a device did not reach us and can't be had.
    DeliveryGap(DeliveryGap),
    /// Somebody was given audit data.
    AuditRead(AuditRead),
}

impl Body {
    /// The CloudEvents `type` of the record.
    pub fn kind(&self) -> &'static str {
        match self {
            Body::AccessDecided(_) => "smarthome.access.decided.v1",
            Body::CommandCompleted(_) => "smarthome.command.completed.v1",
            Body::AccessObserved(_) => "smarthome.access.observed.v1",
            Body::DeviceStatus(_) => "smarthome.device.status.v1",
            Body::RegistryChanged(_) => "smarthome.registry.changed.v1",
            Body::IngressRejected(_) => "smarthome.ingress.rejected.v1",
            Body::AdmissionSummary(_) => "smarthome.admission.summary.v1",
            Body::PassUseConsumed(_) => "smarthome.pass.use.consumed.v1",
            Body::PassUseReturned(_) => "smarthome.pass.use.returned.v1",
            Body::SubjectExported(_) => "smarthome.subject.exported.v1",
            Body::SubjectErased(_) => "smarthome.subject.erased.v1",
            Body::LegalHoldChanged(_) => "smarthome.legal.hold.changed.v1",
            Body::ProvisioningChanged(_) => "smarthome.provisioning.changed.v1",
            Body::EgressSummary(_) => "smarthome.egress.summary.v1",
            Body::DeliveryGap(_) => "smarthome.delivery.gap.v1",
            Body::AuditRead(_) => "smarthome.audit.read.v1",
        }
    }

    /// Only command-svc may say these; a fold ignores and reports one without its signature.
    pub fn needs_signature(&self) -> bool {
        match self {
            Body::AccessDecided(_)
            | Body::CommandCompleted(_)
            | Body::RegistryChanged(_)
            | Body::AdmissionSummary(_)
            | Body::PassUseConsumed(_)
            | Body::PassUseReturned(_)
            | Body::SubjectExported(_)
            | Body::SubjectErased(_)
            | Body::LegalHoldChanged(_)
            | Body::ProvisioningChanged(_)
            | Body::EgressSummary(_) => true,
            Body::AccessObserved(_)
            | Body::DeviceStatus(_)
            | Body::IngressRejected(_)
            | Body::DeliveryGap(_)
            | Body::AuditRead(_) => false,
        }
    }
}

/// A place in one partition of a topic.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LogPosition {
    /// Partition.
    pub partition: u32,
    /// Offset in it.
    pub offset: u64,
}

/// A command was judged.
#[derive(Debug, Clone, PartialEq)]
pub struct AccessDecided {
    /// The command.
    pub command: CommandId,
    /// SHA-256 over device and operation.
    pub request_digest: [u8; 32],
    /// What was asked for.
    pub operation: Operation,
    /// Allowed or denied.
    pub verdict: Verdict,
    /// Why.
    pub reason: Reason,
    /// Not to be carried out after this instant.
    pub expires_at: Timestamp,
    /// Instant inside the idempotency key.
    pub key_time: Timestamp,
    /// What the judgement was made from.
    pub inputs: DecisionInputs,
    /// How the request was made: app version and input method, both bounded.
    pub context: RequestContext,
}

/// How a request was made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RequestContext {
    /// Version of the app.
    pub app_version: String,
    /// `button`, `widget`, `voice` or empty.
    pub method: String,
}

/// All that a decision was made from, so that it can be run again.
#[derive(Debug, Clone, PartialEq)]
pub struct DecisionInputs {
    /// The one clock reading.
    pub now: Timestamp,
    /// UTC offset of the complex at `now`, in seconds.
    pub utc_offset: i32,
    /// Next offset of the complex's registry partition.
    pub registry_position: LogPosition,
    /// Next offset of the registry partition of `global`.
    pub global_position: LogPosition,
    /// Next offset of the complex's access partition.
    pub access_position: LogPosition,
    /// Grant or pass that ruled, with its version.
    pub right: Option<(Uuid, u64)>,
    /// The partner that runs the device.
    pub partner: Option<PartnerId>,
    /// Version of the perimeter that ruled; 0 if none was looked at.
    pub perimeter_version: u64,
    /// Openings of the device within its cooldown.
    pub recent_openings: Vec<Timestamp>,
    /// The device's cooldown in milliseconds.
    pub cooldown_ms: u32,
    /// When the owner last logged in.
    pub auth_time: Option<Timestamp>,
    /// How: the authentication context class.
    pub acr: Option<String>,
    /// Uses that were left of a limited pass.
    pub uses_left: Option<u32>,
    /// Version of the rules.
    pub policy_version: u32,
}

/// What became of an allowed command.
#[derive(Debug, Clone, PartialEq)]
pub struct CommandCompleted {
    /// The command.
    pub command: CommandId,
    /// What is known to have happened.
    pub outcome: Outcome,
    /// Why that is known.
    pub reason: Reason,
    /// The partner's code, bounded.
    pub partner_code: String,
    /// The partner's reference, bounded.
    pub partner_ref: String,
    /// From sending to knowing, in milliseconds; 0 if never sent.
    pub latency_ms: u32,
    /// Written by the reconciler.
    pub reconciled: bool,
    /// The partner's cancel fence was asked.
    pub fenced: bool,
    /// Inputs of the second decision, where that denied.
    pub second_inputs: Option<DecisionInputs>,
}

/// A partner's access event.
#[derive(Debug, Clone, PartialEq)]
pub struct AccessObserved {
    /// The partner.
    pub partner: PartnerId,
    /// Its id of the event.
    pub partner_event_id: String,
    /// SHA-256 of the event's data.
    pub digest: [u8; 32],
    /// What it saw.
    pub observation: Observation,
    /// How; none where the partner doesn't know.
    pub method: Option<Method>,
    /// Matched credential.
    pub credential: Option<CredentialId>,
    /// Whose it is.
    pub resolution: Resolution,
    /// Registry position of the resolution.
    pub registry_position: LogPosition,
    /// Our command, for a remote opening.
    pub command: Option<CommandId>,
    /// The device's own order.
    pub sequence: DeviceSequence,
    /// When it reached us.
    pub received_at: Timestamp,
    /// Later than the bounded lateness.
    pub late: bool,
}

impl AccessObserved {
    /// Automatic or manual; none where the method is unknown.
    pub fn automation(&self) -> Option<Automation> {
        self.method.map(Method::automation)
    }
}

/// A device's own order of its events.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct DeviceSequence {
    /// Increases when the counter starts anew.
    pub epoch: u64,
    /// Increases by one an event.
    pub sequence: u64,
}

/// A partner's report of a device's state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceStatus {
    /// The partner.
    pub partner: PartnerId,
    /// Its id of the event.
    pub partner_event_id: String,
    /// SHA-256 of the event's data.
    pub digest: [u8; 32],
    /// Whether the partner reaches the device.
    pub online: bool,
    /// None: not monitored.
    pub lock: Option<LockState>,
    /// None: not monitored.
    pub door: Option<DoorPosition>,
    /// None: not monitored.
    pub power: Option<Power>,
    /// None: not monitored.
    pub tamper: Option<bool>,
    /// 0 to 100; none where there is no battery.
    pub battery_percent: Option<u8>,
    /// Bounded text.
    pub firmware: String,
    /// When it was so.
    pub observed_at: Timestamp,
    /// The device's own order.
    pub sequence: DeviceSequence,
    /// When it reached us.
    pub received_at: Timestamp,
}

/// Something a partner sent was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IngressRejected {
    /// The partner.
    pub partner: PartnerId,
    /// Stable reason.
    pub reason: String,
    /// JSON Pointer (RFC 6901) of the offending field.
    pub path: String,
    /// The partner's event id, where it is a sane one.
    pub partner_event_id: String,
    /// SHA-256 of the event's bytes.
    pub digest: [u8; 32],
    /// HPKE encapsulated key.
    pub sealed_enc: Vec<u8>,
    /// Body, sealed to the operators' public key.
    pub sealed_body: Vec<u8>,
    /// The device's order, where it could be read.
    pub sequence: Option<DeviceSequence>,
    /// When it reached us.
    pub received_at: Timestamp,
}

/// Commands that were not admitted, summed up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdmissionSummary {
    /// Who was limited.
    pub limited: CallerName,
    /// Stable reason.
    pub reason: String,
    /// How many.
    pub count: u64,
    /// Start of the minute.
    pub minute: Timestamp,
}
