//! Rights: the grant of an owner, or the pass of a guest with the grant that it is inside of.

use uuid::Uuid;

use super::Instant;
use crate::id::{DeviceId, PassId, SubjectRef};
use crate::registry::Registry;
use crate::vocabulary::Reason;

/// A right that holds, or why none does.
pub(super) type Right = Result<(Uuid, u64), (Reason, Option<(Uuid, u64)>)>;

/// An owner's right to a device.
pub(super) fn owners(
    registry: &Registry,
    subject: SubjectRef,
    device: &DeviceId,
    at: Instant,
) -> Right {
    let complex = device.complex();
    let mut best = (Reason::NoGrant, None);
    for (version, grant) in registry.grants_of(&complex, subject) {
        if !grant.covers(device) {
            continue;
        }
        let right = (grant.id.0, version);
        let resident = registry.resident(&complex, &subject);
        let reason = if grant.revoked || !resident.is_some_and(|(_, resident)| resident.active) {
            Reason::GrantRevoked
        } else if !grant.window.contains(at.now, at.utc_offset) {
            Reason::OutsideWindow
        } else {
            return Ok(right);
        };
        // The reason that is nearest to a yes is the one to tell.
        if best.0 != Reason::OutsideWindow {
            best = (reason, Some(right));
        }
    }
    Err(best)
}

/// A pass holds only while the grant that it is inside of holds too.
pub(super) fn guests(registry: &Registry, pass: PassId, device: &DeviceId, at: Instant) -> Right {
    let complex = device.complex();
    let Some((version, pass)) = registry.pass(&complex, &pass) else {
        return Err((Reason::NoGrant, None));
    };
    let right = (pass.id.0, version);
    let refuse = |reason| Err((reason, Some(right)));
    let Some((_, grant)) = registry.grant(&complex, &pass.grant) else {
        return refuse(Reason::GrantRevoked);
    };
    if !pass.devices.contains(device) || !grant.covers(device) {
        return refuse(Reason::NoGrant);
    }
    let host = registry.resident(&complex, &grant.subject);
    if pass.revoked || grant.revoked || !host.is_some_and(|(_, resident)| resident.active) {
        return refuse(Reason::GrantRevoked);
    }
    if [&pass.window, &grant.window]
        .iter()
        .all(|window| window.contains(at.now, at.utc_offset))
    {
        Ok(right)
    } else {
        refuse(Reason::OutsideWindow)
    }
}
