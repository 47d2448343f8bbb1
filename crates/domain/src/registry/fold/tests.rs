#![allow(clippy::unwrap_used)]
use super::super::{Complex, Grant, GuestPass};
use super::*;
use crate::id::{ChangeSetId, GrantId, PassId, SubjectRef};
use crate::vocabulary::GrantRole;
use crate::window::Window;
use uuid::Uuid;

fn sunrise() -> ComplexId {
    "sunrise".parse().unwrap()
}

fn set(id: u128, changes: Vec<Change>) -> ChangeSet {
    ChangeSet {
        id: ChangeSetId(Uuid::from_u128(id)),
        note: String::new(),
        changes,
    }
}

fn complex(expected_version: u64, name: &str) -> Change {
    Change {
        expected_version,
        entity: Entity::Complex(Complex {
            id: sunrise(),
            name: name.to_owned(),
            time_zone: "Europe/Moscow".to_owned(),
            face_basis: None,
        }),
    }
}

fn grant(device: &str) -> Change {
    Change {
        expected_version: 0,
        entity: Entity::Grant(Grant {
            id: GrantId(Uuid::from_u128(1)),
            subject: SubjectRef(Uuid::from_u128(2)),
            role: GrantRole::Owner,
            devices: vec![device.parse().unwrap()],
            buildings: Box::default(),
            entrances: Box::default(),
            window: Window::default(),
            revoked: false,
        }),
    }
}

#[test]
fn first_in_log_order_wins_the_other_is_refused_whole() {
    let mut registry = Registry::default();
    assert!(
        registry
            .fold(&sunrise(), set(1, vec![complex(0, "A")]))
            .is_ok()
    );
    assert!(
        registry
            .fold(&sunrise(), set(2, vec![complex(1, "B")]))
            .is_ok()
    );
    let late = set(3, vec![grant("sunrise.door"), complex(1, "C")]);
    let refused = registry.fold(&sunrise(), late).unwrap_err();
    assert_eq!(
        refused,
        Refused::Conflict {
            change: 1,
            expected: 1,
            found: 2
        }
    );
    assert_eq!(registry.complex(&sunrise()).unwrap().name, "B");
    assert!(
        registry
            .grant(&sunrise(), &GrantId(Uuid::from_u128(1)))
            .is_none()
    );
}

#[test]
fn the_same_change_set_again_changes_nothing() {
    let mut registry = Registry::default();
    let first = registry.fold(&sunrise(), set(1, vec![complex(0, "A")]));
    let again = registry.fold(&sunrise(), set(1, vec![complex(0, "A")]));
    assert_eq!(first, again);
    assert_eq!(registry.entities(&sunrise()).count(), 1);
}

#[test]
fn nothing_reaches_outside_its_complex() {
    let mut registry = Registry::default();
    let refused = registry.fold(&sunrise(), set(1, vec![grant("moonlight.door")]));
    assert!(matches!(refused, Err(Refused::Invalid { .. })));
    let refused = registry.fold(
        &ComplexId::unassigned(),
        set(1, vec![grant("unassigned.door")]),
    );
    assert!(matches!(refused, Err(Refused::Invalid { .. })));
}

fn pass(id: u128, secret_hash: [u8; 32]) -> Change {
    Change {
        expected_version: 0,
        entity: Entity::GuestPass(GuestPass {
            id: PassId(Uuid::from_u128(id)),
            secret_hash,
            grant: GrantId(Uuid::from_u128(1)),
            devices: vec!["sunrise.door".parse().unwrap()],
            window: Window::default(),
            revoked: false,
            max_uses: 0,
        }),
    }
}

#[test]
fn no_two_passes_share_a_secret() {
    let mut registry = Registry::default();
    let shared = |change| {
        let why = "another pass has this secret";
        Err(Refused::Invalid { change, why })
    };
    let both = set(1, vec![pass(1, [1; 32]), pass(2, [1; 32])]);
    assert_eq!(registry.fold(&sunrise(), both), shared(1));
    let apart = set(2, vec![pass(1, [1; 32]), pass(2, [2; 32])]);
    assert!(registry.fold(&sunrise(), apart).is_ok());
    let late = set(3, vec![pass(3, [2; 32])]);
    assert_eq!(registry.fold(&sunrise(), late), shared(0));
}
