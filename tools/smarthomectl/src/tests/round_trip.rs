//! What is printed is read back as the same.

use domain::registry::{
    Building, Complex, Credential, Device, Entity, Entrance, Grant, GuestPass, Holder, LegalBasis,
    MAX_USES, Partner, Perimeter, Place, Resident, StepUp,
};
use domain::vocabulary::{CredentialKind, DeviceKind, GrantRole, LegalBasisKind, Operation};
use domain::window::Window;
use domain::{BuildingId, ComplexId, CredentialId, GrantId, PassId, SubjectRef};
use uuid::Uuid;

use super::{example, good};
use crate::cli::Format;
use crate::get;

fn id(number: u128) -> Uuid {
    Uuid::from_u128(number << 64 | 0x8000)
}

fn window() -> Window {
    Window {
        not_before: Some("2026-11-24T12:00:00.5Z".parse().unwrap()),
        not_after: Some("2027-11-24T12:00:00Z".parse().unwrap()),
        weekdays: 0b1010_1010,
        minutes: (22 * 60 + 5, 24 * 60),
    }
}

/// Two of every kind but the complex: one with all that it can have, one with as little as may be.
fn entities() -> Vec<Entity> {
    let device = |name: &str, step_up, place| Device {
        id: format!("sunrise.{name}").parse().unwrap(),
        // Words and numbers that YAML has other ideas of.
        name: name.to_owned(),
        kind: DeviceKind::Gate,
        operations: Operation::ALL.to_vec(),
        partner: "gatekeeper".parse().unwrap(),
        enabled: true,
        cooldown_ms: u32::MAX,
        step_up,
        place,
    };
    let step_up = StepUp {
        max_age_seconds: 1,
        acr: Some("1.10".to_owned()),
    };
    let building: BuildingId = "sunrise.true".parse().unwrap();
    let entrance = Place::Entrance("sunrise.1".parse().unwrap());
    let perimeter = |partner: &str| Perimeter {
        partner: partner.parse().unwrap(),
        complex: "sunrise".parse().unwrap(),
        operations: Vec::new(),
        credentials: false,
        not_before: None,
        not_after: None,
        closed: false,
    };
    let grant = |number| Grant {
        id: GrantId(id(number)),
        subject: SubjectRef(id(2)),
        role: GrantRole::Household,
        devices: Vec::new(),
        buildings: Box::default(),
        entrances: Box::default(),
        window: Window::default(),
        revoked: false,
    };
    let pass = |number, max_uses| GuestPass {
        id: PassId(id(number)),
        secret_hash: [number as u8; 32],
        grant: GrantId(id(10)),
        devices: vec!["sunrise.no".parse().unwrap()],
        window: Window::default(),
        revoked: max_uses == 0,
        max_uses,
    };
    let credential = |number, holder| Credential {
        id: CredentialId(id(number)),
        kind: CredentialKind::Plate,
        holder,
        devices: vec!["sunrise.0x1f".parse().unwrap()],
        window: window(),
        revoked: true,
        key_version: 3,
        basis: None,
    };
    let basis = Some(LegalBasis {
        kind: LegalBasisKind::ConsentInWriting,
        document_date: "2026-01-12".parse().unwrap(),
    });
    vec![
        Entity::Complex(Complex {
            id: "sunrise".parse().unwrap(),
            name: "ЖК «Рассвет»: №1 # 'лучший' \"дом\" \\ - {x} %".to_owned(),
            time_zone: "Europe/Moscow".to_owned(),
            face_basis: basis,
        }),
        Entity::Device(device("no", None, None)),
        Entity::Device(device("0x1f", Some(step_up), Some(entrance))),
        Entity::Device(device(
            "lobby",
            None,
            Some(Place::Building(building.clone())),
        )),
        Entity::Perimeter(perimeter("gatekeeper")),
        Entity::Perimeter(Perimeter {
            operations: Operation::ALL.to_vec(),
            credentials: true,
            not_before: window().not_before,
            not_after: window().not_after,
            closed: true,
            ..perimeter("2027")
        }),
        Entity::Resident(Resident {
            subject: SubjectRef(id(2)),
            active: false,
        }),
        Entity::Grant(grant(10)),
        Entity::Grant(Grant {
            devices: vec![
                "sunrise.no".parse().unwrap(),
                "sunrise.0x1f".parse().unwrap(),
            ],
            buildings: [building.clone()].into(),
            entrances: ["sunrise.1".parse().unwrap(), "sunrise.2".parse().unwrap()].into(),
            window: window(),
            revoked: true,
            ..grant(11)
        }),
        Entity::GuestPass(pass(20, 0)),
        Entity::GuestPass(pass(21, MAX_USES)),
        Entity::Credential(credential(30, Holder::Subject(SubjectRef(id(2))))),
        Entity::Credential(credential(31, Holder::Pass(PassId(id(20))))),
        Entity::Credential(Credential {
            kind: CredentialKind::Face,
            basis,
            ..credential(32, Holder::Subject(SubjectRef(id(2))))
        }),
        Entity::Building(Building {
            id: building.clone(),
            name: "Корпус 1".to_owned(),
        }),
        Entity::Entrance(Entrance {
            id: "sunrise.1".parse().unwrap(),
            building,
            name: "1".to_owned(),
        }),
    ]
}

fn partners() -> Vec<Entity> {
    let partner = |id: &str, suspended| {
        Entity::Partner(Partner {
            id: id.parse().unwrap(),
            name: "null".to_owned(),
            suspended,
            webhook_san: "dns:partner.example".to_owned(),
            attestation_key: (0..32).collect(),
        })
    };
    vec![partner("gatekeeper", false), partner("2027", true)]
}

#[test]
fn every_kind_is_read_as_it_was_printed() {
    let complexes = [
        ("sunrise".parse().unwrap(), entities()),
        (ComplexId::global(), partners()),
    ];
    for format in [Format::Yaml, Format::Json] {
        for (complex, entities) in &complexes {
            let printed: Vec<_> = entities.iter().collect();
            let text = get::written(complex, &printed, format).unwrap();
            let documents = good(&text);
            assert!(
                documents.iter().all(|one| one.complex == *complex),
                "{text}"
            );
            let read: Vec<_> = documents.into_iter().map(|one| one.entity).collect();
            assert_eq!(&read, entities, "{text}");
        }
    }
}

#[test]
fn the_example_is_printed_as_it_was_read() {
    for document in example() {
        let text = get::written(&document.complex, &[&document.entity], Format::Yaml).unwrap();
        assert_eq!(good(&text)[0].entity, document.entity, "{text}");
    }
}
