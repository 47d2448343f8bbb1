//! A page behind logins, an issuer, and a browser that can be made to misbehave.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use harness::pki::Pki;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tower::ServiceExt as _;
use url::Url;

use crate::{Posted, Session, SessionLimits, SignedIn, WebLogin, same_origin};

pub(super) const ORIGIN: &str = "https://app.example";

pub(super) struct Page {
    pub(super) issuer: String,
    pub(super) http: reqwest::Client,
    web: WebLogin,
    router: Router,
    stop: Mutex<Option<oneshot::Sender<()>>>,
    serving: Mutex<Option<JoinHandle<()>>>,
    _dir: tempfile::TempDir,
}

#[derive(Clone, Default)]
pub(super) struct Browser {
    pub(super) cookies: BTreeMap<String, String>,
}

pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) location: String,
    pub(super) cookies: Vec<String>,
    pub(super) text: String,
}

impl Page {
    /// With access tokens that hold for so many seconds.
    pub(super) async fn start(access_token_ttl: u32) -> Self {
        Self::with(access_token_ttl, SessionLimits::default()).await
    }

    pub(super) async fn with(access_token_ttl: u32, limits: SessionLimits) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let issuer = format!("https://localhost:{port}");
        let pki = Pki::create(&dir.path().join("pki")).unwrap();
        let tls = pki.issue_server("dev-issuer", &[]).unwrap();
        let config = format!(
            r#"
            listen = "127.0.0.1:{port}"
            issuer = "{issuer}"
            signing_key_file = "{}"
            access_token_ttl_secs = {access_token_ttl}
            [tls]
            certificate_file = "{}"
            private_key_file = "{}"
            [[clients]]
            client_id = "page"
            redirect_uris = ["{ORIGIN}/callback"]
            post_logout_redirect_uris = ["{ORIGIN}/signed-out"]
            scopes = ["openid", "access"]
            audience = "smarthome"
            [[users]]
            username = "anna"
            password = "correct horse"
            sub = "f2b1"
            "#,
            dir.path().join("signing.pem").display(),
            tls.certificate.display(),
            tls.private_key.display(),
        );
        let (stop, stopped) = oneshot::channel::<()>();
        let config = dev_issuer::Config::parse(&config).unwrap();
        let serving = tokio::spawn(async move {
            let ended = async { drop(stopped.await) };
            let clock = dev_issuer::system_clock();
            dev_issuer::serve(listener, config, clock, ended)
                .await
                .unwrap();
        });
        let mut config: crate::WebLoginConfig = serde_json::from_value(serde_json::json!({
            "origin": ORIGIN,
            "provider": { "issuer": issuer, "client_id": "page", "ca_file": pki.bundle() },
        }))
        .unwrap();
        config.sessions = limits;
        let web = WebLogin::new("page", config).unwrap();
        let router = Router::new()
            .route(
                "/me",
                get(async |SignedIn(session): SignedIn| session.csrf().to_owned()),
            )
            .route(
                "/act",
                post(async |posted: Posted| posted.fields.one("what").map(str::to_owned).unwrap()),
            )
            .with_state(web.clone())
            .merge(web.routes())
            .layer(from_fn_with_state(web.clone(), same_origin));
        Self {
            issuer,
            http: dev_issuer::http_client(&std::fs::read(pki.bundle()).unwrap()).unwrap(),
            web,
            router,
            stop: Mutex::new(Some(stop)),
            serving: Mutex::new(Some(serving)),
            _dir: dir,
        }
    }

    pub(super) async fn stop_issuer(&self) {
        drop(self.stop.lock().unwrap().take());
        let serving = self.serving.lock().unwrap().take();
        serving.unwrap().await.unwrap();
    }

    pub(super) async fn send(&self, browser: &mut Browser, request: Request<Body>) -> Answer {
        let (mut parts, body) = request.into_parts();
        let cookies = browser
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"));
        let cookies = cookies.collect::<Vec<_>>().join("; ");
        parts
            .headers
            .insert(header::COOKIE, cookies.parse().unwrap());
        let request = Request::from_parts(parts, body);
        let response = self.router.clone().oneshot(request).await.unwrap();
        let set = response.headers().get_all(header::SET_COOKIE).iter();
        let cookies: Vec<String> = set.map(|line| line.to_str().unwrap().to_owned()).collect();
        for line in &cookies {
            let (name, rest) = line.split_once('=').unwrap();
            match rest.split(';').next().unwrap() {
                "" => browser.cookies.remove(name),
                value => browser.cookies.insert(name.to_owned(), value.to_owned()),
            };
        }
        let location = response.headers().get(header::LOCATION);
        let location = location.map(|value| value.to_str().unwrap().to_owned());
        Answer {
            status: response.status(),
            location: location.unwrap_or_default(),
            cookies,
            text: {
                let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
                String::from_utf8(body.to_vec()).unwrap()
            },
        }
    }

    pub(super) async fn get(&self, browser: &mut Browser, path: &str) -> Answer {
        self.send(browser, Request::get(path).body(Body::empty()).unwrap())
            .await
    }

    /// As a form of a page of ours is sent.
    pub(super) async fn post(
        &self,
        browser: &mut Browser,
        path: &str,
        form: &[(&str, &str)],
    ) -> Answer {
        self.post_from(
            browser,
            path,
            form,
            &[("origin", ORIGIN), ("sec-fetch-site", "same-origin")],
        )
        .await
    }

    pub(super) async fn post_from(
        &self,
        browser: &mut Browser,
        path: &str,
        form: &[(&str, &str)],
        headers: &[(&str, &str)],
    ) -> Answer {
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(form)
            .finish();
        let mut request = Request::post(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(browser, request.body(body.into()).unwrap()).await
    }

    /// Where the issuer sends the browser back to, as a path.
    pub(super) async fn at_issuer(&self, browser: &mut Browser, login: &str) -> String {
        let asked = self.get(browser, login).await;
        let form = [("username", "anna"), ("password", "correct horse")];
        let answer = self
            .http
            .post(&asked.location)
            .form(&form)
            .send()
            .await
            .unwrap();
        let back = answer.headers()[header::LOCATION].to_str().unwrap();
        let back: Url = back.parse().unwrap();
        assert_eq!(back.origin().ascii_serialization(), ORIGIN);
        format!("{}?{}", back.path(), back.query().unwrap())
    }

    pub(super) async fn log_in_from(&self, browser: &mut Browser, login: &str) -> Answer {
        let back = self.at_issuer(browser, login).await;
        self.get(browser, &back).await
    }

    pub(super) async fn log_in(&self, browser: &mut Browser) {
        let answer = self.log_in_from(browser, "/login").await;
        assert_eq!(answer.location, "/");
    }

    pub(super) fn session(&self, browser: &Browser) -> Option<Arc<Session>> {
        let mut headers = HeaderMap::new();
        for (name, value) in &browser.cookies {
            headers.append(header::COOKIE, format!("{name}={value}").parse().unwrap());
        }
        self.web.session(&headers)
    }

    pub(super) fn csrf(&self, browser: &Browser) -> String {
        self.session(browser).unwrap().csrf().to_owned()
    }
}
