//! An issuer under test on a port of its own, and a browser that can be made to misbehave.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use dev_issuer::{Clock, Config, Error, Tokens};
use harness::pki::Pki;
use jiff::Timestamp;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation};
use reqwest::Response;
use reqwest::header::LOCATION;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use url::Url;

pub(crate) const CLIENT: &str = "owner-app";
pub(crate) const REDIRECT: &str = "https://app.example/callback";
pub(crate) const SIGNED_OUT: &str = "https://app.example/signed-out";
pub(crate) const USER: &str = "anna";
pub(crate) const PASSWORD: &str = "correct horse";
pub(crate) const SCOPE: &str = "openid access";
/// RFC 7636, appendix B.
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// The configuration, with certificates made for it, and the CA's.
pub(crate) fn configuration(dir: &Path, listen: &str, port: u16) -> (String, Vec<u8>) {
    let pki = Pki::create(&dir.join("pki")).unwrap();
    let tls = pki.issue_server("dev-issuer", &[]).unwrap();
    let text = format!(
        r#"
        listen = "{listen}:{port}"
        issuer = "https://localhost:{port}"
        signing_key_file = "{}"
        ready_file = "{}"
        [tls]
        certificate_file = "{}"
        private_key_file = "{}"
        [[clients]]
        client_id = "{CLIENT}"
        redirect_uris = ["{REDIRECT}", "org.example.app:/callback?from=login"]
        post_logout_redirect_uris = ["{SIGNED_OUT}"]
        scopes = ["openid", "access", "audit"]
        audience = "smarthome"
        [[clients]]
        client_id = "auditor-console"
        redirect_uris = ["https://console.example/callback"]
        post_logout_redirect_uris = ["https://console.example/signed-out"]
        scopes = ["openid", "audit"]
        audience = "smarthome"
        [[users]]
        username = "{USER}"
        password = "{PASSWORD}"
        sub = "f2b1"
        roles = ["owner"]
        complexes = ["sunrise"]
        "#,
        dir.join("signing.pem").display(),
        dir.join("ready").display(),
        tls.certificate.display(),
        tls.private_key.display(),
    );
    (text, std::fs::read(pki.bundle()).unwrap())
}

pub(crate) struct Scene {
    pub(crate) issuer: Url,
    pub(crate) http: reqwest::Client,
    ahead: Arc<AtomicI64>,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<Result<(), Error>>,
    _dir: tempfile::TempDir,
}

