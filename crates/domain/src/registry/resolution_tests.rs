#![allow(clippy::unwrap_used)]
use jiff::SignedDuration;
use uuid::Uuid;

use super::super::{Change, ChangeSet, Credential, Entity};
use super::*;
use crate::event::SubjectErased;
use crate::id::{ChangeSetId, SubjectRef};
use crate::vocabulary::CredentialKind;
use crate::window::Window;

const ANNA: SubjectRef = SubjectRef(Uuid::from_u128(1));
const PLATE: CredentialId = CredentialId(Uuid::from_u128(50));

fn sunrise() -> ComplexId {
    "sunrise".parse().unwrap()
}

fn at(minute: i64) -> Timestamp {
    let noon: Timestamp = "2026-11-24T12:00:00Z".parse().unwrap();
    noon + SignedDuration::from_mins(minute)
}

fn put(registry: &mut Registry, expected_version: u64, revoked: bool, when: Timestamp) {
    let credential = Credential {
        id: PLATE,
        kind: CredentialKind::Plate,
        holder: Holder::Subject(ANNA),
        devices: vec!["sunrise.gate".parse().unwrap()],
        window: Window::default(),
        revoked,
        key_version: 1,
        basis: None,
    };
    let set = ChangeSet {
        id: ChangeSetId(Uuid::new_v4()),
        note: String::new(),
        changes: vec![Change {
            expected_version,
            entity: Entity::Credential(credential),
        }],
    };
    registry.fold_at(&sunrise(), set, when).unwrap();
}

/// Registered at minute 10, changed at 20, withdrawn at 30.
fn registry() -> Registry {
    let mut registry = Registry::default();
    put(&mut registry, 0, false, at(10));
    put(&mut registry, 1, false, at(20));
    put(&mut registry, 2, true, at(30));
    registry
}

fn erased() -> Registry {
    let mut registry = registry();
    let erased = SubjectErased {
        subject: ANNA,
        identity: true,
    };
    assert!(registry.fold_erased(&sunrise(), &erased));
    registry
}

/// The same, by way of its parts.
fn restored(registry: &Registry) -> Registry {
    let mut again = Registry::default();
    for (complex, part) in registry.parts() {
        again.restore(complex, part);
    }
    again
}

#[test]
fn it_is_judged_by_what_was_registered_when_it_matched() {
    let unknown = CredentialId(Uuid::from_u128(51));
    let cases = [
        (
            "long before",
            registry(),
            Some(PLATE),
            0,
            Resolution::NotIdentified,
        ),
        (
            "a slow clock",
            registry(),
            Some(PLATE),
            9,
            Resolution::Resolved,
        ),
        (
            "registered",
            registry(),
            Some(PLATE),
            10,
            Resolution::Resolved,
        ),
        ("changed", registry(), Some(PLATE), 25, Resolution::Resolved),
        (
            "withdrawn",
            registry(),
            Some(PLATE),
            99,
            Resolution::Resolved,
        ),
        (
            "erased since",
            erased(),
            Some(PLATE),
            15,
            Resolution::Erased,
        ),
        ("erased", erased(), Some(PLATE), 99, Resolution::Erased),
        (
            "before, erased",
            erased(),
            Some(PLATE),
            0,
            Resolution::NotIdentified,
        ),
        (
            "nobody's",
            registry(),
            Some(unknown),
            15,
            Resolution::NotIdentified,
        ),
        (
            "none named",
            registry(),
            None,
            15,
            Resolution::NotIdentified,
        ),
    ];
    for (case, registry, credential, minute, expected) in cases {
        for registry in [restored(&registry), registry] {
            let (resolution, holder) = registry.resolve(&sunrise(), credential, at(minute));
            assert_eq!(resolution, expected, "{case}");
            let named = expected != Resolution::NotIdentified;
            assert_eq!(holder, named.then_some(Holder::Subject(ANNA)), "{case}");
        }
    }
    let earlier = at(9) - SignedDuration::from_millis(1);
    let (resolution, _) = registry().resolve(&sunrise(), Some(PLATE), earlier);
    assert_eq!(resolution, Resolution::NotIdentified, "beyond the leeway");
}

#[test]
fn when_it_was_registered_is_kept_in_parts() {
    let registry = registry();
    assert!(restored(&registry) == registry);
    let standings = registry.standings();
    assert_eq!(standings.registered_at(&sunrise(), PLATE), Some(at(10)));
    assert_eq!(standings.changed_at(&sunrise(), PLATE), Some(at(30)));
}
