//! Credentials in the contract's words, and back. Pure. What the contract can't say is refused,
//! never widened.

use std::collections::BTreeSet;

use domain::DeviceId;
use domain::vocabulary::CredentialKind;
use domain::window::Window;
use privacy::CredentialToken;

use crate::credential::{CredentialToPut, HeldCredential};
use crate::error::CallError;
use crate::wire;

const PLATE: &str = "plate";
/// Kind of a face's credential.
pub(crate) const FACE: &str = "face";

/// Bits 1 to 7 are the weekdays.
const EVERY_DAY: u8 = 0b1111_1110;
/// Minutes of a day.
const DAY: u16 = 24 * 60;

/// The credential to the wire.
///
/// # Errors
/// [`CallError::Inexpressible`].
pub(crate) fn expressed<'a>(
    credential: &CredentialToPut<'a>,
) -> Result<wire::Credential<'a>, CallError> {
    let tokens = credential.tokens;
    let versions: BTreeSet<u32> = tokens.iter().map(CredentialToken::key_version).collect();
    if !(1..=2).contains(&tokens.len()) || versions.len() != tokens.len() {
        return Err(CallError::Inexpressible(
            "anything but one token, or two of different key versions",
        ));
    }
    let kind = tokens[0].kind();
    if tokens.iter().any(|token| token.kind() != kind) {
        return Err(CallError::Inexpressible("tokens of two kinds"));
    }
    let devices: BTreeSet<&DeviceId> = credential.devices.iter().collect();
    if !(1..=256).contains(&devices.len()) || devices.len() != credential.devices.len() {
        return Err(CallError::Inexpressible(
            "anything but 1 to 256 devices, each named once",
        ));
    }
    Ok(wire::Credential {
        kind: match kind {
            CredentialKind::Plate => PLATE,
            CredentialKind::Face => FACE,
        },
        tokens: tokens
            .iter()
            .map(|token| wire::Token {
                key_version: token.key_version(),
                token: token.expose(),
            })
            .collect(),
        window: window(credential.window, credential.time_zone)?,
        devices: credential.devices,
    })
}

/// A window to the wire; weekdays and hours that leave nothing out are not said.
fn window(window: &Window, time_zone: &str) -> Result<wire::Window, CallError> {
    let weekdays: Vec<u8> = match window.weekdays & EVERY_DAY {
        0 if window.weekdays != 0 => {
            return Err(CallError::Inexpressible("a weekday that is none"));
        }
        0 | EVERY_DAY => Vec::new(),
        some => (1..=7).filter(|day| some & 1 << day != 0).collect(),
    };
    let (from, until) = window.minutes;
    if from > DAY || until > DAY {
        return Err(CallError::Inexpressible("minutes past the end of a day"));
    }
    let hours = from != until;
    let local = hours || !weekdays.is_empty();
    if local && time_zone.is_empty() {
        return Err(CallError::Inexpressible(
            "weekdays and hours of no time zone",
        ));
    }
    Ok(wire::Window {
        not_before: window.not_before,
        not_after: window.not_after,
        weekdays,
        from: hours.then_some(from),
        until: hours.then_some(until),
        time_zone: local.then(|| time_zone.to_owned()),
    })
}

/// What a partner holds; none where it is none of the contract's.
pub(crate) fn held(credential: wire::HeldCredential) -> Option<HeldCredential> {
    let kind = match credential.kind.as_str() {
        PLATE => CredentialKind::Plate,
        FACE => CredentialKind::Face,
        _ => return None,
    };
    let window = credential.window;
    let mut weekdays = 0;
    for day in &window.weekdays {
        weekdays |= (1..=7).contains(day).then(|| 1 << day)?;
    }
    let minutes = match (window.from, window.until) {
        (None, None) => (0, 0),
        (Some(from), Some(until)) if from != until && from <= DAY && until <= DAY => (from, until),
        _ => return None,
    };
    let local = weekdays != 0 || minutes != (0, 0);
    (local == window.time_zone.is_some()).then_some(HeldCredential {
        id: credential.credential,
        kind,
        key_versions: credential.key_versions,
        not_before: window.not_before,
        not_after: window.not_after,
        weekdays,
        minutes,
        time_zone: window.time_zone,
        devices: credential.devices,
        updated_at: credential.updated_at,
    })
}

impl HeldCredential {
    /// Whether the partner holds what putting `desired` would leave there, as far as it tells: all
    /// but the tokens themselves. The time zone counts where there are weekdays or hours, so that
    /// a complex that moved to another zone is put again.
    pub fn is(&self, desired: &CredentialToPut<'_>) -> bool {
        let Ok(wished) = expressed(desired) else {
            return false;
        };
        let versions = |all: &[u32]| all.iter().copied().collect::<BTreeSet<u32>>();
        let tokens: Vec<u32> = wished.tokens.iter().map(|it| it.key_version).collect();
        let own = Window {
            not_before: self.not_before,
            not_after: self.not_after,
            weekdays: self.weekdays,
            minutes: self.minutes,
        };
        let zone = self.time_zone.as_deref().unwrap_or_default();
        let devices = |all: &[DeviceId]| all.iter().cloned().collect::<BTreeSet<_>>();
        self.id == desired.id
            && desired.tokens.iter().all(|it| it.kind() == self.kind)
            && versions(&self.key_versions) == versions(&tokens)
            && window(&own, zone).is_ok_and(|own| own == wished.window)
            && devices(&self.devices) == devices(desired.devices)
    }
}