impl Scene {
    pub(crate) async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (text, ca) = configuration(dir.path(), "127.0.0.1", port);
        let ahead = Arc::new(AtomicI64::new(0));
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = tokio::spawn(dev_issuer::serve(
            listener,
            Config::parse(&text).unwrap(),
            clock(&ahead),
            async move {
                let _ = stopped.await;
            },
        ));
        Self {
            issuer: format!("https://localhost:{port}").parse().unwrap(),
            http: dev_issuer::http_client(&ca).unwrap(),
            ahead,
            stop: Some(stop),
            serving,
            _dir: dir,
        }
    }

    /// Ends the issuer and sees that it ended well.
    pub(crate) async fn stop(mut self) {
        self.stop.take().unwrap().send(()).unwrap();
        self.serving.await.unwrap().unwrap();
    }

    /// Lets the issuer's clock go ahead.
    pub(crate) fn advance(&self, seconds: i64) {
        self.ahead.fetch_add(seconds, Ordering::SeqCst);
    }

    pub(crate) fn url(&self, path: &str) -> Url {
        self.issuer.join(path).unwrap()
    }

    pub(crate) async fn login(&self, password: &str, scope: &str) -> Result<Tokens, Error> {
        let (http, issuer) = (&self.http, &self.issuer);
        dev_issuer::login(http, issuer, CLIENT, REDIRECT, USER, password, scope).await
    }

    pub(crate) async fn refresh(&self, token: &str) -> Result<Tokens, Error> {
        dev_issuer::refresh(&self.http, &self.issuer, CLIENT, token).await
    }

    /// A good authorization request with some parameters replaced, or left out where empty.
    pub(crate) fn authorization(&self, changes: &[(&str, &str)]) -> Url {
        let good = [
            ("response_type", "code"),
            ("client_id", CLIENT),
            ("redirect_uri", REDIRECT),
            ("scope", SCOPE),
            ("state", "s-1"),
            ("nonce", "n-1"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ];
        let mut parameters = BTreeMap::from(good);
        parameters.extend(changes.iter().copied());
        parameters.retain(|_, value| !value.is_empty());
        let mut url = self.url("/authorize");
        url.query_pairs_mut().extend_pairs(parameters);
        url
    }

    pub(crate) async fn get(&self, url: Url) -> Response {
        self.http.get(url).send().await.unwrap()
    }

    /// Fills in the login form behind this address.
    pub(crate) async fn submit(&self, url: Url, password: &str) -> Response {
        let form = [("username", USER), ("password", password)];
        self.http.post(url).form(&form).send().await.unwrap()
    }

    /// A fresh code for [`CHALLENGE`].
    pub(crate) async fn code(&self) -> String {
        let answer = self.submit(self.authorization(&[]), PASSWORD).await;
        redirected(&answer).remove("code").unwrap()
    }

    pub(crate) async fn token(&self, form: &[(&str, &str)]) -> Response {
        let request = self.http.post(self.url("/token")).form(form);
        request.send().await.unwrap()
    }

    pub(crate) async fn exchange(&self, code: &str, verifier: &str) -> Response {
        self.token(&[
            ("grant_type", "authorization_code"),
            ("client_id", CLIENT),
            ("redirect_uri", REDIRECT),
            ("code", code),
            ("code_verifier", verifier),
        ])
        .await
    }

    pub(crate) async fn key_ids(&self) -> Vec<String> {
        let keys = self.keys().await.keys;
        keys.into_iter()
            .map(|key| key.common.key_id.unwrap())
            .collect()
    }

    async fn keys(&self) -> JwkSet {
        self.get(self.url("/jwks")).await.json().await.unwrap()
    }

    /// Checks a token's signature against the published keys, and its issuer and audience.
    pub(crate) async fn verify(&self, token: &str, audience: &str) -> (Header, Value) {
        let header = jsonwebtoken::decode_header(token).unwrap();
        let keys = self.keys().await;
        let key = keys.find(header.kid.as_deref().unwrap()).unwrap();
        let mut validation = Validation::new(Algorithm::ES256);
        validation.set_required_spec_claims(&["iss", "aud", "exp", "sub"]);
        validation.set_issuer(&[self.issuer.as_str().trim_end_matches('/')]);
        validation.set_audience(&[audience]);
        let key = DecodingKey::from_jwk(key).unwrap();
        let token = jsonwebtoken::decode(token, &key, &validation).unwrap();
        (header, token.claims)
    }
}

fn clock(ahead: &Arc<AtomicI64>) -> Clock {
    let ahead = Arc::clone(ahead);
    Arc::new(move || {
        let ahead = ahead.load(Ordering::SeqCst);
        Timestamp::now() + Duration::from_secs(ahead.try_into().unwrap())
    })
}

/// The parameters that the answer takes back to the client.
pub(crate) fn redirected(answer: &Response) -> BTreeMap<String, String> {
    assert_eq!(answer.status(), 303);
    let target = answer.headers()[LOCATION].to_str().unwrap();
    assert!(target.starts_with(REDIRECT), "{target}");
    let target: Url = target.parse().unwrap();
    target.query_pairs().into_owned().collect()
}

/// The OAuth error in a JSON answer, which nobody may keep.
pub(crate) async fn error_code(answer: Response) -> (u16, String) {
    let status = answer.status().as_u16();
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let body: Value = answer.json().await.unwrap();
    (status, body["error"].as_str().unwrap().to_owned())
}

pub(crate) fn refused(result: Result<Tokens, Error>) -> String {
    match result.unwrap_err() {
        Error::Refused { reason, .. } => reason,
        other => panic!("{other}"),
    }
}
