//! A partner in a folder of its own, with certificates, and clients to call it.

mod caller;
mod pki;
mod receiver;

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use reference_partner::config::Config;
use reference_partner::partner::Partner;
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use uuid::Uuid;

pub use caller::{Caller, OPEN};
pub use pki::Pki;
pub use receiver::Receiver;

pub const COMMAND_SVC: &str = "spiffe://smarthome/command-svc";
pub const WEBHOOK_GW: &str = "spiffe://smarthome/webhook-gw";
pub const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

/// Files of a partner that need not run.
pub struct Site {
    pub folder: TempDir,
    pub pki: Pki,
    pub config: PathBuf,
}

impl Site {
    pub fn new(webhook: Option<&str>) -> Self {
        Self::with(webhook, "actuation = \"20ms\"")
    }

    pub fn with(webhook: Option<&str>, actuation: &str) -> Self {
        let (folder, pki) = (tempfile::tempdir().unwrap(), Pki::new());
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("ca.pem"), pki.ca_pem()).unwrap();
        for (name, san) in [
            ("partner-server", "dns:localhost"),
            ("partner-client", "uri:urn:smarthome:partner:gatekeeper"),
        ] {
            let (certificate, key) = pki.issue(san);
            std::fs::write(path(&format!("{name}.pem")), certificate).unwrap();
            write_private(&path(&format!("{name}.key")), &key);
        }
        write_private(&path("attestation.pem"), &Pki::ed25519_pem());
        write_private(&path("webhook.secret"), &format!("{SECRET}\n"));
        let example = include_str!("../../../example.toml");
        let (head, _) = example.split_once("[webhook]").unwrap();
        let (_, tail) = example.split_once("[control]").unwrap();
        let webhook = webhook.map_or(String::new(), |url| {
            format!(
                "[webhook]\nurl = \"{url}\"\nsecret_file = \"webhook.secret\"\ncertificate = \"partner-client.pem\"\n\
                 key = \"partner-client.key\"\nca = \"ca.pem\"\nretry_min = \"10ms\"\nretry_max = \"50ms\"\nbatch_max = 1\n\n"
            )
        });
        let text = format!("{head}{webhook}[control]{tail}")
            .replace("127.0.0.1:9443", "127.0.0.1:0")
            .replace("127.0.0.1:9444", "127.0.0.1:0")
            .replace("issuer = \"https://localhost:9443\"\n", "")
            .replace("cancel_wait = \"2s\"", "cancel_wait = \"100ms\"")
            .replace(
                "complexes = [\"sunrise\"]",
                "complexes = [\"sunrise\", \"moonrise\"]",
            )
            .replace("actuation = \"1500ms\"", actuation)
            .replace("actuation = \"300ms\"", actuation);
        let moonrise = format!(
            "\n[[complexes]]\nid = \"moonrise\"\n\n[[complexes.devices]]\nid = \"moonrise.lobby\"\nkind = \"door\"\n{actuation}\n"
        );
        let config = path("partner.toml");
        std::fs::write(&config, text + &moonrise).unwrap();
        Self {
            folder,
            pki,
            config,
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub async fn start(&self) -> Running {
        Running::start(&self.config).await
    }

    /// A client of a running partner with a certificate of this URI.
    pub fn caller(&self, api: std::net::SocketAddr, uri: &str) -> Caller {
        Caller {
            http: self.pki.client(&format!("uri:{uri}")),
            base: format!("https://localhost:{}", api.port()),
        }
    }
}

impl Site {
    /// A client that speaks HTTP/1.1 only.
    pub fn caller_1_1(&self, api: std::net::SocketAddr, uri: &str) -> Caller {
        let http = self.pki.client_of(&format!("uri:{uri}"), &["http/1.1"]);
        Caller {
            http,
            base: format!("https://localhost:{}", api.port()),
        }
    }

    /// The same client, with the same certificate, at another address.
    pub fn caller_again(&self, caller: &Caller, api: std::net::SocketAddr) -> Caller {
        Caller {
            http: caller.http.clone(),
            base: format!("https://localhost:{}", api.port()),
        }
    }
}

/// A partner that runs in this process.
pub struct Running {
    pub partner: Partner,
    http: reqwest::Client,
}

impl Running {
    async fn start(config: &Path) -> Self {
        let partner = Partner::start(Config::load(config).unwrap()).await.unwrap();
        Self {
            partner,
            http: Pki::new().client("uri:control"),
        }
    }

    pub async fn control(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> (StatusCode, Value) {
        control(&self.http, self.partner.control, method, path, body).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Value {
        let (status, answer) = self.control(Method::POST, path, Some(body)).await;
        assert!(status.is_success(), "{path}: {status} {answer}");
        answer
    }

    pub async fn get(&self, path: &str) -> Value {
        let (status, answer) = self.control(Method::GET, path, None).await;
        assert_eq!(status, StatusCode::OK, "{path}: {answer}");
        answer
    }

    /// Lines of the journal for a command.
    pub async fn openings(&self, command: Uuid) -> usize {
        let journal = self.get("/control/journal").await;
        let openings = journal["openings"].as_array().unwrap();
        openings
            .iter()
            .filter(|line| line["command_id"] == command.to_string())
            .count()
    }

    pub async fn fail(&self, device: &str, failure: Value) {
        self.post(&format!("/control/devices/{device}/failure"), failure)
            .await;
    }
}

pub async fn control(
    http: &reqwest::Client,
    address: std::net::SocketAddr,
    method: Method,
    path: &str,
    body: Option<Value>,
) -> (StatusCode, Value) {
    let mut request = http.request(method, format!("http://{address}{path}"));
    if let Some(body) = body {
        request = request.json(&body);
    }
    let response = request.send().await.unwrap();
    (
        response.status(),
        response.json().await.unwrap_or(Value::Null),
    )
}

pub async fn answer(response: Response) -> (StatusCode, Value) {
    (
        response.status(),
        response.json().await.unwrap_or(Value::Null),
    )
}

pub fn in_seconds(seconds: i64) -> Timestamp {
    Timestamp::now() + SignedDuration::from_secs(seconds)
}

pub fn problem(slug: &str) -> Value {
    json!(format!("urn:smarthome:problem:{slug}"))
}

/// Asks again until there is an answer; 20 s at most.
pub async fn eventually<T, F, Fut>(mut ask: F) -> T
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Option<T>>,
{
    let asking = async {
        loop {
            if let Some(found) = ask().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), asking)
        .await
        .expect("it never came")
}

/// A file that only its owner can read, as the partner insists.
fn write_private(path: &std::path::Path, text: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}
