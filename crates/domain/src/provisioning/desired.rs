//! What a partner should hold in a complex: a function of the registry and the time.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Content, spelt};
use crate::id::{ComplexId, CredentialId, DeviceId, PartnerId, PassId};
use crate::registry::{Credential, Grant, GuestPass, Holder, Registry};
use crate::vocabulary::CredentialKind;
use crate::window::Window;

/// What a partner should hold in a complex.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Desired {
    /// Whether it may hold anything at all, the token key included.
    pub may_hold: bool,
    /// The credentials.
    pub credentials: BTreeMap<CredentialId, Content>,
    /// When time alone makes it another; none where only a change of the registry does.
    pub until: Option<Timestamp>,
}

/// Why a partner should not hold a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum NotHeld {
    /// No such credential is registered.
    NotRegistered,
    /// It is revoked.
    Revoked,
    /// A face, and the complex or the person has no legal basis on record.
    NoLegalBasis,
    /// Its holder is no active resident, or its pass or that pass' grant is not live.
    HolderGone,
    /// Its time is over.
    Over,
    /// The hours of the credential reach beyond those of its pass.
    WiderThanPass,
    /// The partner runs none of its devices, or none that is switched on.
    NoDevices,
    /// The partner is suspended.
    Suspended,
    /// No perimeter that is in force lets the partner hold credentials.
    NoPerimeter,
}

impl NotHeld {
    /// Stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            NotHeld::NotRegistered => "NOT_REGISTERED",
            NotHeld::Revoked => "REVOKED",
            NotHeld::NoLegalBasis => "NO_LEGAL_BASIS",
            NotHeld::HolderGone => "HOLDER_GONE",
            NotHeld::Over => "OVER",
            NotHeld::WiderThanPass => "WIDER_THAN_PASS",
            NotHeld::NoDevices => "NO_DEVICES",
            NotHeld::Suspended => "SUSPENDED",
            NotHeld::NoPerimeter => "NO_PERIMETER",
        }
    }
}

/// What `partner` should hold in `complex` at `now`.
pub fn desired(
    registry: &Registry,
    complex: &ComplexId,
    partner: &PartnerId,
    now: Timestamp,
) -> Desired {
    let mut boundaries = Boundaries { now, next: None };
    if let Some((_, perimeter)) = registry.perimeter(complex, partner) {
        boundaries.see(perimeter.not_before);
        boundaries.see(perimeter.not_after);
    }
    if may_hold(registry, complex, partner, now).is_err() {
        return Desired {
            until: boundaries.next,
            ..Desired::default()
        };
    }
    let mut credentials = BTreeMap::new();
    for credential in registry.credentials(complex) {
        if let Ok(content) = content(registry, complex, partner, credential, now) {
            boundaries.see(content.window.not_after);
            credentials.insert(credential.id, content);
        }
    }
    Desired {
        may_hold: true,
        credentials,
        until: boundaries.next,
    }
}

/// What `partner` should hold under one credential's id.
///
/// # Errors
/// Why it should hold nothing.
pub fn verdict(
    registry: &Registry,
    complex: &ComplexId,
    partner: &PartnerId,
    credential: CredentialId,
    now: Timestamp,
) -> Result<Content, NotHeld> {
    may_hold(registry, complex, partner, now)?;
    let (_, credential) = registry
        .credential(complex, &credential)
        .ok_or(NotHeld::NotRegistered)?;
    content(registry, complex, partner, credential, now)
}

fn may_hold(
    registry: &Registry,
    complex: &ComplexId,
    partner: &PartnerId,
    now: Timestamp,
) -> Result<(), NotHeld> {
    let trusted = registry
        .partner(partner)
        .is_some_and(|partner| !partner.suspended);
    if !trusted {
        return Err(NotHeld::Suspended);
    }
    let perimeter = registry.perimeter(complex, partner);
    if perimeter.is_some_and(|(_, perimeter)| perimeter.credentials && perimeter.in_force(now)) {
        Ok(())
    } else {
        Err(NotHeld::NoPerimeter)
    }
}

