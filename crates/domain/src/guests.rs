//! Guest passes as an owner makes and sees them: never wider than the owner's own grant.
//!
//! What is checked here is what the owner may promise; that a pass ends with its grant is up to
//! [`decide`](crate::decide()), whenever it is used.

use jiff::Timestamp;

use crate::id::{ComplexId, DeviceId, GrantId, PassId, SubjectRef};
use crate::registry::{Grant, GuestPass, Registry};
use crate::vocabulary::GrantRole;
use crate::window::Window;

/// Why an owner can't make a pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outside {
    /// No grant of theirs covers the devices now, or none that lets guests in.
    NoGrant,
    /// Grants cover the devices, but none covers all of the window.
    Window,
}

/// A pass with its version, where it is registered, and what it still promises.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnPass<'a> {
    /// Where it is registered.
    pub complex: &'a ComplexId,
    /// Version of the entity.
    pub version: u64,
    /// It.
    pub pass: &'a GuestPass,
    /// Uses left, where it is limited.
    pub uses_left: Option<u32>,
    /// False: it was revoked, or has ended, or its grant was revoked or has ended.
    pub active: bool,
}

/// The grant of `subject` that a pass for `devices` of `complex`, at `window`, lies inside of:
/// the devices are covered, and whenever the pass holds from `now` on, so does the grant.
///
/// # Errors
/// There is none.
pub fn host(
    registry: &Registry,
    complex: &ComplexId,
    subject: SubjectRef,
    devices: &[DeviceId],
    window: &Window,
    now: Timestamp,
) -> Result<GrantId, Outside> {
    let resident = registry.resident(complex, &subject);
    if !resident.is_some_and(|(_, resident)| resident.active) {
        return Err(Outside::NoGrant);
    }
    let covering = |grant: &Grant| {
        let over = grant.window.not_after.is_some_and(|end| end <= now);
        let lets_in = matches!(grant.role, GrantRole::Owner | GrantRole::Household);
        lets_in
            && !grant.revoked
            && !over
            && devices.iter().all(|id| {
                let device = registry.device(id);
                device.is_some_and(|device| registry.covers(grant, device))
            })
    };
    let mut refused = Outside::NoGrant;
    for (_, grant) in registry.grants_of(complex, subject) {
        if covering(grant) {
            if window.is_within(&grant.window, now) {
                return Ok(grant.id);
            }
            refused = Outside::Window;
        }
    }
    Err(refused)
}

/// Every pass inside the grants of `subject`, in all complexes.
pub fn own_passes(
    registry: &Registry,
    subject: SubjectRef,
    now: Timestamp,
) -> impl Iterator<Item = OwnPass<'_>> {
    let complexes = registry.complexes_of(subject).iter();
    complexes.flat_map(move |complex| {
        let grants = registry.grants_of(complex, subject);
        grants.flat_map(move |(_, grant)| {
            let passes = registry.passes_of(complex, grant.id);
            passes.map(move |(version, pass)| OwnPass {
                complex,
                version,
                pass,
                uses_left: registry.uses_left(complex, pass),
                active: is_active(registry, complex, pass, now),
            })
        })
    })
}

/// One of them.
pub fn own_pass(
    registry: &Registry,
    subject: SubjectRef,
    id: PassId,
    now: Timestamp,
) -> Option<OwnPass<'_>> {
    registry.complexes_of(subject).iter().find_map(|complex| {
        let (version, pass) = registry.pass(complex, &id)?;
        let (_, grant) = registry.grant(complex, &pass.grant)?;
        (grant.subject == subject).then(|| OwnPass {
            complex,
            version,
            pass,
            uses_left: registry.uses_left(complex, pass),
            active: is_active(registry, complex, pass, now),
        })
    })
}

