//! A gateway that runs, a partner that calls it, and the log behind it.

mod cut;
mod partner;
mod pki;
mod raw;
mod registry;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use authn::record::RecordVerifier;
use authn::tls::{ClientTls, ClientTlsFiles, Protocol};
use domain::event::Event;
use eventlog::{EventLog, LogOptions, MemoryLog, Record, SharedLog, TailFrom, Topic};
use privacy::HpkePrivateKey;
use rcgen::SanType;
use records::EventReader;
use rustls::ClientConfig;
use service::health::Health;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use webhook_gw::Config;

pub(crate) use cut::CutLog;
pub(crate) use partner::{Client, declared, granted, signed, status};
use pki::Pki;
pub(crate) use pki::dns;
use raw::Raw;
pub(crate) use registry::Registrar;

pub(crate) const SECRET: &str = "whsec_Z2F0ZWtlZXBlcidzIHNlY3JldCBvZiAzMiBieXRlcyE=";
pub(crate) const RESIDENT: Uuid = Uuid::from_u128(0xa);
pub(crate) const PLATE: Uuid = Uuid::from_u128(0xc);
pub(crate) const SINGLE: &str = "application/cloudevents+json";
pub(crate) const BATCH: &str = "application/cloudevents-batch+json";

/// How long anything that must happen may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);
/// Appends time out quickly here, so that tests of failures are quick.
const APPEND_TIMEOUT: Duration = Duration::from_secs(1);

pub(crate) struct World {
    pub(crate) log: Arc<CutLog>,
    pub(crate) registrar: Registrar,
    pub(crate) operators: HpkePrivateKey,
    pub(crate) url: String,
    reader: EventReader,
    pki: Pki,
    health: Health,
    shutdown: CancellationToken,
    work: JoinHandle<anyhow::Result<()>>,
    folder: tempfile::TempDir,
}

impl World {
    /// The gateway up and ready, with a filled registry.
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// The same, configured otherwise.
    pub(crate) async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        let world = Self::begin(change, false).await;
        world.becomes_ready(true).await;
        world
    }

    /// The gateway up, with a log of which it can't read anything.
    pub(crate) async fn start_cut() -> Self {
        Self::begin(|_| {}, true).await
    }

    async fn begin(change: impl FnOnce(&mut Config), cut: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = LogOptions {
            append_timeout: APPEND_TIMEOUT,
            ..LogOptions::default()
        };
        let log = MemoryLog::new(options).unwrap();
        let (registrar, root) = Registrar::create(log.clone(), folder.path());
        let log = Arc::new(CutLog::new(log));
        log.cut(cut);
        registrar.fill().await;
        let pki = Pki::create(folder.path());
        let operators = HpkePrivateKey::generate().unwrap();
        let mut config = config(folder.path(), &pki, &root, &operators);
        change(&mut config);
        let speaker = "command-svc".parse().unwrap();
        let reader = EventReader::new(RecordVerifier::load(&config.records, speaker).unwrap());

        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!(
            "https://localhost:{}/v1/events",
            tcp.local_addr().unwrap().port()
        );
        let context = service::Context {
            health: Health::new(),
            shutdown: CancellationToken::new(),
            metrics: service::metrics::install().unwrap(),
        };
        let (health, shutdown) = (context.health.clone(), context.shutdown.clone());
        let shared: SharedLog = Arc::clone(&log) as SharedLog;
        let work = tokio::spawn(webhook_gw::serve(config, shared, tcp, context));
        Self {
            log,
            registrar,
            operators,
            url,
            reader,
            pki,
            health,
            shutdown,
            work,
            folder,
        }
    }

    /// The partner `gatekeeper`.
    pub(crate) fn partner(&self) -> Client {
        self.client(SanType::DnsName(dns("gatekeeper.example")))
    }

    /// A client with another certificate of the same authority.
    pub(crate) fn client(&self, san: SanType) -> Client {
        Client::new(&self.url, self.pki.client(san))
    }

    /// Files of a certificate of the same authority.
    pub(crate) fn files(&self, san: SanType) -> ClientTlsFiles {
        self.pki.client(san)
    }

    /// A client's TLS with such a certificate.
    pub(crate) fn tls(&self, san: SanType) -> ClientConfig {
        let tls = ClientTls::load(self.files(san), Protocol::Http).unwrap();
        (*tls.current().config).clone()
    }

    /// A bare connection.
    pub(crate) async fn raw(&self, tls: &ClientConfig, alpn: &str) -> std::io::Result<Raw> {
        let port = reqwest::Url::parse(&self.url).unwrap().port().unwrap();
        Raw::connect(port, tls, alpn).await
    }

    /// From now on another authority's certificates are accepted.
    pub(crate) fn distrust_clients(&self) {
        self.pki.replace_root();
    }

    /// From now on the partner `gatekeeper` signs with this.
    pub(crate) fn agree_on(&self, secret: &str) {
        write_secret(&self.folder.path().join("gatekeeper.secret"), secret);
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
        let records = self.records(topic).await;
        records
            .iter()
            .map(|record| self.reader.read(record).unwrap())
            .collect()
    }

    /// Ends the work; what it ended with.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        self.shutdown.cancel();
        let ended = tokio::time::timeout(PATIENCE, &mut self.work)
            .await
            .unwrap()
            .unwrap();
        self.becomes_ready(false).await;
        ended
    }

    /// Waits until health says so.
    pub(crate) async fn becomes_ready(&self, ready: bool) {
        let mut status = self.health.subscribe();
        let so = status.wait_for(|status| status.is_ready() == ready);
        tokio::time::timeout(PATIENCE, so).await.unwrap().unwrap();
    }
}

fn config(folder: &Path, pki: &Pki, root: &str, operators: &HpkePrivateKey) -> Config {
    let key = operators.public_key().unwrap().to_string();
    fs::write(folder.join("operators.pub"), key).unwrap();
    write_secret(&folder.join("gatekeeper.secret"), SECRET);
    let server = pki.server();
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
client_roots = "{client_roots}"
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
        private_key = server.private_key.path().display(),
        client_roots = server.client_roots.display(),
    );
    let path = folder.join("webhook-gw.toml");
    fs::write(&path, text).unwrap();
    service::config::load(&path, "WEBHOOK_GW_TEST").unwrap()
}

fn write_secret(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}
