//! What should be held, as the registry changes.

use jiff::SignedDuration;

use super::*;
use crate::id::{ChangeSetId, GrantId, PassId, SubjectRef};
use crate::registry::{
    Change, ChangeSet, Credential, Device, Entity, Grant, GuestPass, Holder, Partner, Perimeter,
    Registry, Resident,
};
use crate::vocabulary::{DeviceKind, GrantRole};

/// A registry that is changed entity by entity.
struct World {
    registry: Registry,
    sets: u128,
}

impl World {
    /// Two partners, of whom `gatekeeper` has a perimeter; a resident with a grant and a pass; a
    /// credential of each.
    fn new() -> Self {
        let mut world = Self {
            registry: Registry::default(),
            sets: 0,
        };
        for name in ["gatekeeper", "other"] {
            world.put_in(&ComplexId::global(), 0, trusted(name, false));
        }
        world.put(0, perimeter("gatekeeper", false));
        world.put(0, device("sunrise.gate", "gatekeeper", true));
        world.put(0, device("sunrise.door", "gatekeeper", true));
        world.put(0, resident(true));
        world.put(0, Entity::Grant(grant()));
        world.put(0, Entity::GuestPass(pass()));
        world.put(
            0,
            Entity::Credential(credential(1, Holder::Subject(subject()))),
        );
        world.put(
            0,
            Entity::Credential(credential(2, Holder::Pass(pass().id))),
        );
        world
    }

    fn put(&mut self, version: u64, entity: Entity) {
        self.put_in(&sunrise(), version, entity);
    }

    fn put_in(&mut self, complex: &ComplexId, expected_version: u64, entity: Entity) {
        self.sets += 1;
        let set = ChangeSet {
            id: ChangeSetId(Uuid::from_u128(self.sets)),
            note: String::new(),
            changes: vec![Change {
                expected_version,
                entity,
            }],
        };
        self.registry.fold(complex, set).unwrap();
    }

    fn wanted(&self, of: &str) -> Vec<CredentialId> {
        let desired = self.desired(of);
        desired.credentials.keys().copied().collect()
    }

    fn desired(&self, of: &str) -> Desired {
        desired(&self.registry, &sunrise(), &partner(of), now())
    }

    fn why_not(&self, of: &str, credential: u128) -> NotHeld {
        verdict(
            &self.registry,
            &sunrise(),
            &partner(of),
            id(credential),
            now(),
        )
        .unwrap_err()
    }
}

fn trusted(name: &str, suspended: bool) -> Entity {
    Entity::Partner(Partner {
        id: partner(name),
        name: String::new(),
        suspended,
        webhook_san: String::new(),
        attestation_key: vec![0; 32],
    })
}

fn perimeter(of: &str, closed: bool) -> Entity {
    Entity::Perimeter(Perimeter {
        partner: partner(of),
        complex: sunrise(),
        operations: Vec::new(),
        credentials: true,
        not_before: None,
        not_after: None,
        closed,
    })
}

fn device(id: &str, of: &str, enabled: bool) -> Entity {
    Entity::Device(Device {
        id: id.parse().unwrap(),
        name: String::new(),
        kind: DeviceKind::Barrier,
        operations: Vec::new(),
        partner: partner(of),
        enabled,
        cooldown_ms: 0,
        step_up: None,
        place: None,
    })
}

fn subject() -> SubjectRef {
    SubjectRef(Uuid::from_u128(7))
}

fn resident(active: bool) -> Entity {
    Entity::Resident(Resident {
        subject: subject(),
        active,
    })
}

fn grant() -> Grant {
    Grant {
        id: GrantId(Uuid::from_u128(8)),
        subject: subject(),
        role: GrantRole::Owner,
        devices: Vec::new(),
        buildings: Box::default(),
        entrances: Box::default(),
        window: Window::default(),
        revoked: false,
    }
}

fn pass() -> GuestPass {
    GuestPass {
        id: PassId(Uuid::from_u128(9)),
        secret_hash: [0; 32],
        grant: grant().id,
        devices: vec!["sunrise.gate".parse().unwrap()],
        window: Window::default(),
        revoked: false,
        max_uses: 0,
    }
}

fn credential(number: u128, holder: Holder) -> Credential {
    Credential {
        id: id(number),
        kind: CredentialKind::Plate,
        holder,
        devices: vec!["sunrise.gate".parse().unwrap()],
        window: Window::default(),
        revoked: false,
        key_version: 1,
        basis: None,
    }
}