/// Whether a pass may still come to hold, its uses aside: neither it nor its grant is revoked or
/// has ended, and its host still lives there.
pub fn is_active(
    registry: &Registry,
    complex: &ComplexId,
    pass: &GuestPass,
    now: Timestamp,
) -> bool {
    let ended = |window: &Window| window.not_after.is_some_and(|end| end <= now);
    let Some((_, grant)) = registry.grant(complex, &pass.grant) else {
        return false;
    };
    let host = registry.resident(complex, &grant.subject);
    !pass.revoked
        && !grant.revoked
        && host.is_some_and(|(_, resident)| resident.active)
        && !ended(&pass.window)
        && !ended(&grant.window)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use jiff::SignedDuration;
    use uuid::Uuid;

    use super::*;
    use crate::id::ChangeSetId;
    use crate::registry::{Change, ChangeSet, Device, Entity, Resident};
    use crate::vocabulary::{DeviceKind, Operation};

    const OWNER: SubjectRef = SubjectRef(Uuid::from_u128(1));
    const GRANT: GrantId = GrantId(Uuid::from_u128(2));

    fn now() -> Timestamp {
        "2026-11-24T12:00:00Z".parse().unwrap()
    }

    fn complex() -> ComplexId {
        "sunrise".parse().unwrap()
    }

    fn device(name: &str) -> DeviceId {
        name.parse().unwrap()
    }

    fn put(registry: &mut Registry, set: u128, version: u64, entities: Vec<Entity>) {
        let changes = entities.into_iter().map(|entity| Change {
            expected_version: version,
            entity,
        });
        let set = ChangeSet {
            id: ChangeSetId(Uuid::from_u128(set)),
            note: String::new(),
            changes: changes.collect(),
        };
        registry.fold(&complex(), set).unwrap();
    }

    /// Given: an owner with one grant for the gate; there is a door too.
    fn given(change: impl Fn(&mut Grant)) -> Registry {
        let mut grant = Grant {
            id: GRANT,
            subject: OWNER,
            role: GrantRole::Owner,
            devices: vec![device("sunrise.gate")],
            buildings: Box::default(),
            entrances: Box::default(),
            window: Window::default(),
            revoked: false,
        };
        change(&mut grant);
        let new = |name: &str| {
            Entity::Device(Device {
                id: device(name),
                name: name.to_owned(),
                kind: DeviceKind::Gate,
                operations: vec![Operation::OpenBarrier],
                partner: "partner-a".parse().unwrap(),
                enabled: true,
                cooldown_ms: 0,
                step_up: None,
                place: None,
            })
        };
        let resident = Entity::Resident(Resident {
            subject: OWNER,
            active: true,
        });
        let mut registry = Registry::default();
        let entities = vec![
            new("sunrise.gate"),
            new("sunrise.door"),
            resident,
            Entity::Grant(grant),
        ];
        put(&mut registry, 1, 0, entities);
        registry
    }

    fn asked(registry: &Registry, devices: &[&str], window: &Window) -> Result<GrantId, Outside> {
        let devices: Vec<_> = devices.iter().map(|name| device(name)).collect();
        host(registry, &complex(), OWNER, &devices, window, now())
    }

    #[test]
    fn a_pass_reaches_no_device_that_its_maker_does_not() {
        let always = Window::default();
        let registry = given(|_| {});
        assert_eq!(asked(&registry, &["sunrise.gate"], &always), Ok(GRANT));
        for devices in [
            vec!["sunrise.door"],
            vec!["sunrise.gate", "sunrise.door"],
            vec!["moonlight.gate"],
        ] {
            let refused = asked(&registry, &devices, &always);
            assert_eq!(refused, Err(Outside::NoGrant), "{devices:?}");
        }
        let everywhere = given(|grant| grant.devices.clear());
        let both = ["sunrise.gate", "sunrise.door"];
        assert_eq!(asked(&everywhere, &both, &always), Ok(GRANT));
        let unknown = asked(&everywhere, &["sunrise.no-such-door"], &always);
        assert_eq!(unknown, Err(Outside::NoGrant));
        let nobody = SubjectRef(Uuid::from_u128(9));
        let gate = [device("sunrise.gate")];
        let refused = host(&registry, &complex(), nobody, &gate, &always, now());
        assert_eq!(refused, Err(Outside::NoGrant));
    }

    #[test]
    fn who_has_no_such_right_any_more_makes_no_pass() {
        let changes: [fn(&mut Grant); 3] = [
            |grant| grant.revoked = true,
            |grant| grant.window.not_after = Some(now()),
            |grant| grant.role = GrantRole::Staff,
        ];
        for change in changes {
            let refused = asked(&given(change), &["sunrise.gate"], &Window::default());
            assert_eq!(refused, Err(Outside::NoGrant));
        }
        let mut moved = given(|_| {});
        let gone = Resident {
            subject: OWNER,
            active: false,
        };
        put(&mut moved, 2, 1, vec![Entity::Resident(gone)]);
        let refused = asked(&moved, &["sunrise.gate"], &Window::default());
        assert_eq!(refused, Err(Outside::NoGrant));
    }

    #[test]
    fn a_pass_holds_at_no_time_at_which_its_grant_does_not() {
        let end = now() + SignedDuration::from_hours(48);
        let registry = given(|grant| {
            grant.window.not_after = Some(end);
            grant.window.minutes = (8 * 60, 20 * 60);
        });
        let mut window = Window {
            not_after: Some(end),
            minutes: (9 * 60, 18 * 60),
            weekdays: 1 << 3,
            ..Window::default()
        };
        let gate = ["sunrise.gate"];
        assert_eq!(asked(&registry, &gate, &window), Ok(GRANT));
        window.minutes = (9 * 60, 20 * 60 + 1);
        assert_eq!(asked(&registry, &gate, &window), Err(Outside::Window));
        window.minutes = (0, 0);
        assert_eq!(asked(&registry, &gate, &window), Err(Outside::Window));
        window.minutes = (9 * 60, 18 * 60);
        window.not_after = None;
        assert_eq!(asked(&registry, &gate, &window), Err(Outside::Window));
    }

    #[test]
    fn passes_are_listed_by_their_hosts() {
        let mut registry = given(|_| {});
        let pass = |id, not_after| GuestPass {
            id: PassId(Uuid::from_u128(id)),
            secret_hash: [u8::try_from(id).unwrap(); 32],
            grant: GRANT,
            devices: vec![device("sunrise.gate")],
            window: Window {
                not_after,
                ..Window::default()
            },
            revoked: false,
            max_uses: 3,
        };
        let (lasting, over) = (pass(10, None), pass(11, Some(now())));
        let entities = [lasting.clone(), over].map(Entity::GuestPass);
        put(&mut registry, 2, 0, entities.to_vec());
        let seen: Vec<_> = own_passes(&registry, OWNER, now())
            .map(|own| (own.pass.id, own.version, own.uses_left, own.active))
            .collect();
        let id = |id| PassId(Uuid::from_u128(id));
        assert_eq!(
            seen,
            [(id(10), 1, Some(3), true), (id(11), 1, Some(3), false)]
        );
        let stranger = SubjectRef(Uuid::from_u128(9));
        assert_eq!(own_passes(&registry, stranger, now()).count(), 0);
        assert!(own_pass(&registry, stranger, id(10), now()).is_none());
        let revoked = GuestPass {
            revoked: true,
            ..lasting
        };
        put(&mut registry, 3, 1, vec![Entity::GuestPass(revoked)]);
        let own = own_pass(&registry, OWNER, id(10), now()).unwrap();
        assert_eq!((own.version, own.active), (2, false));
    }
}
