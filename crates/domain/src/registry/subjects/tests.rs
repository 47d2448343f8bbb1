#![allow(clippy::unwrap_used)]
use uuid::Uuid;

use super::super::{ChangeSet, Credential, Grant, GuestPass, Resident};
use super::*;
use crate::id::{ChangeSetId, CredentialId, GrantId};
use crate::vocabulary::{CredentialKind, GrantRole, Resolution};
use crate::window::Window;

const ANNA: SubjectRef = SubjectRef(Uuid::from_u128(1));
const BORIS: SubjectRef = SubjectRef(Uuid::from_u128(2));
const PLATE: CredentialId = CredentialId(Uuid::from_u128(50));
const GUESTS_PLATE: CredentialId = CredentialId(Uuid::from_u128(51));

fn id(complex: &str) -> ComplexId {
    complex.parse().unwrap()
}

fn resident(subject: SubjectRef) -> Entity {
    Entity::Resident(Resident {
        subject,
        active: true,
    })
}

fn grant(number: u128, subject: SubjectRef) -> Entity {
    Entity::Grant(Grant {
        id: GrantId(Uuid::from_u128(number)),
        subject,
        role: GrantRole::Owner,
        devices: Vec::new(),
        buildings: Box::default(),
        entrances: Box::default(),
        window: Window::default(),
        revoked: false,
    })
}

fn credential(id: CredentialId, holder: Holder) -> Entity {
    Entity::Credential(Credential {
        id,
        kind: CredentialKind::Plate,
        holder,
        devices: vec!["sunrise.gate".parse().unwrap()],
        window: Window::default(),
        revoked: false,
        key_version: 1,
        basis: None,
    })
}

fn put(registry: &mut Registry, complex: &str, changes: Vec<Change>) {
    let set = ChangeSet {
        id: ChangeSetId(Uuid::new_v4()),
        note: String::new(),
        changes,
    };
    registry.fold(&id(complex), set).unwrap();
}

fn new(entities: Vec<Entity>) -> Vec<Change> {
    let fresh = |entity| Change {
        expected_version: 0,
        entity,
    };
    entities.into_iter().map(fresh).collect()
}

/// Anna with a guest lives in sunrise, where Boris lives too, and in moonlight.
fn world() -> Registry {
    let mut registry = Registry::default();
    let pass = PassId(Uuid::from_u128(40));
    let pass_entity = Entity::GuestPass(GuestPass {
        id: pass,
        secret_hash: [4; 32],
        grant: GrantId(Uuid::from_u128(30)),
        devices: vec!["sunrise.gate".parse().unwrap()],
        window: Window::default(),
        revoked: false,
        max_uses: 0,
    });
    let sunrise = vec![
        resident(ANNA),
        resident(BORIS),
        grant(30, ANNA),
        grant(31, BORIS),
        pass_entity,
        credential(PLATE, Holder::Subject(ANNA)),
        credential(GUESTS_PLATE, Holder::Pass(pass)),
    ];
    put(&mut registry, "sunrise", new(sunrise));
    put(&mut registry, "moonlight", new(vec![grant(32, ANNA)]));
    registry
}

fn erase(registry: &mut Registry, complex: &str, identity: bool) -> bool {
    let changes = registry.withdrawal(&id(complex), ANNA);
    put(registry, complex, changes);
    let erased = SubjectErased {
        subject: ANNA,
        identity,
    };
    registry.fold_erased(&id(complex), &erased)
}

fn hold(registry: &mut Registry, held: bool) {
    let changed = LegalHoldChanged {
        subject: ANNA,
        held,
        reason: "a court's order".to_owned(),
    };
    registry.fold_hold(&id("sunrise"), &changed, Timestamp::UNIX_EPOCH);
}

#[test]
fn all_rights_of_one_person_are_withdrawn_and_nobody_elses() {
    let mut registry = world();
    let about = registry.about(&id("sunrise"), ANNA).len();
    assert_eq!(about, 5, "resident, grant, pass, two credentials");
    let changes = registry.withdrawal(&id("sunrise"), ANNA);
    assert_eq!(changes.len(), 5);
    put(&mut registry, "sunrise", changes);
    assert!(registry.withdrawal(&id("sunrise"), ANNA).is_empty());
    assert_eq!(registry.withdrawal(&id("sunrise"), BORIS).len(), 2);
    assert_eq!(registry.withdrawal(&id("moonlight"), ANNA).len(), 1);
}

#[test]
fn an_identity_goes_only_when_no_complex_knows_the_person() {
    let mut registry = world();
    let both = vec![id("moonlight"), id("sunrise")];
    assert_eq!(registry.complexes_knowing(ANNA), both);
    assert!(erase(&mut registry, "sunrise", true), "said too early");
    assert!(!registry.is_identity_erased(ANNA));
    assert_eq!(registry.complexes_knowing(ANNA), vec![id("moonlight")]);
    assert!(erase(&mut registry, "moonlight", true));
    assert!(registry.is_identity_erased(ANNA));
    assert!(!registry.is_identity_erased(BORIS));
    // Whoever comes back is known again.
    put(&mut registry, "sunrise", new(vec![grant(33, ANNA)]));
    assert!(!registry.is_identity_erased(ANNA));
    assert!(!registry.is_erased(&id("sunrise"), ANNA));
}

#[test]
fn an_erasure_behind_a_hold_is_void() {
    let mut registry = world();
    hold(&mut registry, true);
    assert_eq!(
        registry.hold(&id("sunrise"), ANNA).unwrap().reason,
        "a court's order"
    );
    assert_eq!(registry.hold(&id("moonlight"), ANNA), None);
    assert!(!erase(&mut registry, "sunrise", false));
    assert!(!registry.is_erased(&id("sunrise"), ANNA));
    hold(&mut registry, false);
    assert!(!registry.is_erased(&id("sunrise"), ANNA), "and stays so");
    assert!(erase(&mut registry, "sunrise", false));
    assert!(registry.is_erased(&id("sunrise"), ANNA));
}

#[test]
fn a_credential_of_somebody_erased_says_so() {
    let mut registry = world();
    for plate in [PLATE, GUESTS_PLATE] {
        let (resolution, _) = registry.resolve(&id("sunrise"), Some(plate), Timestamp::UNIX_EPOCH);
        assert_eq!(resolution, Resolution::Resolved);
    }
    erase(&mut registry, "sunrise", false);
    for plate in [PLATE, GUESTS_PLATE] {
        let (resolution, holder) =
            registry.resolve(&id("sunrise"), Some(plate), Timestamp::UNIX_EPOCH);
        assert_eq!(resolution, Resolution::Erased);
        assert!(holder.is_some());
    }
}
