//! The partner's side: a client with its certificate, and its events.

use authn::tls::{ClientTls, ClientTlsFiles, Protocol};
use jiff::Timestamp;
use reqwest::header::{HeaderMap, HeaderValue};
use serde_json::{Value, json};
use standardwebhooks::Webhook;
use uuid::Uuid;

use super::{PLATE, SECRET};

/// An HTTP client with a certificate.
pub(crate) struct Client {
    pub(crate) http: reqwest::Client,
    url: String,
}

impl Client {
    pub(crate) fn new(url: &str, files: ClientTlsFiles) -> Self {
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

    /// Sends a body, signed now, only to be judged.
    pub(crate) async fn validate(&self, kind: &str, body: &str, secret: &str) -> reqwest::Response {
        let headers = signed(kind, body, secret, Timestamp::now());
        let request = self.http.post(format!("{}:validate", self.url));
        let request = request.headers(headers).body(body.to_owned());
        request.send().await.unwrap()
    }

    /// What became of its own deliveries.
    pub(crate) async fn deliveries(&self) -> reqwest::Response {
        let url = self.url.replace("/events", "/deliveries");
        self.http.get(url).send().await.unwrap()
    }

    /// Sends events that must be taken; their verdicts.
    pub(crate) async fn verdicts(&self, kind: &str, body: &Value) -> Vec<Value> {
        let response = self.post(kind, &body.to_string(), SECRET).await;
        assert_eq!(response.status(), 200, "{}", response.text().await.unwrap());
        let answer: Value = response.json().await.unwrap();
        declared(&answer);
        answer["verdicts"].as_array().unwrap().clone()
    }
}

/// Fails unless all that an answer says is declared as leaving to the partner.
pub(crate) fn declared(answer: &Value) {
    use ::partner::egress::{Call, check_body};
    if let Err(undeclared) = check_body(Call::WebhookAnswer, answer) {
        panic!("{undeclared}");
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

/// A resident's plate was matched at the north gate just now.
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
