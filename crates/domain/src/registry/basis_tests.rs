#![allow(clippy::unwrap_used)]
use uuid::Uuid;

use super::*;
use crate::id::{ChangeSetId, CredentialId, GrantId, PassId, SubjectRef};
use crate::registry::{Change, ChangeSet, Entity, Grant, GuestPass, Resident};
use crate::vocabulary::GrantRole;
use crate::window::Window;

const SUBJECT: SubjectRef = SubjectRef(Uuid::from_u128(1));
const GRANT: GrantId = GrantId(Uuid::from_u128(2));
const PASS: PassId = PassId(Uuid::from_u128(3));

fn now() -> Timestamp {
    "2026-11-24T12:00:00Z".parse().unwrap()
}

fn sunrise() -> ComplexId {
    "sunrise".parse().unwrap()
}

fn consent() -> Option<LegalBasis> {
    Some(LegalBasis {
        kind: LegalBasisKind::ConsentInWriting,
        document_date: "2026-01-12".parse().unwrap(),
    })
}

fn complex(face_basis: Option<LegalBasis>) -> Complex {
    Complex {
        id: sunrise(),
        name: "Sunrise".to_owned(),
        time_zone: "Europe/Moscow".to_owned(),
        face_basis,
    }
}

fn credential(kind: CredentialKind, holder: Holder) -> Credential {
    Credential {
        id: CredentialId(Uuid::from_u128(9)),
        kind,
        holder,
        devices: vec!["sunrise.gate".parse().unwrap()],
        window: Window::default(),
        revoked: false,
        key_version: 1,
        basis: consent(),
    }
}

fn registry(entities: Vec<Entity>) -> Registry {
    let mut registry = Registry::default();
    let changes = entities.into_iter().map(|entity| Change {
        expected_version: 0,
        entity,
    });
    let set = ChangeSet {
        id: ChangeSetId(Uuid::from_u128(1)),
        note: String::new(),
        changes: changes.collect(),
    };
    registry.fold(&sunrise(), set).unwrap();
    registry
}

#[test]
fn a_face_takes_two_grounds_and_a_plate_none() {
    for (of_complex, of_person, permitted) in [
        (consent(), consent(), true),
        (None, consent(), false),
        (consent(), None, false),
        (None, None, false),
    ] {
        let complex = complex(of_complex);
        let face = Credential {
            basis: of_person,
            ..credential(CredentialKind::Face, Holder::Subject(SUBJECT))
        };
        assert_eq!(face.permitted(&complex), permitted);
        let plate = Credential {
            kind: CredentialKind::Plate,
            ..face.clone()
        };
        assert!(plate.permitted(&complex));
        for withdrawn in [face, plate] {
            let withdrawn = Credential {
                revoked: true,
                ..withdrawn
            };
            assert!(!withdrawn.permitted(&complex));
        }
    }
}

#[test]
fn a_partner_holds_nothing_of_whoever_is_gone() {
    let held = |active: bool, revoked: bool, holder: Holder| {
        let credential = credential(CredentialKind::Plate, holder);
        let registry = registry(vec![
            Entity::Complex(complex(None)),
            Entity::Resident(Resident {
                subject: SUBJECT,
                active,
            }),
            Entity::Grant(Grant {
                id: GRANT,
                subject: SUBJECT,
                role: GrantRole::Owner,
                devices: Vec::new(),
                buildings: Box::default(),
                entrances: Box::default(),
                window: Window::default(),
                revoked: false,
            }),
            Entity::GuestPass(GuestPass {
                id: PASS,
                secret_hash: [7; 32],
                grant: GRANT,
                devices: vec!["sunrise.gate".parse().unwrap()],
                window: Window::default(),
                revoked,
                max_uses: 0,
            }),
            Entity::Credential(credential.clone()),
        ]);
        let all: Vec<_> = registry.every_credential().collect();
        assert_eq!(all, [(&sunrise(), &credential)]);
        registry.may_hold(&sunrise(), &credential, now())
    };
    let (resident, pass) = (Holder::Subject(SUBJECT), Holder::Pass(PASS));
    assert!(held(true, false, resident) && held(true, false, pass));
    assert!(held(true, true, resident) && !held(true, true, pass));
    assert!(!held(false, false, resident) && !held(false, false, pass));
    let nobody = Holder::Pass(PassId(Uuid::from_u128(4)));
    assert!(!held(true, false, nobody));
}
