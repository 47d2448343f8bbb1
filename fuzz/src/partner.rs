//! A partner, its perimeter and its devices: what the webhook targets judge by.

use std::sync::LazyLock;

use authn::peer::PeerIdentity;
use domain::PartnerId;
use domain::id::{ChangeSetId, CredentialId, SubjectRef};
use domain::registry::{
    Change, ChangeSet, Complex, Credential, Device, Entity, Holder, Partner, Perimeter, Registry,
};
use domain::vocabulary::{CredentialKind, DeviceKind, Operation};
use domain::window::Window;
use jiff::Timestamp;
use rcgen::{CertificateParams, KeyPair};
use uuid::Uuid;
use webhook_gw::verify::Caller;

static REGISTRY: LazyLock<Registry> = LazyLock::new(build);
static CALLER: LazyLock<Caller> = LazyLock::new(|| {
    let params = CertificateParams::new(["gatekeeper.example".to_owned()]).expect("a name");
    let key = KeyPair::generate().expect("a key");
    let certificate = params.self_signed(&key).expect("a certificate");
    let peer = PeerIdentity::from_der(certificate.der()).expect("a leaf");
    Caller::of(&REGISTRY, &peer).expect("a registered partner")
});

/// The registry: `gatekeeper` runs two devices of `sunrise`, since 2026.
pub(crate) fn registry() -> &'static Registry {
    &REGISTRY
}

/// The partner, as its certificate names it.
pub(crate) fn caller() -> Caller {
    CALLER.clone()
}

/// The partner's id.
pub(crate) fn id() -> PartnerId {
    "gatekeeper".parse().expect("an id")
}

/// When everything comes in.
pub(crate) fn now() -> Timestamp {
    Timestamp::constant(1_795_514_400, 0)
}

fn build() -> Registry {
    let mut registry = Registry::default();
    fold(
        &mut registry,
        "global",
        vec![Entity::Partner(Partner {
            id: id(),
            name: "Gatekeeper".to_owned(),
            suspended: false,
            webhook_san: "dns:gatekeeper.example".to_owned(),
            attestation_key: vec![0; 32],
        })],
    );
    let complex = Complex {
        id: "sunrise".parse().expect("an id"),
        name: "Sunrise".to_owned(),
        time_zone: "Europe/Moscow".to_owned(),
        face_basis: None,
    };
    let perimeter = Perimeter {
        partner: id(),
        complex: complex.id.clone(),
        operations: vec![Operation::OpenBarrier],
        credentials: true,
        not_before: Some(Timestamp::constant(1_767_225_600, 0)),
        not_after: None,
        closed: false,
    };
    let credential = Credential {
        id: CredentialId(Uuid::from_u128(0xc)),
        kind: CredentialKind::Plate,
        holder: Holder::Subject(SubjectRef(Uuid::from_u128(0xa))),
        devices: vec!["sunrise.north-gate".parse().expect("an id")],
        window: Window::default(),
        revoked: false,
        key_version: 1,
        basis: None,
    };
    fold(
        &mut registry,
        "sunrise",
        vec![
            Entity::Complex(complex),
            device("sunrise.north-gate"),
            device("sunrise.lobby"),
            Entity::Perimeter(perimeter),
            Entity::Credential(credential),
        ],
    );
    registry
}

fn device(device: &str) -> Entity {
    Entity::Device(Device {
        id: device.parse().expect("an id"),
        name: device.to_owned(),
        kind: DeviceKind::Barrier,
        operations: vec![Operation::OpenBarrier],
        partner: id(),
        enabled: true,
        cooldown_ms: 0,
        step_up: None,
        place: None,
    })
}

fn fold(registry: &mut Registry, complex: &str, entities: Vec<Entity>) {
    let changes = entities.into_iter().map(|entity| Change {
        expected_version: 0,
        entity,
    });
    let set = ChangeSet {
        id: ChangeSetId(Uuid::from_u128(complex.len() as u128)),
        note: String::new(),
        changes: changes.collect(),
    };
    let complex = complex.parse().expect("an id");
    registry
        .fold(&complex, set)
        .expect("a change set that applies");
}
