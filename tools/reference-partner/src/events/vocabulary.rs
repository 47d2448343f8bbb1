//! The vocabulary of events. No field can hold a plate, a token or a name.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::ids::{CommandId, ComplexId, CredentialId, DeviceId, PartnerId};

/// How a device was opened, or tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Method {
    Plate,
    Face,
    Schedule,
    Remote,
    IntercomCall,
    Fob,
    Pin,
    ExitButton,
    Key,
    Staff,
    Unknown,
}

/// The lock at rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LockState {
    Locked,
    Unlocked,
    Unknown,
}

/// The leaf or the arm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DoorPosition {
    Open,
    Closed,
    Unknown,
}

/// Where the power comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Power {
    Mains,
    Battery,
    Unknown,
}

/// What a device tells about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Reading {
    pub(crate) online: bool,
    pub(crate) lock_state: LockState,
    pub(crate) door_position: DoorPosition,
    pub(crate) power: Power,
    pub(crate) tamper: Option<bool>,
    pub(crate) battery_percent: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) firmware: Option<String>,
    pub(crate) observed_at: Timestamp,
}

/// An access, granted or denied.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Access {
    pub(crate) method: Method,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) credential_id: Option<CredentialId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) command_id: Option<CommandId>,
    pub(crate) occurred_at: Timestamp,
}

/// A door that was forced or held.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct DoorAlarm {
    pub(crate) occurred_at: Timestamp,
}

/// What happened at a device.
#[derive(Debug, Clone)]
pub(crate) enum Happening {
    Granted(Access),
    Denied(Access),
    ForcedOpen(DoorAlarm),
    HeldOpen(DoorAlarm),
    Status(Reading),
}

#[derive(Serialize)]
#[serde(untagged)]
enum Particulars<'a> {
    Access(&'a Access),
    DoorAlarm(&'a DoorAlarm),
    Status(&'a Reading),
}

#[derive(Serialize)]
struct Data<'a> {
    complex: &'a ComplexId,
    device: &'a DeviceId,
    #[serde(flatten)]
    particulars: Particulars<'a>,
    epoch: u64,
    sequence: u64,
}

#[derive(Serialize)]
struct CloudEvent<'a> {
    specversion: &'static str,
    id: Uuid,
    source: String,
    r#type: &'static str,
    subject: &'a DeviceId,
    time: Timestamp,
    datacontenttype: &'static str,
    data: Data<'a>,
}

/// Where an event belongs and what makes it unique.
pub(super) struct Stamp<'a> {
    pub(super) id: Uuid,
    pub(super) partner: &'a PartnerId,
    pub(super) complex: &'a ComplexId,
    pub(super) device: &'a DeviceId,
    pub(super) time: Timestamp,
    pub(super) epoch: u64,
    pub(super) sequence: u64,
}

impl Happening {
    /// The event's bytes, made once: what is kept, sent and sent again are the same.
    pub(super) fn to_json(&self, stamp: &Stamp<'_>) -> Result<String, serde_json::Error> {
        let (r#type, particulars) = match self {
            Self::Granted(access) => ("access.granted", Particulars::Access(access)),
            Self::Denied(access) => ("access.denied", Particulars::Access(access)),
            Self::ForcedOpen(alarm) => ("door.forced_open", Particulars::DoorAlarm(alarm)),
            Self::HeldOpen(alarm) => ("door.held_open", Particulars::DoorAlarm(alarm)),
            Self::Status(reading) => ("device.status", Particulars::Status(reading)),
        };
        serde_json::to_string(&CloudEvent {
            specversion: "1.0",
            id: stamp.id,
            source: format!("urn:smarthome:partner:{}", stamp.partner),
            r#type,
            subject: stamp.device,
            time: stamp.time,
            datacontenttype: "application/json",
            data: Data {
                complex: stamp.complex,
                device: stamp.device,
                particulars,
                epoch: stamp.epoch,
                sequence: stamp.sequence,
            },
        })
    }
}
