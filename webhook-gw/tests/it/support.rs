//! A gateway that runs, a partner that calls it, and the log behind it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use authn::record::{RecordSigner, generate_key, generate_root, issue};
use authn::tls::{ClientTls, ClientTlsFiles, Protocol};
use domain::event::{Actor, Body, Event};
use domain::registry::{
    Change, ChangeSet, Complex, Credential, Device, Entity, Holder, Partner, Perimeter,
};
use domain::vocabulary::{ActorKind, CredentialKind, DeviceKind, Operation};
use domain::window::Window;
use domain::{ChangeSetId, CredentialId, EventId, SubjectRef};
use eventlog::{EventLog, LogOptions, MemoryLog, Record, SharedLog, TailFrom, Topic};
use harness::pki::{Issued, Pki, San};
use jiff::{SignedDuration, Timestamp};
use privacy::HpkePrivateKey;
use records::{EventReader, to_signed_record};
use reqwest::header::{HeaderMap, HeaderValue};
use serde_json::{Value, json};
use service::config::SecretFile;
use service::health::Health;
use standardwebhooks::Webhook;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub(crate) const SECRET: &str = "whsec_Z2F0ZWtlZXBlcidzIHNlY3JldCBvZiAzMiBieXRlcyE=";
pub(crate) const RESIDENT: Uuid = Uuid::from_u128(0xa);
pub(crate) const PLATE: Uuid = Uuid::from_u128(0xc);
pub(crate) const SINGLE: &str = "application/cloudevents+json";
pub(crate) const BATCH: &str = "application/cloudevents-batch+json";

/// Appends time out quickly here, so that tests of failures are quick.
pub(crate) const APPEND_TIMEOUT: Duration = Duration::from_millis(200);

pub(crate) struct World {
    pub(crate) log: MemoryLog,
    pub(crate) health: Health,
    pub(crate) operators: HpkePrivateKey,
    pub(crate) url: String,
    reader: EventReader,
    signer: RecordSigner,
    pki: Pki,
    partner: Issued,
    shutdown: CancellationToken,
    work: tokio::task::JoinHandle<anyhow::Result<()>>,
    _folder: tempfile::TempDir,
}

impl World {
    /// Everything up, the registry filled and folded.
    pub(crate) async fn start() -> Self {
        let world = Self::start_empty().await;
        world.fill_registry().await;
        world.ready().await;
        // Readiness was possible before the registry was filled: wait until its end is folded.
        let probe = world.partner();
        harness::process::wait_until(
            Duration::from_secs(10),
            "the registry to be folded",
            || async {
                let answer = probe.post(SINGLE, "{}", SECRET).await;
                answer.status() != 401 && answer.status() != 503
            },
        )
        .await
        .unwrap();
        world
    }

    /// Everything up, and nothing registered.
    pub(crate) async fn start_empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let pki = Pki::create(&folder.path().join("pki")).unwrap();
        let server = pki.issue_server("webhook-gw", &[]).unwrap();
        let partner = pki
            .issue_client("gatekeeper", &[San::dns("gatekeeper.example")])
            .unwrap();
        let (signer, root) = signer(folder.path());
        let operators = HpkePrivateKey::generate().unwrap();
        fs::write(
            folder.path().join("operators.pub"),
            operators.public_key().to_string(),
        )
        .unwrap();
        write_secret(&folder.path().join("gatekeeper.secret"), SECRET);
        let text = format!(
            r#"
max_body = 20000
max_batch = 5
max_in_flight = 2
[process.admin]
listen = "127.0.0.1:0"
[listen]
address = "127.0.0.1:0"
[listen.tls]
certificate = "{certificate}"
private_key = "{private_key}"
client_roots = "{roots}"
[log]
url = "memory://"
[records]
root = "{root}"
certificates = ["command-svc.json"]
[rejected]
operators_key = "operators.pub"
[[partners]]
id = "gatekeeper"
secrets = ["gatekeeper.secret"]
"#,
            certificate = server.certificate.display(),
            private_key = server.private_key.display(),
            roots = pki.bundle().display(),
        );
        let path = folder.path().join("webhook-gw.toml");
        fs::write(&path, text).unwrap();
        let config: webhook_gw::Config = service::config::load(&path, "WEBHOOK_GW_TEST").unwrap();
        let reader = EventReader::new(
            authn::record::RecordVerifier::load(&config.records, "command-svc".parse().unwrap())
                .unwrap(),
        );

