//! A site on disk: configuration file, keys, certificates, an issuer of auditors' tokens.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use auditlog::{CheckpointSigner, CheckpointVerifier};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::id::SubjectRef;
use harness::pki::{Pki, San};
use jiff::Timestamp;
use privacy::{Identity, IdentityKeys, Item, KeyFiles, Keyring, LookupKey, SubjectKey};
use serde_json::{Value, json};
use service::config::SecretFile;
use tempfile::TempDir;

use crate::fixture::{Fixture, options};
use crate::run::ORIGIN;

/// Who reads, to the log.
pub const AUDITOR: SubjectRef = SubjectRef(uuid::Uuid::from_u128(0xa0d1));
pub const BFF: &str = "spiffe://smarthome/bff/mobile";
pub const READER: &str = "spiffe://smarthome/auditor";

/// A folder with all that the roles need.
pub struct OnDisk {
    folder: TempDir,
    pub pki: Pki,
    pub fixture: Fixture,
    pub issuer: Issuer,
    pub verifier: CheckpointVerifier,
}

impl OnDisk {
    pub async fn new() -> Self {
        Self::publishing("").await
    }

    /// With more keys in `[serve.tiles]`.
    pub async fn publishing(tiles: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        let log = format!("sqlite://{}/log.db", path.display());
        let log = eventlog::open(&log.parse().unwrap(), options())
            .await
            .unwrap();
        let fixture = Fixture::over(log);
        let pki = Pki::create(&path.join("pki")).unwrap();
        let server = pki.issue_server("projector", &[]).unwrap();
        let (signer, key) = CheckpointSigner::generate(ORIGIN).unwrap();
        secret(&path.join("audit.key"), key.as_bytes());
        std::fs::write(path.join("audit.vkey"), signer.verifier().vkey()).unwrap();
        for ring in ["identity.json", "lookup.json"] {
            secret(
                &path.join(ring),
                Keyring::generate().unwrap().to_json().as_bytes(),
            );
        }
        secret(&path.join("paging.key"), &[7; 32]);
        let issuer = Issuer::start().await;
        let config = format!(
            r#"
[process.admin]
listen = "127.0.0.1:0"
[process.telemetry]
filter = "info,projector=debug"
[log]
url = "sqlite://{root}/log.db"
[log.options]
session_timeout = "150ms"
[views]
url = "sqlite://{root}/views.db"
[tiles]
url = "file://{root}/tiles"
{trust}
[audit]
origin = "{ORIGIN}"
verification_key = "audit.vkey"
[project]
signing_key = "audit.key"
batch = 16
linger = "2ms"
[serve]
listen = "127.0.0.1:0"
peers = ["{READER}"]
[serve.tls]
certificate = "{certificate}"
private_key = "{private_key}"
client_roots = "{roots}"
[serve.issuer]
issuer = "{issuer}"
jwks_uri = "{issuer}/jwks"
audience = "smarthome"
allowed_clients = ["auditor-tool"]
insecure = true
[serve.identities]
key_file = "identity.json"
lookup_key_file = "lookup.json"
[serve.residents]
peers = ["{BFF}"]
[serve.residents.issuer]
issuer = "{issuer}"
jwks_uri = "{issuer}/jwks"
audience = "smarthome"
allowed_clients = ["resident-app"]
insecure = true
[serve.paging]
key_file = "paging.key"
[serve.tiles]
listen = "127.0.0.1:0"
{tiles}[serve.tiles.tls]
certificate = "{certificate}"
private_key = "{private_key}"
client_roots = "{roots}"
"#,
            root = path.display(),
            trust = fixture.trust(path),
            certificate = server.certificate.display(),
            private_key = server.private_key.display(),
            roots = pki.bundle().display(),
            issuer = issuer.url,
        );
        std::fs::write(path.join("projector.toml"), config).unwrap();
        let verifier = signer.verifier().clone();
        let disk = Self {
            folder,
            pki,
            fixture,
            issuer,
            verifier,
        };
        disk.register("auditor-1", AUDITOR).await;
        disk
    }

    /// Gives a user of the issuer a reference, as command-svc does.
    pub async fn register(&self, user_id: &str, subject: SubjectRef) {
        let ring = |name: &str| Some(SecretFile::new(self.path().join(name)));
        let files = KeyFiles {
            identity: ring("identity.json"),
            lookup: ring("lookup.json"),
            ..KeyFiles::default()
        };
        let lookup = LookupKey::load(&files).unwrap();
        let key = SubjectKey {
            index: lookup.indexes(&self.issuer.url, user_id).primary().clone(),
            subject,
            item: Item::Identity,
        };
        let identity = Identity::new(&self.issuer.url, user_id);
        let keys = IdentityKeys::load(&files).unwrap();
        let sealed = keys.seal(&key, &identity, Timestamp::now()).unwrap();
        self.fixture.item(&key, Some(sealed)).await;
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn config(&self) -> PathBuf {
        self.path().join("projector.toml")
    }

    /// A client certificate with this name.
    pub fn client(&self, uri: &str) -> tonic::transport::Identity {
        let issued = self.pki.issue_client("client", &[San::uri(uri)]).unwrap();
        let read = |path: &Path| std::fs::read(path).unwrap();
        tonic::transport::Identity::from_pem(read(&issued.certificate), read(&issued.private_key))
    }
}

pub fn secret(path: &Path, bytes: &[u8]) {
    std::fs::write(path, bytes).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

/// Signs access tokens, and publishes the key over HTTP on loopback.
pub struct Issuer {
    pub url: String,
    key: Arc<Ed25519KeyPair>,
}

impl Issuer {
    async fn start() -> Self {
        let key = Arc::new(Ed25519KeyPair::generate().unwrap());
        let jwk = json!({"keys": [{
            "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": "k",
            "x": URL_SAFE_NO_PAD.encode(key.public_key().as_ref()),
        }]});
        let body = jwk.to_string();
        let answer =
            move || std::future::ready(([("content-type", "application/json")], body.clone()));
        let app = axum::Router::new().route("/jwks", axum::routing::get(answer));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, key }
    }

    /// A token of an auditor of these complexes; `changes` replace its claims.
    pub fn token(&self, complexes: &[&str], changes: Value) -> String {
        let now = Timestamp::now().as_second();
        let mut claims = json!({
            "iss": self.url, "sub": "auditor-1", "aud": "smarthome", "client_id": "auditor-tool",
            "iat": now, "exp": now + 300, "jti": "1", "scope": "audit",
            "roles": ["auditor"], "complexes": complexes,
        });
        for (name, value) in changes.as_object().into_iter().flatten() {
            claims[name] = value.clone();
        }
        let header = json!({"alg": "EdDSA", "typ": "at+jwt", "kid": "k"});
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", encode(&header), encode(&claims));
        let signature = URL_SAFE_NO_PAD.encode(self.key.sign(signed.as_bytes()).as_ref());
        format!("{signed}.{signature}")
    }
}
