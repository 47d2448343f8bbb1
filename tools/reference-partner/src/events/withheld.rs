//! Events that are not told, as the control API asks for.

use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use crate::ids::DeviceId;

/// How an event is withheld.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Withheld {
    /// Kept for backfill, never sent.
    Unsent,
    /// Neither sent nor kept: its sequence number is all that is left.
    Forgotten,
}

/// The next events of devices that are withheld, and how.
#[derive(Debug, Default)]
pub(crate) struct Withholding(Mutex<Vec<(DeviceId, Withheld, u32)>>);

impl Withholding {
    /// The next `times` events of a device, in place of what was said of it before.
    pub(crate) fn set(&self, device: DeviceId, how: Withheld, times: u32) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|(other, ..)| *other != device);
        if times > 0 {
            all.push((device, how, times));
        }
    }

    /// How the next event of a device is withheld, if it is.
    pub(super) fn take(&self, device: &DeviceId) -> Option<Withheld> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, how, left) = all.iter_mut().find(|(other, ..)| other == device)?;
        let how = *how;
        *left -= 1;
        all.retain(|(.., left)| *left > 0);
        Some(how)
    }
}
