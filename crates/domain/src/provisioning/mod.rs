//! What partners hold so that their devices open by themselves: what they should hold
//! ([`desired()`]), what is to be done about the difference ([`plan()`]), and what the log says was
//! done ([`Standings`]).

mod desired;
mod plan;
mod standing;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

pub use desired::{Desired, NotHeld, desired, verdict};
pub use plan::{Keys, Plan, Put, PutReason, plan};
pub use standing::{Shown, Standing, Standings, State, states};

use crate::id::{CredentialId, DeviceId};
use crate::vocabulary::CredentialKind;
use crate::window::Window;

/// Every weekday, as bits 1 to 7.
const WHOLE_WEEK: u8 = 0b1111_1110;

/// What a partner holds under a credential's id, apart from its tokens. Two of one meaning are
/// equal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// What the tokens were computed from.
    pub kind: CredentialKind,
    /// When it opens.
    pub window: Window,
    /// IANA time zone of its weekdays and hours; empty where it has none.
    pub time_zone: String,
    /// Where it opens.
    pub devices: BTreeSet<DeviceId>,
}

impl Content {
    /// With the window in the one spelling that its meaning has; the zone counts only where the window
    /// has weekdays or hours.
    pub fn new(
        kind: CredentialKind,
        window: Window,
        time_zone: &str,
        devices: impl IntoIterator<Item = DeviceId>,
    ) -> Self {
        let window = spelt(window);
        let local = window.weekdays != 0 || window.minutes != (0, 0);
        Self {
            kind,
            time_zone: if local { time_zone } else { "" }.to_owned(),
            window,
            devices: devices.into_iter().collect(),
        }
    }
}

/// A window in the one spelling that its meaning has.
fn spelt(window: Window) -> Window {
    let (from, until) = window.minutes;
    Window {
        weekdays: match window.weekdays & WHOLE_WEEK {
            WHOLE_WEEK => 0,
            days => days,
        },
        minutes: if from == until { (0, 0) } else { (from, until) },
        ..window
    }
}

/// A credential at a partner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holding {
    /// What it opens, and when.
    pub content: Content,
    /// Versions of the token key under which it has a token.
    pub key_versions: BTreeSet<u32>,
}

/// All that a partner holds in a complex.
pub type Held = BTreeMap<CredentialId, Holding>;
