//! An authorization server for the tests: HTTPS, discovery, keys, and tokens of any shape.
#![allow(clippy::unwrap_used)]

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey};
use rcgen::{KeyPair, PKCS_ED25519, PKCS_RSA_SHA256, RsaKeySize};
use rustls::ServerConfig;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;
use tokio_rustls::TlsAcceptor;

use super::{AccessToken, AccessTokenVerifier, IssuerConfig, TokenError};
use crate::testing::{Ca, Leaf};
use crate::tls::provider;

pub(super) struct SigningKey {
    pub(super) algorithm: Algorithm,
    pub(super) encoding: EncodingKey,
    pub(super) jwk: Value,
}

impl SigningKey {
    pub(super) fn new(kid: &str, algorithm: Algorithm) -> Self {
        let (encoding, mut jwk) = match algorithm {
            Algorithm::ES256 => {
                let pem = KeyPair::generate().unwrap().serialize_pem();
                published(EncodingKey::from_ec_pem(pem.as_bytes()).unwrap(), algorithm)
            }
            Algorithm::EdDSA => {
                let key = KeyPair::generate_for(&PKCS_ED25519).unwrap();
                let x = URL_SAFE_NO_PAD.encode(key.public_key_raw());
                let jwk = json!({"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "x": x});
                (EncodingKey::from_ed_der(key.serialized_der()), jwk)
            }
            _ => {
                let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap();
                let pem = key.serialize_pem();
                published(
                    EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap(),
                    algorithm,
                )
            }
        };
        jwk["kid"] = kid.into();
        jwk["use"] = "sig".into();
        Self {
            algorithm,
            encoding,
            jwk,
        }
    }

    pub(super) fn kid(&self) -> &str {
        self.jwk["kid"].as_str().unwrap()
    }

    pub(super) fn header(&self) -> Value {
        let alg = format!("{:?}", self.algorithm);
        json!({"typ": "at+jwt", "alg": alg, "kid": self.kid()})
    }

    pub(super) fn sign(&self, header: &Value, claims: &Value) -> String {
        self.sign_as(self.algorithm, header, claims)
    }

    pub(super) fn sign_as(&self, algorithm: Algorithm, header: &Value, claims: &Value) -> String {
        let message = encoded(header, claims);
        let signature =
            jsonwebtoken::crypto::sign(message.as_bytes(), &self.encoding, algorithm).unwrap();
        format!("{message}.{signature}")
    }
}

fn published(key: EncodingKey, algorithm: Algorithm) -> (EncodingKey, Value) {
    let jwk = Jwk::from_encoding_key(&key, algorithm).unwrap();
    (key, serde_json::to_value(jwk).unwrap())
}

pub(super) fn encoded(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}", part(header), part(claims))
}

#[derive(Default)]
struct State {
    keys: Vec<Value>,
    down: bool,
    /// Answered instead of the discovery document.
    metadata: Option<Value>,
    key_fetches: usize,
}

pub(super) struct TestIssuer {
    pub(super) url: String,
    pub(super) key: SigningKey,
    state: Arc<Mutex<State>>,
    ca_file: tempfile::NamedTempFile,
    /// How far the verifier's clock has gone ahead.
    ahead: Arc<Mutex<Duration>>,
    serving: AbortHandle,
}

impl Drop for TestIssuer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl TestIssuer {
    pub(super) async fn start(algorithm: Algorithm) -> Self {
        let ca = Ca::new();
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://localhost:{}", tcp.local_addr().unwrap().port());
        let key = SigningKey::new("first", algorithm);
        let state = Arc::new(Mutex::new(State {
            keys: vec![key.jwk.clone()],
            ..State::default()
        }));
        let ca_file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(ca_file.path(), ca.pem()).unwrap();
        let tls = TlsAcceptor::from(Arc::new(server(&ca)));
        let serving = tokio::spawn(serve(tcp, tls, url.clone(), Arc::clone(&state)));
        Self {
            url,
            key,
            state,
            ca_file,
            ahead: Arc::default(),
            serving: serving.abort_handle(),
        }
    }

    pub(super) fn config(&self) -> IssuerConfig {
        serde_json::from_value(json!({
            "issuer": self.url,
            "audience": "smarthome",
            "allowed_clients": ["mobile-app", "auditor-console"],
            "required_scope": "doors",
            "ca_file": self.ca_file.path(),
        }))
        .unwrap()
    }

