//! The registry's side: command-svc's signing key and what it registers.

use std::fs;
use std::path::Path;

use authn::record::{RecordSigner, generate_key, generate_root, issue};
use domain::event::{Actor, Body, Event};
use domain::registry::{
    Change, ChangeSet, Complex, Credential, Device, Entity, Holder, Partner, Perimeter,
};
use domain::vocabulary::{ActorKind, CredentialKind, DeviceKind, Operation};
use domain::window::Window;
use domain::{ChangeSetId, CredentialId, EventId, SubjectRef};
use eventlog::{EventLog, MemoryLog, Topic};
use jiff::{SignedDuration, Timestamp};
use records::to_signed_record;
use uuid::Uuid;

use super::{PLATE, RESIDENT};

/// What command-svc would append.
pub(crate) struct Registrar {
    log: MemoryLog,
    signer: RecordSigner,
}

impl Registrar {
    /// Makes a signing key; writes its certificate to `folder` and returns its root's public key.
    pub(crate) fn create(log: MemoryLog, folder: &Path) -> (Self, String) {
        let (root, key) = (generate_root().unwrap(), generate_key().unwrap());
        let now = Timestamp::from_second(Timestamp::now().as_second()).unwrap();
        let hour = SignedDuration::from_hours(1);
        let speaker = "command-svc".parse().unwrap();
        let certificate = issue(&root, speaker, key.public_key(), now - hour, now + hour).unwrap();
        fs::write(
            folder.join("command-svc.json"),
            certificate.to_json().unwrap(),
        )
        .unwrap();
        let signer = RecordSigner::new(key, certificate).unwrap();
        (Self { log, signer }, root.public_key().to_string())
    }

    /// One complex with two gates and a lobby, its partners and a resident's plate.
    pub(crate) async fn fill(&self) {
        let sunrise = vec![
            complex(),
            device("sunrise.north-gate", "gatekeeper"),
            device("sunrise.lobby", "gatekeeper"),
            device("sunrise.south-gate", "other"),
            perimeter(),
            credential(),
        ];
        self.register("sunrise", 0, sunrise).await;
        let partners = vec![
            partner("gatekeeper", "dns:gatekeeper.example", false),
            partner("other", "spiffe://other/webhook", false),
        ];
        self.register("global", 0, partners).await;
    }

    pub(crate) async fn suspend_gatekeeper(&self) {
        let suspended = partner("gatekeeper", "dns:gatekeeper.example", true);
        self.register("global", 1, vec![suspended]).await;
    }

    async fn register(&self, complex: &str, expected_version: u64, entities: Vec<Entity>) {
        let change = |entity| Change {
            expected_version,
            entity,
        };
        let set = ChangeSet {
            id: ChangeSetId(Uuid::now_v7()),
            note: String::new(),
            changes: entities.into_iter().map(change).collect(),
        };
        let event = Event {
            id: EventId(Uuid::now_v7()),
            occurred_at: Timestamp::now(),
            complex: complex.parse().unwrap(),
            device: None,
            actor: Actor {
                kind: ActorKind::Operator,
                subject: None,
                caller: "spiffe://smarthome/operators".to_owned(),
            },
            correlation: set.id.to_string(),
            body: Body::RegistryChanged(set),
        };
        let (topic, source) = (Topic::RegistryEvents, "urn:smarthome:command-svc");
        let record = to_signed_record(&event, topic, None, source, &self.signer).unwrap();
        self.log.append(topic, record).await.unwrap();
    }
}

fn complex() -> Entity {
    Entity::Complex(Complex {
        id: "sunrise".parse().unwrap(),
        name: "Sunrise".to_owned(),
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

fn perimeter() -> Entity {
    Entity::Perimeter(Perimeter {
        partner: "gatekeeper".parse().unwrap(),
        complex: "sunrise".parse().unwrap(),
        operations: vec![Operation::OpenBarrier],
        credentials: true,
        not_before: None,
        not_after: None,
        closed: false,
    })
}

fn credential() -> Entity {
    Entity::Credential(Credential {
        id: CredentialId(PLATE),
        kind: CredentialKind::Plate,
        holder: Holder::Subject(SubjectRef(RESIDENT)),
        devices: vec!["sunrise.north-gate".parse().unwrap()],
        window: Window::default(),
        revoked: false,
        key_version: 1,
        basis: None,
    })
}

fn partner(id: &str, webhook_san: &str, suspended: bool) -> Entity {
    Entity::Partner(Partner {
        id: id.parse().unwrap(),
        name: id.to_owned(),
        suspended,
        webhook_san: webhook_san.to_owned(),
        attestation_key: vec![1; 32],
    })
}
