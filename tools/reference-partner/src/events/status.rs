//! A device's status, as kept and changed.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::vocabulary::{DoorPosition, LockState, Power, Reading};
use crate::config::{Device, Kind};

/// A device's reading and counters, as kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Status {
    pub(crate) reading: Reading,
    pub(crate) epoch: u64,
    pub(crate) sequence: u64,
}

/// A change of some fields of a reading.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StatusChange {
    online: Option<bool>,
    lock_state: Option<LockState>,
    door_position: Option<DoorPosition>,
    power: Option<Power>,
    #[serde(default, deserialize_with = "present")]
    tamper: Option<Option<bool>>,
    #[serde(default, deserialize_with = "present")]
    battery_percent: Option<Option<u8>>,
    firmware: Option<String>,
}

/// Tells `null` from absent.
fn present<'de, D, T>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::deserialize(deserializer).map(Some)
}

impl StatusChange {
    /// Whether every value is one that the contract allows.
    pub(crate) fn is_valid(&self) -> bool {
        self.battery_percent
            .flatten()
            .is_none_or(|percent| percent <= 100)
            && self
                .firmware
                .as_ref()
                .is_none_or(|text| (1..=64).contains(&text.len()))
    }

    pub(super) fn apply(self, reading: &mut Reading, now: Timestamp) {
        reading.online = self.online.unwrap_or(reading.online);
        reading.lock_state = self.lock_state.unwrap_or(reading.lock_state);
        reading.door_position = self.door_position.unwrap_or(reading.door_position);
        reading.power = self.power.unwrap_or(reading.power);
        reading.tamper = self.tamper.unwrap_or(reading.tamper);
        reading.battery_percent = self.battery_percent.unwrap_or(reading.battery_percent);
        reading.firmware = self.firmware.or(reading.firmware.take());
        reading.observed_at = now;
    }
}

/// A higher epoch than the last: seconds since the Unix epoch, so that it grows even where the
/// last one is not known any more.
pub(super) fn new_epoch(last: u64, now: Timestamp) -> u64 {
    u64::try_from(now.as_second()).unwrap_or(0).max(last + 1)
}

/// What a device tells before anything was observed.
pub(super) fn first_reading(device: &Device, now: Timestamp) -> Reading {
    let monitored = device.kind != Kind::Intercom;
    Reading {
        online: true,
        lock_state: LockState::Locked,
        door_position: if monitored {
            DoorPosition::Closed
        } else {
            DoorPosition::Unknown
        },
        power: Power::Mains,
        tamper: monitored.then_some(false),
        battery_percent: None,
        firmware: device.firmware.clone(),
        observed_at: now,
    }
}