        let options = LogOptions {
            append_timeout: APPEND_TIMEOUT,
            ..LogOptions::default()
        };
        let log = MemoryLog::new(options).unwrap();
        let shared: SharedLog = Arc::new(log.clone());
        let tcp = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!(
            "https://localhost:{}/v1/events",
            tcp.local_addr().unwrap().port()
        );
        let (health, shutdown) = (Health::new(), CancellationToken::new());
        let context = service::Context {
            health: health.clone(),
            shutdown: shutdown.clone(),
            metrics: service::metrics::install().unwrap(),
        };
        let work = tokio::spawn(webhook_gw::serve(config, shared, tcp, context));
        Self {
            log,
            health,
            operators,
            url,
            reader,
            signer,
            pki,
            partner,
            shutdown,
            work,
            _folder: folder,
        }
    }

    pub(crate) async fn ready(&self) {
        let mut health = self.health.subscribe();
        let ready = health.wait_for(service::health::HealthStatus::is_ready);
        tokio::time::timeout(Duration::from_secs(10), ready)
            .await
            .unwrap()
            .unwrap();
    }

    /// Ends the work and returns what it ended with.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        self.shutdown.cancel();
        tokio::time::timeout(Duration::from_secs(10), self.work)
            .await
            .unwrap()
            .unwrap()
    }

    /// The partner `gatekeeper`.
    pub(crate) fn partner(&self) -> Client {
        Client::new(&self.url, &self.pki, &self.partner)
    }

    /// A client with another certificate of the same authority.
    pub(crate) fn client(&self, san: San) -> Client {
        let issued = self
            .pki
            .issue_client(&Uuid::now_v7().to_string(), &[san])
            .unwrap();
        Client::new(&self.url, &self.pki, &issued)
    }

    /// All records of a topic.
    pub(crate) async fn records(&self, topic: Topic) -> Vec<Record> {
        let ends = self.log.end_offsets(topic).await.unwrap();
        let count = usize::try_from(ends.iter().sum::<u64>()).unwrap();
        let mut tail = self.log.tail(topic, TailFrom::Beginning).await.unwrap();
        let mut records = Vec::new();
        while records.len() < count {
            records.extend(tail.next_batch(1000).await.unwrap());
        }
        records
    }

    /// All events of a topic.
    pub(crate) async fn events(&self, topic: Topic) -> Vec<Event> {
        self.records(topic)
            .await
            .iter()
            .map(|record| self.reader.read(record).unwrap())
            .collect()
    }

    pub(crate) async fn register(&self, complex: &str, entities: Vec<(u64, Entity)>) {
        let changes = entities
            .into_iter()
            .map(|(expected_version, entity)| Change {
                expected_version,
                entity,
            })
            .collect();
        let set = ChangeSet {
            id: ChangeSetId(Uuid::now_v7()),
            note: String::new(),
            changes,
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
        let topic = Topic::RegistryEvents;
        let record = to_signed_record(
            &event,
            topic,
            None,
            "urn:smarthome:command-svc",
            &self.signer,
        );
        self.log.append(topic, record.unwrap()).await.unwrap();
    }

    async fn fill_registry(&self) {
        self.register(
            "sunrise",
            vec![
                (
                    0,
                    Entity::Complex(Complex {
                        id: "sunrise".parse().unwrap(),
                        name: "Sunrise".to_owned(),
                        time_zone: "Europe/Moscow".to_owned(),
                    }),
                ),
                (0, device("sunrise.north-gate", "gatekeeper")),
                (0, device("sunrise.lobby", "gatekeeper")),
                (0, device("sunrise.south-gate", "other")),
                (
                    0,
                    Entity::Perimeter(Perimeter {
                        partner: "gatekeeper".parse().unwrap(),
                        complex: "sunrise".parse().unwrap(),
                        operations: vec![Operation::OpenBarrier],
                        credentials: true,
                        not_before: None,
                        not_after: None,
                        closed: false,
                    }),
                ),
                (
                    0,
                    Entity::Credential(Credential {
                        id: CredentialId(PLATE),
                        kind: CredentialKind::Plate,
                        holder: Holder::Subject(SubjectRef(RESIDENT)),
                        devices: vec!["sunrise.north-gate".parse().unwrap()],
                        window: Window::default(),
                        revoked: false,
                        key_version: 1,
                    }),
                ),
            ],
        )
        .await;
        self.register("global", vec![(0, gatekeeper(false)), (0, other())])
            .await;
    }
}

pub(crate) fn gatekeeper(suspended: bool) -> Entity {
    Entity::Partner(Partner {
        id: "gatekeeper".parse().unwrap(),
        name: "Gatekeeper".to_owned(),
        suspended,
        webhook_san: "dns:gatekeeper.example".to_owned(),
        attestation_key: vec![1; 32],
    })
}