fn content(
    registry: &Registry,
    complex: &ComplexId,
    partner: &PartnerId,
    credential: &Credential,
    now: Timestamp,
) -> Result<Content, NotHeld> {
    if credential.revoked {
        return Err(NotHeld::Revoked);
    }
    let place = registry.complex(complex);
    let permitted = place.is_some_and(|place| credential.permitted(place));
    if credential.kind == CredentialKind::Face && !permitted {
        return Err(NotHeld::NoLegalBasis);
    }
    let (window, pass) = match credential.holder {
        Holder::Subject(subject) => {
            let resident = registry.resident(complex, &subject);
            if !resident.is_some_and(|(_, resident)| resident.active) {
                return Err(NotHeld::HolderGone);
            }
            (credential.window.clone(), None)
        }
        Holder::Pass(pass) => {
            let live = live_pass(registry, complex, pass).ok_or(NotHeld::HolderGone)?;
            let window = narrowed(&live.0.window, &live.1.window)
                .and_then(|window| narrowed(&window, &credential.window));
            (window.ok_or(NotHeld::WiderThanPass)?, Some(live))
        }
    };
    if is_over(&window, now) {
        return Err(NotHeld::Over);
    }
    let runs = |id: &DeviceId| {
        let device = registry.device(id);
        device.is_some_and(|device| device.partner == *partner && device.enabled)
    };
    let reached = |id: &DeviceId| {
        pass.is_none_or(|(pass, grant)| {
            let device = registry.device(id);
            pass.devices.contains(id) && device.is_some_and(|it| registry.covers(grant, it))
        })
    };
    let devices = credential.devices.iter().cloned();
    let devices = devices.filter(|id| id.complex() == *complex && runs(id) && reached(id));
    let zone = place.map_or("", |place| place.time_zone.as_str());
    let content = Content::new(credential.kind, window, zone, devices);
    if content.devices.is_empty() {
        return Err(NotHeld::NoDevices);
    }
    Ok(content)
}

/// A pass that is not revoked, with its grant: not revoked either, and of an active resident.
fn live_pass<'a>(
    registry: &'a Registry,
    complex: &ComplexId,
    pass: PassId,
) -> Option<(&'a GuestPass, &'a Grant)> {
    let (_, pass) = registry.pass(complex, &pass)?;
    let (_, grant) = registry.grant(complex, &pass.grant)?;
    let (_, resident) = registry.resident(complex, &grant.subject)?;
    (!pass.revoked && !grant.revoked && resident.active).then_some((pass, grant))
}

fn is_over(window: &Window, now: Timestamp) -> bool {
    let empty = match (window.not_before, window.not_after) {
        (Some(from), Some(until)) => from >= until,
        _ => false,
    };
    empty || window.not_after.is_some_and(|until| now >= until)
}

/// What both windows permit, if one window can say it: hours and weekdays of only one of them, or
/// the same in both.
fn narrowed(one: &Window, other: &Window) -> Option<Window> {
    let hours = |window: &Window| {
        let window = spelt(window.clone());
        (window.weekdays, window.minutes)
    };
    let always = (0, (0, 0));
    let (weekdays, minutes) = match (hours(one), hours(other)) {
        (one, other) if one == other || other == always => one,
        (one, other) if one == always => other,
        _ => return None,
    };
    Some(Window {
        not_before: one.not_before.into_iter().chain(other.not_before).max(),
        not_after: one.not_after.into_iter().chain(other.not_after).min(),
        weekdays,
        minutes,
    })
}

/// The next instant at which time alone changes something.
struct Boundaries {
    now: Timestamp,
    next: Option<Timestamp>,
}

impl Boundaries {
    fn see(&mut self, at: Option<Timestamp>) {
        if let Some(at) = at.filter(|at| *at > self.now) {
            self.next = Some(self.next.map_or(at, |next| next.min(at)));
        }
    }
}