#[test]
fn a_partner_holds_what_it_runs_for_residents_and_guests() {
    let world = World::new();
    assert_eq!(world.wanted("gatekeeper"), [id(1), id(2)]);
    assert!(world.desired("gatekeeper").may_hold);
    assert_eq!(world.desired("other"), Desired::default());
    assert_eq!(world.why_not("gatekeeper", 3), NotHeld::NotRegistered);
}

#[test]
fn a_revoked_credential_is_not_held() {
    let mut world = World::new();
    let revoked = Credential {
        revoked: true,
        ..credential(1, Holder::Subject(subject()))
    };
    world.put(1, Entity::Credential(revoked));
    assert_eq!(world.wanted("gatekeeper"), [id(2)]);
    assert_eq!(world.why_not("gatekeeper", 1), NotHeld::Revoked);
}

#[test]
fn whoever_moves_out_takes_the_guests_along() {
    let mut world = World::new();
    world.put(1, resident(false));
    assert!(world.wanted("gatekeeper").is_empty());
    assert_eq!(world.why_not("gatekeeper", 2), NotHeld::HolderGone);
}

#[test]
fn a_guests_credential_ends_with_the_pass_or_its_grant() {
    let mut world = World::new();
    let revoked = GuestPass {
        revoked: true,
        ..pass()
    };
    world.put(1, Entity::GuestPass(revoked));
    assert_eq!(world.wanted("gatekeeper"), [id(1)]);
    let mut world = World::new();
    let revoked = Grant {
        revoked: true,
        ..grant()
    };
    world.put(1, Entity::Grant(revoked));
    assert_eq!(world.wanted("gatekeeper"), [id(1)]);
}

#[test]
fn a_guests_credential_is_never_wider_than_the_pass() {
    let mut world = World::new();
    let (soon, later) = (
        now() + SignedDuration::from_hours(1),
        now() + SignedDuration::from_hours(2),
    );
    let bounded = |until| Window {
        not_after: Some(until),
        ..Window::default()
    };
    world.put(
        1,
        Entity::GuestPass(GuestPass {
            window: bounded(later),
            ..pass()
        }),
    );
    world.put(
        1,
        Entity::Grant(Grant {
            window: bounded(soon),
            ..grant()
        }),
    );
    let desired = world.desired("gatekeeper");
    assert_eq!(desired.credentials[&id(2)].window, bounded(soon));
    assert_eq!(desired.until, Some(soon), "time alone ends it");
    let evenings = Window {
        minutes: (1080, 1200),
        ..Window::default()
    };
    world.put(
        2,
        Entity::GuestPass(GuestPass {
            window: evenings.clone(),
            ..pass()
        }),
    );
    let wanted = world.desired("gatekeeper").credentials;
    assert_eq!(wanted[&id(2)].window.minutes, (1080, 1200));
    let mornings = Window {
        minutes: (360, 480),
        ..Window::default()
    };
    let wider = Credential {
        window: mornings,
        ..credential(2, Holder::Pass(pass().id))
    };
    world.put(1, Entity::Credential(wider));
    assert_eq!(world.why_not("gatekeeper", 2), NotHeld::WiderThanPass);
}

#[test]
fn time_ends_what_nobody_revokes() {
    let mut world = World::new();
    let over = Credential {
        window: Window {
            not_after: Some(now()),
            ..Window::default()
        },
        ..credential(1, Holder::Subject(subject()))
    };
    world.put(1, Entity::Credential(over));
    assert_eq!(world.why_not("gatekeeper", 1), NotHeld::Over);
}

#[test]
fn a_device_that_changes_hands_takes_its_credentials_along() {
    let mut world = World::new();
    world.put(1, device("sunrise.gate", "other", true));
    assert!(world.wanted("gatekeeper").is_empty());
    assert_eq!(world.why_not("gatekeeper", 1), NotHeld::NoDevices);
    assert!(world.wanted("other").is_empty(), "it has no perimeter yet");
    world.put(0, perimeter("other", false));
    assert_eq!(world.wanted("other"), [id(1), id(2)]);
    world.put(2, device("sunrise.gate", "other", false));
    assert!(world.wanted("other").is_empty(), "switched off");
}

#[test]
fn closed_or_suspended_nothing_is_held() {
    let mut world = World::new();
    world.put(1, perimeter("gatekeeper", true));
    assert_eq!(world.desired("gatekeeper"), Desired::default());
    let mut world = World::new();
    world.put_in(&ComplexId::global(), 1, trusted("gatekeeper", true));
    assert_eq!(world.desired("gatekeeper"), Desired::default());
    assert_eq!(world.why_not("gatekeeper", 1), NotHeld::Suspended);
}