fn other() -> Entity {
    Entity::Partner(Partner {
        id: "other".parse().unwrap(),
        name: "Other".to_owned(),
        suspended: false,
        webhook_san: "spiffe://other/webhook".to_owned(),
        attestation_key: vec![2; 32],
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
    })
}

/// Makes command-svc's signing key; writes its certificate and returns the root's public key.
fn signer(folder: &Path) -> (RecordSigner, String) {
    let (root, key) = (generate_root().unwrap(), generate_key().unwrap());
    let (now, hour) = (Timestamp::now(), SignedDuration::from_hours(1));
    let speaker = "command-svc".parse().unwrap();
    let certificate = issue(&root, speaker, key.public_key(), now - hour, now + hour).unwrap();
    fs::write(folder.join("command-svc.json"), certificate.to_json()).unwrap();
    (
        RecordSigner::new(key, certificate).unwrap(),
        root.public_key().to_string(),
    )
}

fn write_secret(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

/// A partner's HTTP client, with its certificate.
pub(crate) struct Client {
    pub(crate) http: reqwest::Client,
    url: String,
}

impl Client {
    fn new(url: &str, pki: &Pki, issued: &Issued) -> Self {
        let files = ClientTlsFiles {
            certificate: issued.certificate.clone().into(),
            private_key: SecretFile::new(&issued.private_key),
            server_roots: pki.bundle().into(),
        };
        let tls = ClientTls::load(files, Protocol::Http).unwrap();
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured((*tls.current().config).clone())
            .build()
            .unwrap();
        Self {
            http,
            url: url.to_owned(),
        }
    }

    /// Sends a body, signed now.
    pub(crate) async fn post(&self, kind: &str, body: &str, secret: &str) -> reqwest::Response {
        self.send(body, signed(kind, body, secret, Timestamp::now()))
            .await
    }

    pub(crate) async fn send(&self, body: &str, headers: HeaderMap) -> reqwest::Response {
        let request = self
            .http
            .post(&self.url)
            .headers(headers)
            .body(body.to_owned());
        request.send().await.unwrap()
    }

    /// Sends events that must be taken; their verdicts.
    pub(crate) async fn verdicts(&self, kind: &str, body: &Value) -> Vec<Value> {
        let response = self.post(kind, &body.to_string(), SECRET).await;
        assert_eq!(response.status(), 200, "{}", response.text().await.unwrap());
        let answer: Value = response.json().await.unwrap();
        answer["verdicts"].as_array().unwrap().clone()
    }
}

/// Headers of a message that was signed at `sent`.
pub(crate) fn signed(kind: &str, body: &str, secret: &str, sent: Timestamp) -> HeaderMap {
    let signature = Webhook::new(secret).unwrap();
    let signature = signature
        .sign("msg_1", sent.as_second(), body.as_bytes())
        .unwrap();
    let mut headers = HeaderMap::new();
    headers.insert("content-type", kind.parse().unwrap());
    headers.insert("webhook-id", HeaderValue::from_static("msg_1"));
    headers.insert("webhook-timestamp", sent.as_second().into());
    headers.insert("webhook-signature", signature.parse().unwrap());
    headers
}

/// Somebody's plate was matched at the north gate just now.
pub(crate) fn granted(sequence: u64) -> Value {
    json!({
        "specversion": "1.0",
        "id": Uuid::now_v7().to_string(),
        "source": "urn:smarthome:partner:gatekeeper",
        "type": "access.granted",
        "subject": "sunrise.north-gate",
        "time": Timestamp::now().to_string(),
        "datacontenttype": "application/json",
        "data": {
            "complex": "sunrise", "device": "sunrise.north-gate", "method": "plate",
            "credential_id": PLATE.to_string(), "occurred_at": Timestamp::now().to_string(),
            "epoch": 1, "sequence": sequence,
        },
    })
}

/// The lobby's door is fine.
pub(crate) fn status(sequence: u64) -> Value {
    json!({
        "specversion": "1.0",
        "id": Uuid::now_v7().to_string(),
        "source": "urn:smarthome:partner:gatekeeper",
        "type": "device.status",
        "data": {
            "complex": "sunrise", "device": "sunrise.lobby", "online": true,
            "lock_state": "locked", "door_position": "closed", "power": "mains", "tamper": false,
            "battery_percent": null, "observed_at": Timestamp::now().to_string(),
            "epoch": 1, "sequence": sequence,
        },
    })
}
