//! The complexes and their devices.

use std::collections::HashSet;
use std::time::Duration;

use jiff::fmt::serde::unsigned_duration::friendly::compact::required as duration;
use serde::{Deserialize, Serialize};

use super::ConfigError;
use crate::ids::{ComplexId, DeviceId};

/// A residential complex.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Complex {
    /// Its id.
    pub id: ComplexId,
    /// Its devices.
    pub devices: Vec<Device>,
}

/// A device.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Device {
    /// Its full id.
    pub id: DeviceId,
    /// What it is.
    pub kind: Kind,
    /// How long it takes to open.
    #[serde(with = "duration")]
    pub actuation: Duration,
    /// Version of its firmware, where known.
    pub firmware: Option<String>,
}

/// What a device is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A door with a lock.
    Door,
    /// An intercom panel that releases a door.
    Intercom,
    /// A gate for vehicles.
    Gate,
    /// A barrier with an arm.
    Barrier,
}

pub(super) fn check(complexes: &[Complex]) -> Result<(), ConfigError> {
    let mut seen = HashSet::new();
    for complex in complexes {
        if ["global", "unassigned"].contains(&complex.id.as_str()) {
            return Err(ConfigError::new(format!(
                "complexes: {} is reserved",
                complex.id
            )));
        }
        if !seen.insert(complex.id.as_str()) {
            return Err(ConfigError::new(format!(
                "complexes: {} is there twice",
                complex.id
            )));
        }
        for device in &complex.devices {
            if !device.id.is_in(&complex.id) {
                return Err(ConfigError::new(format!(
                    "complexes {}: device {} must begin with the complex and a dot",
                    complex.id, device.id
                )));
            }
            if !seen.insert(device.id.as_str()) {
                return Err(ConfigError::new(format!(
                    "devices: {} is there twice",
                    device.id
                )));
            }
            if device
                .firmware
                .as_ref()
                .is_some_and(|text| text.is_empty() || text.len() > 64)
            {
                return Err(ConfigError::new(format!(
                    "devices {}: firmware: 1 to 64 bytes",
                    device.id
                )));
            }
        }
    }
    Ok(())
}
