//! One attempt: signed as Standard Webhooks describes, over mutual TLS.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use jiff::Timestamp;
use serde_json::Value;
use standardwebhooks::{
    HEADER_WEBHOOK_ID, HEADER_WEBHOOK_SIGNATURE, HEADER_WEBHOOK_TIMESTAMP, Webhook,
};
use url::Url;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::backoff::retry_after;
use super::outbox::Message;
use crate::config::{self, ConfigError};
use crate::private_file;
use crate::received::Received;
use crate::tls;

/// Answers are read up to this size, in bytes.
const ANSWER_LIMIT: usize = 1 << 20;

/// What came of an attempt.
#[derive(Debug)]
pub(super) enum Sent {
    /// Answered 2xx, with the verdicts if they could be read.
    Taken {
        status: u16,
        verdicts: Option<Value>,
    },
    /// Refused, and would be again.
    Refused { status: u16 },
    /// Not taken now; the receiver may have asked for a wait.
    NotNow {
        status: u16,
        retry_after: Option<Duration>,
    },
    /// No answer.
    Failed(String),
}

/// Arbitrary bytes for tests of bad input.
#[derive(Debug)]
pub(crate) struct RawMessage {
    pub(crate) body: Vec<u8>,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) sign: bool,
}

/// Sends messages to the service.
pub(crate) struct Sender {
    client: reqwest::Client,
    endpoint: Url,
    webhook: Webhook,
    received: Option<Arc<Received>>,
}

impl Sender {
    /// Reads the secret, the certificate and the roots.
    pub(crate) fn new(
        config: &config::Webhook,
        received: Option<Arc<Received>>,
    ) -> Result<Self, ConfigError> {
        private_file::check("webhook.secret_file", &config.secret_file)?;
        let secret = fs::read_to_string(&config.secret_file).map(Zeroizing::new);
        let bad_secret = || ConfigError::new("webhook.secret_file: one line, whsec_ and base64");
        let secret = secret.map_err(|_| bad_secret())?;
        if !secret.starts_with("whsec_") {
            return Err(bad_secret());
        }
        let webhook = Webhook::new(secret.trim()).map_err(|_| bad_secret())?;
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls::client(config)?)
            .https_only(true)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .timeout(config.timeout)
            .build()
            .map_err(|error| ConfigError::new(format!("webhook: {error}")))?;
        let mut endpoint = config.url.clone();
        endpoint.set_path(&format!(
            "{}/v1/events",
            config.url.path().trim_end_matches('/')
        ));
        Ok(Self {
            client,
            endpoint,
            webhook,
            received,
        })
    }

    /// Sends a message once.
    pub(super) async fn send(&self, message: &Message, now: Timestamp) -> Sent {
        let kind = if message.is_batch() {
            "application/cloudevents-batch+json"
        } else {
            "application/cloudevents+json"
        };
        let headers = [
            (header::CONTENT_TYPE.to_string(), kind.to_owned()),
            (HEADER_WEBHOOK_ID.to_owned(), message.webhook_id()),
        ];
        let body = message.body().into_bytes();
        let raw = RawMessage {
            body,
            headers: headers.into(),
            sign: true,
        };
        let answer = match self.raw(raw, now).await {
            Ok(answer) => answer,
            Err(error) => return Sent::Failed(error),
        };
        let status = answer.status.as_u16();
        match answer.status {
            code if code.is_success() => Sent::Taken {
                status,
                verdicts: read_verdicts(&answer.body),
            },
            StatusCode::BAD_REQUEST
            | StatusCode::PAYLOAD_TOO_LARGE
            | StatusCode::UNSUPPORTED_MEDIA_TYPE => Sent::Refused { status },
            _ => Sent::NotNow {
                status,
                retry_after: retry_after(&answer.headers, now),
            },
        }
    }

    /// Sends bytes once, with the headers given in place of the usual ones.
    ///
    /// # Errors
    /// What can't be sent or signed, or why there was no answer.
    pub(crate) async fn raw(&self, raw: RawMessage, now: Timestamp) -> Result<Answer, String> {
        let mut headers = HeaderMap::new();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/cloudevents+json"),
        );
        headers.insert(
            HEADER_WEBHOOK_ID,
            value(&format!("msg_{}", Uuid::now_v7()))?,
        );
        headers.insert(
            HEADER_WEBHOOK_TIMESTAMP,
            value(&now.as_second().to_string())?,
        );
        for (name, text) in &raw.headers {
            let name: HeaderName = name.parse().map_err(|_| "a header name is malformed")?;
            headers.insert(name, value(text)?);
        }
        if raw.sign && !headers.contains_key(HEADER_WEBHOOK_SIGNATURE) {
            let text = |name: &str| {
                headers
                    .get(name)
                    .and_then(|v| v.to_str().ok())
                    .unwrap_or_default()
            };
            let timestamp = text(HEADER_WEBHOOK_TIMESTAMP).parse();
            let timestamp = timestamp.map_err(|_| "the timestamp to sign is no number")?;
            let signature = self
                .webhook
                .sign(text(HEADER_WEBHOOK_ID), timestamp, &raw.body);
            let signature = signature.map_err(|_| "only UTF-8 bodies can be signed")?;
            headers.insert(HEADER_WEBHOOK_SIGNATURE, value(&signature)?);
        }
        let request = self
            .client
            .post(self.endpoint.clone())
            .headers(headers)
            .body(raw.body);
        let answer = request.send().await.map_err(|error| describe(&error))?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let body = read(answer).await?;
        if let Some(received) = &self.received {
            received
                .keep(status.as_str(), &headers, &body)
                .map_err(|error| format!("the answer can't be kept: {error}"))?;
        }
        Ok(Answer {
            status,
            headers,
            body,
        })
    }
}

/// The service's answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

async fn read(mut answer: reqwest::Response) -> Result<Bytes, String> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| describe(&error))? {
        body.extend_from_slice(&chunk);
        if body.len() > ANSWER_LIMIT {
            return Err("the answer is too long".into());
        }
    }
    Ok(body.into())
}

fn read_verdicts(body: &[u8]) -> Option<Value> {
    let mut answer: Value = serde_json::from_slice(body).ok()?;
    answer.get_mut("verdicts").map(Value::take)
}

fn value(text: &str) -> Result<HeaderValue, String> {
    HeaderValue::from_str(text).map_err(|_| "a header value is malformed".to_owned())
}

/// The error and its causes, without the URL.
fn describe(error: &reqwest::Error) -> String {
    let kind = if error.is_timeout() {
        "timed out"
    } else if error.is_connect() {
        "could not connect"
    } else {
        "broke off"
    };
    let mut cause: &dyn std::error::Error = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    format!("{kind}: {cause}")
}
