//! Rights: the grant of an owner, or the pass of a guest with the grant that it is inside of.

use jiff::Timestamp;
use uuid::Uuid;

use super::Instant;
use crate::id::{ComplexId, PassId, SubjectRef};
use crate::registry::{Device, Grant, Registry};
use crate::vocabulary::Reason;

/// A right that holds, or why none does.
pub(super) type Right = Result<(Uuid, u64), (Reason, Option<(Uuid, u64)>)>;

/// An owner's right to a device.
pub(super) fn owners(
    registry: &Registry,
    subject: SubjectRef,
    device: &Device,
    at: Instant,
) -> Right {
    let complex = device.id.complex();
    let mut best = (Reason::NoGrant, None);
    for (version, grant) in registry.grants_of(&complex, subject) {
        if !registry.covers(grant, device) {
            continue;
        }
        let right = (grant.id.0, version);
        let Err(reason) = holds(registry, grant, &complex, at) else {
            return Ok(right);
        };
        // The reason that is nearest to a yes is the one to tell.
        if best.0 != Reason::OutsideWindow {
            best = (reason, Some(right));
        }
    }
    Err(best)
}

/// Until when an owner's rights to a device hold, if they hold now: the latest end of those
/// that hold, an inner none where it has none.
pub(super) fn owners_until(
    registry: &Registry,
    subject: SubjectRef,
    device: &Device,
    at: Instant,
) -> Option<Option<Timestamp>> {
    let complex = device.id.complex();
    let ends = registry
        .grants_of(&complex, subject)
        .filter(|(_, grant)| registry.covers(grant, device))
        .filter(|(_, grant)| holds(registry, grant, &complex, at).is_ok())
        .map(|(_, grant)| grant.window.holds_until(at.now, at.utc_offset));
    ends.reduce(|one, other| Some(one?.max(other?)))
}

/// Whether a grant holds.
fn holds(
    registry: &Registry,
    grant: &Grant,
    complex: &ComplexId,
    at: Instant,
) -> Result<(), Reason> {
    let resident = registry.resident(complex, &grant.subject);
    if grant.revoked || !resident.is_some_and(|(_, resident)| resident.active) {
        Err(Reason::GrantRevoked)
    } else if grant.window.contains(at.now, at.utc_offset) {
        Ok(())
    } else {
        Err(Reason::OutsideWindow)
    }
}

/// A pass holds only while the grant that it is inside of holds too.
pub(super) fn guests(
    registry: &Registry,
    pass: PassId,
    device: &Device,
    at: Instant,
    uses_left: &mut Option<u32>,
) -> Right {
    let complex = device.id.complex();
    let Some((version, pass)) = registry.pass(&complex, &pass) else {
        return Err((Reason::NoGrant, None));
    };
    let right = (pass.id.0, version);
    let refuse = |reason| Err((reason, Some(right)));
    let Some((_, grant)) = registry.grant(&complex, &pass.grant) else {
        return refuse(Reason::GrantRevoked);
    };
    if !pass.devices.contains(&device.id) || !registry.covers(grant, device) {
        return refuse(Reason::NoGrant);
    }
    if pass.revoked {
        return refuse(Reason::GrantRevoked);
    }
    if let Err(reason) = holds(registry, grant, &complex, at) {
        return refuse(reason);
    }
    if !pass.window.contains(at.now, at.utc_offset) {
        return refuse(Reason::OutsideWindow);
    }
    *uses_left = registry.uses_left(&complex, pass);
    if *uses_left == Some(0) {
        return refuse(Reason::UsesExhausted);
    }
    Ok(right)
}
