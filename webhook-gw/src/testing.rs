//! A small world for unit tests: two complexes, three partners, a resident and a guest.
#![allow(clippy::unwrap_used)]

use domain::registry::{
    Change, ChangeSet, Complex, Credential, Device, Entity, Holder, Partner, Perimeter, Registry,
};
use domain::vocabulary::{CredentialKind, DeviceKind, Operation};
use domain::window::Window;
use domain::{ChangeSetId, ComplexId, CredentialId, PassId, SubjectRef};
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

pub(crate) const RESIDENT: Uuid = Uuid::from_u128(0xa);
pub(crate) const PASS: Uuid = Uuid::from_u128(0xb);
pub(crate) const RESIDENTS_PLATE: Uuid = Uuid::from_u128(0xc);
pub(crate) const GUESTS_PLATE: Uuid = Uuid::from_u128(0xd);

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// Partner `gatekeeper` runs `sunrise.north-gate` and `sunrise.lobby` since 2026; its perimeter
/// in `moonlight` ended with October. `other` runs `sunrise.south-gate`; `suspended` is.
pub(crate) fn registry() -> Registry {
    let mut registry = Registry::default();
    fold(
        &mut registry,
        "global",
        vec![
            partner("gatekeeper", "dns:gatekeeper.example", false),
            partner("other", "spiffe://other/webhook", false),
            partner("suspended", "dns:suspended.example", true),
            partner("malformed", "no san at all", false),
        ],
    );
    fold(
        &mut registry,
        "sunrise",
        vec![
            complex("sunrise"),
            device("sunrise.north-gate", "gatekeeper"),
            device("sunrise.lobby", "gatekeeper"),
            device("sunrise.south-gate", "other"),
            perimeter("gatekeeper", "sunrise", Some("2026-01-01T00:00:00Z"), None),
            perimeter("other", "sunrise", None, None),
            credential(RESIDENTS_PLATE, Holder::Subject(SubjectRef(RESIDENT))),
            credential(GUESTS_PLATE, Holder::Pass(PassId(PASS))),
        ],
    );
    fold(
        &mut registry,
        "moonlight",
        vec![
            complex("moonlight"),
            device("moonlight.gate", "gatekeeper"),
            perimeter(
                "gatekeeper",
                "moonlight",
                None,
                Some("2026-11-01T00:00:00Z"),
            ),
        ],
    );
    registry
}

pub(crate) fn fold(registry: &mut Registry, complex: &str, entities: Vec<Entity>) {
    let changes = entities
        .into_iter()
        .map(|entity| Change {
            expected_version: 0,
            entity,
        })
        .collect();
    let set = ChangeSet {
        id: ChangeSetId(Uuid::now_v7()),
        note: String::new(),
        changes,
    };
    registry.fold(&complex.parse().unwrap(), set).unwrap();
}

pub(crate) fn partner(id: &str, webhook_san: &str, suspended: bool) -> Entity {
    Entity::Partner(Partner {
        id: id.parse().unwrap(),
        name: id.to_owned(),
        suspended,
        webhook_san: webhook_san.to_owned(),
        attestation_key: vec![0; 32],
    })
}

fn complex(id: &str) -> Entity {
    Entity::Complex(Complex {
        id: id.parse().unwrap(),
        name: id.to_owned(),
        time_zone: "Europe/Moscow".to_owned(),
        face_basis: None,
    })
}

fn device(id: &str, partner: &str) -> Entity {
    Entity::Device(Device {
        id: id.parse().unwrap(),
        name: id.to_owned(),
        kind: DeviceKind::Barrier,
        operations: vec![Operation::OpenBarrier],
        partner: partner.parse().unwrap(),
        enabled: true,
        cooldown_ms: 0,
        step_up: None,
        place: None,
    })
}

fn perimeter(partner: &str, complex: &str, from: Option<&str>, until: Option<&str>) -> Entity {
    Entity::Perimeter(Perimeter {
        partner: partner.parse().unwrap(),
        complex: complex.parse::<ComplexId>().unwrap(),
        operations: vec![Operation::OpenBarrier],
        credentials: true,
        not_before: from.map(at),
        not_after: until.map(at),
        closed: false,
    })
}

fn credential(id: Uuid, holder: Holder) -> Entity {
    Entity::Credential(Credential {
        id: CredentialId(id),
        kind: CredentialKind::Plate,
        holder,
        devices: vec!["sunrise.north-gate".parse().unwrap()],
        window: Window::default(),
        revoked: false,
        key_version: 1,
        basis: None,
    })
}

/// An event of `gatekeeper` with this type and data.
pub(crate) fn event(kind: &str, data: Value) -> Value {
    json!({
        "specversion": "1.0",
        "id": "0198c5f0-7000-7000-8000-000000000001",
        "source": "urn:smarthome:partner:gatekeeper",
        "type": kind,
        "time": "2026-11-24T10:00:01Z",
        "datacontenttype": "application/json",
        "data": data,
    })
}

pub(crate) fn access() -> Value {
    json!({
        "complex": "sunrise", "device": "sunrise.north-gate", "method": "plate",
        "credential_id": RESIDENTS_PLATE.to_string(),
        "occurred_at": "2026-11-24T10:00:00Z", "epoch": 1, "sequence": 7,
    })
}

pub(crate) fn alarm() -> Value {
    json!({
        "complex": "sunrise", "device": "sunrise.north-gate",
        "occurred_at": "2026-11-24T10:00:00Z", "epoch": 1, "sequence": 7,
    })
}

pub(crate) fn status() -> Value {
    json!({
        "complex": "sunrise", "device": "sunrise.north-gate", "online": true,
        "lock_state": "locked", "door_position": "unknown", "power": "battery", "tamper": null,
        "battery_percent": 100, "firmware": "2.4.1", "observed_at": "2026-11-24T10:00:00Z",
        "epoch": 1, "sequence": 7,
    })
}

pub(crate) fn with(mut object: Value, field: &str, value: Value) -> Value {
    object[field] = value;
    object
}

pub(crate) fn without(mut object: Value, field: &str) -> Value {
    object.as_object_mut().unwrap().remove(field).unwrap();
    object
}
