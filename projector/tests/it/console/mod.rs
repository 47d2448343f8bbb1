//! The auditors' console, over real TLS, logged in at a real provider, with a browser that runs no
//! scripts.

mod pages;
mod proofs;
mod refusals;

use std::collections::BTreeMap;

use domain::id::SubjectRef;
use harness::process::free_port;
use reqwest::header::{COOKIE, HeaderMap, LOCATION, SET_COOKIE};
use reqwest::{RequestBuilder, StatusCode};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::serving::Site;
use crate::site::{AUDITOR, OnDisk};

/// A site with a console, and the provider where auditors log in.
pub struct Pages {
    pub site: Site,
    pub origin: String,
    pub provider: String,
    http: reqwest::Client,
    _stop: oneshot::Sender<()>,
}

/// Somebody's browser.
#[derive(Default)]
pub struct Browser {
    pub cookies: BTreeMap<String, String>,
    /// What it says in `Accept-Language`.
    pub language: &'static str,
}

/// What a page answers.
pub struct Shown {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Shown {
    pub fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.map_or("", |value| value.to_str().unwrap())
    }

    /// What stands between two texts.
    pub fn between(&self, before: &str, after: &str) -> &str {
        let (_, rest) = self.text.split_once(before).unwrap();
        rest.split_once(after).unwrap().0
    }
}

impl Pages {
    /// Auditors `one` of `sunrise`, and `stranger`, whom nobody has registered; and `resident`, who is
    /// no auditor.
    pub async fn start() -> Self {
        let mut disk = OnDisk::new().await;
        let port = free_port().unwrap();
        let origin = format!("https://localhost:{}", port.number());
        let (provider, stop) = provider(&disk, &origin).await;
        configure(&disk, &provider, &origin, port.number());
        disk.issuer.url.clone_from(&provider);
        disk.register("auditor-1", AUDITOR).await;
        let reader = SubjectRef(uuid::Uuid::from_u128(7));
        disk.register("resident-1", reader).await;
        let roots = std::fs::read(disk.pki.bundle()).unwrap();
        let http = dev_issuer::http_client(&roots).unwrap();
        drop(port);
        Self {
            site: Site::start_on(disk).await,
            origin,
            provider,
            http,
            _stop: stop,
        }
    }

    pub async fn get(&self, browser: &mut Browser, path: &str) -> Shown {
        let request = self.http.get(format!("{}{path}", self.origin));
        self.send(browser, request).await
    }

    /// As a form of the page `from` is sent.
    pub async fn post(
        &self,
        browser: &mut Browser,
        path: &str,
        form: &[(&str, &str)],
        from: &str,
    ) -> Shown {
        let request = self.http.post(format!("{}{path}", self.origin));
        let request = request.form(form).header("origin", from);
        self.send(browser, request).await
    }

    async fn send(&self, browser: &mut Browser, request: RequestBuilder) -> Shown {
        let cookies = browser.cookies.iter();
        let cookies: Vec<_> = cookies
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let request = request
            .header(COOKIE, cookies.join("; "))
            .header("accept-language", browser.language);
        let answer = request.send().await.unwrap();
        for line in answer.headers().get_all(SET_COOKIE) {
            let line = line.to_str().unwrap();
            assert!(line.starts_with("__Host-"), "{line}");
            for attribute in ["Path=/", "Secure", "HttpOnly", "SameSite=Lax"] {
                assert!(line.contains(attribute), "{line}");
            }
            let (name, rest) = line.split_once('=').unwrap();
            match rest.split(';').next().unwrap() {
                "" => browser.cookies.remove(name),
                value => browser.cookies.insert(name.to_owned(), value.to_owned()),
            };
        }
        Shown {
            status: answer.status(),
            headers: answer.headers().clone(),
            text: answer.text().await.unwrap(),
        }
    }

    /// Logs in on the way to a page, and gives what that shows.
    pub async fn log_in(&self, browser: &mut Browser, username: &str, path: &str) -> Shown {
        let sent_away = self.get(browser, path).await;
        assert_eq!(sent_away.status, StatusCode::SEE_OTHER);
        let asked = self.get(browser, sent_away.header("location")).await;
        let form = [("username", username), ("password", "right")];
        let login = self.http.post(asked.header("location")).form(&form);
        let login = login.send().await.unwrap();
        let back = login.headers()[LOCATION].to_str().unwrap();
        let back = back.strip_prefix(&self.origin).unwrap();
        let in_again = self.get(browser, back).await;
        assert_eq!(in_again.header("location"), path);
        self.get(browser, path).await
    }
}

async fn provider(disk: &OnDisk, origin: &str) -> (String, oneshot::Sender<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let issuer = format!("https://localhost:{port}");
    let tls = disk.pki.issue_server("provider", &[]).unwrap();
    let user = |name: &str, id: &str, role: &str| {
        format!(
            "[[users]]\nusername = \"{name}\"\npassword = \"right\"\nsub = \"{id}\"\n\
             roles = [\"{role}\"]\ncomplexes = [\"sunrise\"]\n"
        )
    };
    let config = format!(
        r#"
listen = "127.0.0.1:{port}"
issuer = "{issuer}"
signing_key_file = "{}"
[tls]
certificate_file = "{}"
private_key_file = "{}"
[[clients]]
client_id = "console"
redirect_uris = ["{origin}/callback"]
scopes = ["openid", "access"]
audience = "smarthome"
{}{}{}"#,
        disk.path().join("provider.pem").display(),
        tls.certificate.display(),
        tls.private_key.display(),
        user("one", "auditor-1", "auditor"),
        user("stranger", "auditor-2", "auditor"),
        user("resident", "resident-1", "resident"),
    );
    let config = dev_issuer::Config::parse(&config).unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    tokio::spawn(async move {
        let ended = async { drop(stopped.await) };
        dev_issuer::serve(listener, config, dev_issuer::system_clock(), ended).await
    });
    (issuer, stop)
}

/// Makes the provider the auditors' issuer, and adds the console.
fn configure(disk: &OnDisk, provider: &str, origin: &str, port: u16) {
    let text = std::fs::read_to_string(disk.config()).unwrap();
    let roots = disk.pki.bundle();
    let (before, rest) = text.split_once("[serve.issuer]").unwrap();
    let (_, after) = rest.split_once("[serve.identities]").unwrap();
    let tls = after.split_once("[serve.tiles.tls]").unwrap().1;
    let text = format!(
        r#"{before}[serve.issuer]
issuer = "{provider}"
audience = "smarthome"
allowed_clients = ["console"]
ca_file = "{roots}"
[serve.identities]{after}
[serve.console]
listen = "127.0.0.1:{port}"
time_zone = "Europe/Moscow"
[serve.console.tls]{tls}
[serve.console.login]
origin = "{origin}"
[serve.console.login.provider]
issuer = "{provider}"
client_id = "console"
ca_file = "{roots}"
"#,
        roots = roots.display(),
    );
    std::fs::write(disk.config(), text).unwrap();
}
