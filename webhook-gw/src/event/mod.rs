//! The partner's events: from the raw body to typed events, with nothing undeclared in them.
//!
//! The contract is the webhook part of `proto/partner/openapi.yaml`.

mod access;
mod body;
mod fault;
mod object;
mod status;

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest;
use domain::event::DeviceSequence;
use domain::vocabulary::Observation;
use domain::{ComplexId, DeviceId};
use jiff::Timestamp;
use uuid::Uuid;

pub use access::AccessReport;
pub use body::{CloudEvent, Format, NotCloudEvents, parse};
pub use fault::{Fault, JsonPointer, RejectReason};
pub use object::Object;
pub use status::StatusReport;

/// Attributes that an event may carry: CloudEvents 1.0, section 3, and the extension
/// "Distributed Tracing".
const ATTRIBUTES: &[&str] = &[
    "specversion",
    "id",
    "source",
    "type",
    "subject",
    "time",
    "datacontenttype",
    "dataschema",
    "data",
    "traceparent",
    "tracestate",
];

/// Largest epoch and sequence: what every JSON reader can hold exactly (RFC 8259, section 6).
const MAX_COUNT: u64 = (1 << 53) - 1;

/// The partner's id of an event: a UUID in canonical text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PartnerEventId(Uuid);

/// Text that is no event id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an event id; it is a UUID in lower case with hyphens (RFC 9562)")]
pub struct InvalidEventId;

impl FromStr for PartnerEventId {
    type Err = InvalidEventId;

    fn from_str(text: &str) -> Result<Self, InvalidEventId> {
        let id: domain::EventId = text.parse().map_err(|_| InvalidEventId)?;
        Ok(Self(id.0))
    }
}

impl fmt::Display for PartnerEventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The event types of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventType {
    /// `access.granted`, `access.denied`, `door.forced_open` or `door.held_open`.
    Access(Observation),
    /// `device.status`.
    DeviceStatus,
}

impl EventType {
    /// The type with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "access.granted" => Self::Access(Observation::Granted),
            "access.denied" => Self::Access(Observation::Denied),
            "door.forced_open" => Self::Access(Observation::ForcedOpen),
            "door.held_open" => Self::Access(Observation::HeldOpen),
            "device.status" => Self::DeviceStatus,
            _ => return None,
        })
    }

    /// The type's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Access(Observation::Granted) => "access.granted",
            Self::Access(Observation::Denied) => "access.denied",
            Self::Access(Observation::ForcedOpen) => "door.forced_open",
            Self::Access(Observation::HeldOpen) => "door.held_open",
            Self::DeviceStatus => "device.status",
        }
    }

    /// The field of `data` that says when it happened.
    pub const fn time_field(self) -> &'static str {
        match self {
            Self::Access(_) => "occurred_at",
            Self::DeviceStatus => "observed_at",
        }
    }
}

/// A well-formed event of the contract. Whether the partner may say it is another question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartnerEvent {
    /// The partner's id of it.
    pub id: PartnerEventId,
    /// SHA-256 of `data` as it was sent.
    pub digest: [u8; 32],
    /// Its type.
    pub kind: EventType,
    /// The complex that it says it is about; equals the device's.
    pub complex: ComplexId,
    /// The device.
    pub device: DeviceId,
    /// When it happened at the device.
    pub at: Timestamp,
    /// The device's own order.
    pub sequence: DeviceSequence,
    /// What happened.
    pub report: Report,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Report {
    /// Somebody was let in or refused, or a door raised an alarm.
    Access(AccessReport),
    /// How a device is.
    Status(StatusReport),
}

impl PartnerEvent {
    /// Reads an event by its contract.
    ///
    /// # Errors
    /// The first fault: undeclared fields before all others.
    pub fn read(event: &CloudEvent<'_>) -> Result<Self, Fault> {
        let attributes = &event.attributes;
        attributes.only(ATTRIBUTES)?;
        let kind = EventType::from_name(&event.kind)
            .ok_or_else(|| attributes.fault(RejectReason::UnknownType, "type"))?;
        let text = attributes
            .raw("data")
            .ok_or_else(|| attributes.fault(RejectReason::MissingField, "data"))?
            .get();
        let data = Object::parse(text, "/data").map_err(|_| attributes.invalid("data"))?;
        let report = match kind {
            EventType::Access(observation) => {
                Report::Access(AccessReport::read(&data, observation)?)
            }
            EventType::DeviceStatus => Report::Status(StatusReport::read(&data)?),
        };
        let complex: ComplexId = data.parse_text("complex")?;
        let device: DeviceId = data.parse_text("device")?;
        if device.complex() != complex {
            return Err(data.invalid("complex"));
        }
        let read = Self {
            id: attributes.parse_text("id")?,
            digest: sha256(text),
            kind,
            complex,
            device,
            at: data.parse_text(kind.time_field())?,
            sequence: sequence(&data)?,
            report,
        };
        read.agrees_with(attributes)?;
        Ok(read)
    }

    /// Optional attributes repeat what `data` says, or say what is so anyway.
    fn agrees_with(&self, attributes: &Object<'_>) -> Result<(), Fault> {
        if attributes
            .optional_text::<String>("subject")?
            .is_some_and(|s| s != self.device.as_str())
        {
            return Err(attributes.invalid("subject"));
        }
        let json = |kind: String| kind.eq_ignore_ascii_case("application/json");
        if !attributes
            .optional_text("datacontenttype")?
            .is_none_or(json)
        {
            return Err(attributes.invalid("datacontenttype"));
        }
        attributes.optional_text::<Timestamp>("time").map(drop)
    }
}

impl CloudEvent<'_> {
    /// The partner's id of the event, if it is one; anything else is not repeated anywhere.
    pub fn partner_event_id(&self) -> Option<PartnerEventId> {
        self.id.parse().ok()
    }

    /// SHA-256 of the whole event as it was sent.
    pub fn digest(&self) -> [u8; 32] {
        sha256(self.text)
    }

    /// Its type as a bounded label; `unknown` for all that the contract doesn't name.
    pub fn type_label(&self) -> &'static str {
        EventType::from_name(&self.kind).map_or("unknown", EventType::name)
    }

    /// Which device it seems to be about, and its place in that device's order, as far as they
    /// can be read from an event that may be faulty.
    pub fn device_order(&self) -> Option<(DeviceId, DeviceSequence)> {
        let data = Object::parse(self.attributes.raw("data")?.get(), "/data").ok()?;
        Some((data.parse_text("device").ok()?, sequence(&data).ok()?))
    }
}

fn sequence(data: &Object<'_>) -> Result<DeviceSequence, Fault> {
    let count = |name| match data.value(name)? {
        count @ 0..=MAX_COUNT => Ok(count),
        _ => Err(data.invalid(name)),
    };
    Ok(DeviceSequence {
        epoch: count("epoch")?,
        sequence: count("sequence")?,
    })
}

fn sha256(text: &str) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest::digest(&digest::SHA256, text.as_bytes()).as_ref());
    bytes
}

#[cfg(test)]
mod tests;
