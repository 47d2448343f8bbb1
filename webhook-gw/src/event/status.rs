//! `data` of `device.status`: `DeviceStatusData` of the contract.

use domain::vocabulary::{DoorPosition, LockState, Power};

use super::fault::Fault;
use super::object::Object;

const FIELDS: &[&str] = &[
    "complex",
    "device",
    "online",
    "lock_state",
    "door_position",
    "power",
    "tamper",
    "battery_percent",
    "firmware",
    "observed_at",
    "epoch",
    "sequence",
];

const LOCK_STATES: &[(&str, Option<LockState>)] = &[
    ("locked", Some(LockState::Locked)),
    ("unlocked", Some(LockState::Unlocked)),
    ("unknown", None),
];

const DOOR_POSITIONS: &[(&str, Option<DoorPosition>)] = &[
    ("open", Some(DoorPosition::Open)),
    ("closed", Some(DoorPosition::Closed)),
    ("unknown", None),
];

const POWERS: &[(&str, Option<Power>)] = &[
    ("mains", Some(Power::Mains)),
    ("battery", Some(Power::Battery)),
    ("unknown", None),
];

/// Most characters of a firmware's version.
const MAX_FIRMWARE: usize = 64;

/// What a status says beyond its device, time and order. What isn't monitored is none, never a
/// guess.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusReport {
    /// The partner can reach the device.
    pub online: bool,
    /// The lock at rest.
    pub lock: Option<LockState>,
    /// The leaf or the arm.
    pub door: Option<DoorPosition>,
    /// What feeds it.
    pub power: Option<Power>,
    /// The housing is open.
    pub tamper: Option<bool>,
    /// 0 to 100.
    pub battery_percent: Option<u8>,
    /// Version of the firmware, printable ASCII; empty where unknown.
    pub firmware: String,
}

impl StatusReport {
    pub(super) fn read(data: &Object<'_>) -> Result<Self, Fault> {
        data.only(FIELDS)?;
        let battery_percent: Option<u8> = data.value("battery_percent")?;
        if battery_percent.is_some_and(|percent| percent > 100) {
            return Err(data.invalid("battery_percent"));
        }
        let firmware: String = data.optional_text("firmware")?.unwrap_or_default();
        let printable = firmware
            .bytes()
            .all(|byte| byte.is_ascii_graphic() || byte == b' ');
        if !printable || firmware.len() > MAX_FIRMWARE {
            return Err(data.invalid("firmware"));
        }
        Ok(Self {
            online: data.value("online")?,
            lock: data.word("lock_state", LOCK_STATES)?,
            door: data.word("door_position", DOOR_POSITIONS)?,
            power: data.word("power", POWERS)?,
            tamper: data.value("tamper")?,
            battery_percent,
            firmware,
        })
    }
}