    pub(super) fn verifier_of(&self, config: IssuerConfig) -> AccessTokenVerifier {
        let (begun, ahead) = (Instant::now(), Arc::clone(&self.ahead));
        let clock = Arc::new(move || begun + *ahead.lock().unwrap());
        AccessTokenVerifier::with_clock(config, clock).unwrap()
    }

    pub(super) fn verifier(&self) -> AccessTokenVerifier {
        self.verifier_of(self.config())
    }

    pub(super) fn pass(&self, time: Duration) {
        *self.ahead.lock().unwrap() += time;
    }

    pub(super) fn publish(&self, keys: &[&SigningKey]) {
        self.publish_raw(keys.iter().map(|key| key.jwk.clone()).collect());
    }

    pub(super) fn publish_raw(&self, keys: Vec<Value>) {
        self.state.lock().unwrap().keys = keys;
    }

    pub(super) fn set_down(&self, down: bool) {
        self.state.lock().unwrap().down = down;
    }

    pub(super) fn set_metadata(&self, metadata: Value) {
        self.state.lock().unwrap().metadata = Some(metadata);
    }

    pub(super) fn key_fetches(&self) -> usize {
        self.state.lock().unwrap().key_fetches
    }

    /// Claims that are taken.
    pub(super) fn claims(&self) -> Value {
        let now = Timestamp::now().as_second();
        json!({
            "iss": self.url, "sub": "user-4711", "aud": "smarthome", "client_id": "mobile-app",
            "iat": now, "exp": now + 300, "scope": "openid doors", "jti": "1",
        })
    }

    /// A token with some claims changed (`null` takes one out) that is signed well.
    pub(super) fn token(&self, changes: Value) -> String {
        self.key.sign(&self.key.header(), &self.changed(changes))
    }

    pub(super) fn changed(&self, changes: Value) -> Value {
        changed(self.claims(), changes)
    }

    pub(super) async fn verify(&self, token: &str) -> Result<AccessToken, TokenError> {
        self.verifier().verify(token, None).await
    }
}

pub(super) fn changed(mut object: Value, changes: Value) -> Value {
    for (name, value) in changes.as_object().unwrap() {
        let members = object.as_object_mut().unwrap();
        match value {
            Value::Null => members.remove(name),
            value => members.insert(name.clone(), value.clone()),
        };
    }
    object
}

fn server(ca: &Ca) -> ServerConfig {
    let issued = ca.issue(&Leaf::default());
    let certificate = CertificateDer::from_pem_slice(issued.certificate.as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(issued.private_key.as_bytes()).unwrap();
    ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap()
}

async fn serve(tcp: TcpListener, tls: TlsAcceptor, url: String, state: Arc<Mutex<State>>) {
    loop {
        let (stream, _) = tcp.accept().await.unwrap();
        // A client that doesn't like this server is no matter of this server's.
        let _ = answer(stream, &tls, &url, &state).await;
    }
}

async fn answer(
    stream: TcpStream,
    tls: &TlsAcceptor,
    url: &str,
    state: &Mutex<State>,
) -> std::io::Result<()> {
    let mut stream = tls.accept(stream).await?;
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        request.push(stream.read_u8().await?);
    }
    let request = String::from_utf8_lossy(&request).into_owned();
    let path = request.split(' ').nth(1).unwrap_or_default();
    let (status, body) = document(path, url, &mut state.lock().unwrap());
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n");
    stream
        .write_all(format!("{head}\r\n{body}").as_bytes())
        .await?;
    stream.shutdown().await
}

fn document(path: &str, url: &str, state: &mut State) -> (&'static str, String) {
    match path {
        "/jwks" => {
            state.key_fetches += 1;
            let keys = json!({"keys": state.keys});
            if state.down {
                ("503 Service Unavailable", String::new())
            } else {
                ("200 OK", keys.to_string())
            }
        }
        "/.well-known/openid-configuration" => {
            let usual = json!({"issuer": url, "jwks_uri": format!("{url}/jwks")});
            let metadata = state.metadata.clone().unwrap_or(usual);
            ("200 OK", metadata.to_string())
        }
        "/moved" => ("302 Found\r\nlocation: /jwks", String::new()),
        // Good keys, but for their length.
        "/huge" => {
            let padding = " ".repeat(300 * 1024);
            (
                "200 OK",
                format!("{padding}{}", json!({"keys": state.keys})),
            )
        }
        _ => ("404 Not Found", String::new()),
    }
}
