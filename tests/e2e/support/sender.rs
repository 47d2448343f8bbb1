//! The partner's side by hand: any certificate, any headers, any body.

use std::path::Path;

use anyhow::{Context as _, Result};
use authn::tls::{ClientTls, ClientTlsFiles, Protocol};
use harness::pki::Issued;
use harness::site::Site;
use jiff::Timestamp;
use reqwest::header::{HeaderMap, HeaderValue};
use serde_json::{Value, json};
use service::config::SecretFile;
use standardwebhooks::Webhook;
use uuid::Uuid;

pub(crate) const SINGLE: &str = "application/cloudevents+json";
pub(crate) const BATCH: &str = "application/cloudevents-batch+json";
/// A secret that no partner has.
const STRANGE: &str = "whsec_c3RyYW5nZSBzdHJhbmdlIHN0cmFuZ2Ugc3RyYW5nZSE=";

/// A client of the webhook.
pub(crate) struct Sender {
    http: reqwest::Client,
    url: String,
    secret: String,
}

impl Sender {
    /// With a certificate, and the partner's secret.
    pub(crate) fn new(site: &Site, certificate: &Issued) -> Result<Self> {
        let files = ClientTlsFiles {
            certificate: certificate.certificate.as_path().into(),
            private_key: SecretFile::new(certificate.private_key.as_path()),
            server_roots: site.pki.bundle().into(),
            server_revocations: None,
        };
        let tls = ClientTls::load(files, Protocol::Http)?;
        let http = reqwest::Client::builder().no_proxy();
        let http = http.tls_backend_preconfigured((*tls.current().config).clone());
        Self::over(site, http.build()?)
    }

    /// Without a certificate.
    pub(crate) fn bare(site: &Site) -> Result<Self> {
        Self::over(
            site,
            dev_issuer::http_client(&std::fs::read(site.pki.bundle())?)?,
        )
    }

    fn over(site: &Site, http: reqwest::Client) -> Result<Self> {
        let port = site.ports.webhook.number();
        Ok(Self {
            http,
            url: format!("https://localhost:{port}/v1/events"),
            secret: secret(&site.keys.webhook)?,
        })
    }

    /// Headers of a message that is signed as the partner signs.
    pub(crate) fn headers(&self, kind: &str, body: &str, at: Timestamp) -> Result<HeaderMap> {
        headers(&self.secret, kind, body, at)
    }

    /// Posts.
    pub(crate) async fn send(&self, body: &str, headers: HeaderMap) -> Result<Answer> {
        let request = self.http.post(&self.url).headers(headers);
        let answer = request.body(body.to_owned()).send().await?;
        Ok(Answer {
            status: answer.status().as_u16(),
            retry_after: answer.headers().get("retry-after").cloned(),
            text: answer.text().await?,
        })
    }

    /// Signs now, and posts.
    pub(crate) async fn post(&self, kind: &str, body: &str) -> Result<Answer> {
        self.send(body, self.headers(kind, body, Timestamp::now())?)
            .await
    }

    /// Posts a message under this id: the same each time that it is sent again.
    pub(crate) async fn post_as(&self, id: &str, kind: &str, body: &str) -> Result<Answer> {
        let headers = headers_as(id, &self.secret, kind, body, Timestamp::now())?;
        self.send(body, headers).await
    }

    /// The same, signed with a secret that is not the partner's.
    pub(crate) async fn forge(&self, kind: &str, body: &str) -> Result<Answer> {
        let headers = headers(STRANGE, kind, body, Timestamp::now())?;
        self.send(body, headers).await
    }

    /// Posts one event; its verdict.
    pub(crate) async fn verdict(&self, event: &Value) -> Result<Value> {
        let answer = self.post(SINGLE, &event.to_string()).await?;
        anyhow::ensure!(answer.status == 200, "{answer:?}");
        let verdict = answer.json()?;
        let verdict = verdict.pointer("/verdicts/0").cloned();
        verdict.context("one verdict")
    }
}

/// What the service answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<HeaderValue>,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Result<Value> {
        serde_json::from_str(&self.text).with_context(|| self.text.clone())
    }

    /// Status, last part of the problem's type, reason.
    pub(crate) fn problem(&self) -> Result<(u16, String, String)> {
        let body = self.json()?;
        let text = |name: &str| {
            let text = body.get(name).and_then(Value::as_str);
            text.map(str::to_owned)
                .with_context(|| format!("no {name}: {body}"))
        };
        let kind = text("type")?;
        let slug = kind
            .strip_prefix("urn:smarthome:problem:")
            .context("a problem's type")?;
        Ok((self.status, slug.to_owned(), text("reason")?))
    }
}

/// Headers as Standard Webhooks has them, signed with `secret`.
pub(crate) fn headers(secret: &str, kind: &str, body: &str, at: Timestamp) -> Result<HeaderMap> {
    let id = format!("msg_{}", Uuid::new_v4());
    headers_as(&id, secret, kind, body, at)
}

fn headers_as(id: &str, secret: &str, kind: &str, body: &str, at: Timestamp) -> Result<HeaderMap> {
    let signature = Webhook::new(secret)?.sign(id, at.as_second(), body.as_bytes())?;
    let mut headers = HeaderMap::new();
    headers.insert("content-type", kind.parse()?);
    headers.insert("webhook-id", id.parse()?);
    headers.insert("webhook-timestamp", at.as_second().into());
    headers.insert("webhook-signature", signature.parse()?);
    Ok(headers)
}

fn secret(file: &Path) -> Result<String> {
    Ok(std::fs::read_to_string(file)?.trim().to_owned())
}

/// Somebody was let in at the north gate just now, with a fob. Far above the sequence numbers
/// that the partner itself uses.
pub(crate) fn granted(sequence: u64) -> Value {
    let now = Timestamp::now().to_string();
    json!({
        "specversion": "1.0",
        "id": Uuid::now_v7().to_string(),
        "source": "urn:smarthome:partner:gatekeeper",
        "type": "access.granted",
        "subject": "sunrise.north-gate",
        "time": now,
        "datacontenttype": "application/json",
        "data": {
            "complex": "sunrise", "device": "sunrise.north-gate", "method": "fob",
            "occurred_at": now, "epoch": 1, "sequence": 1_000_000 + sequence,
        },
    })
}
