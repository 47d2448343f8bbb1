//! One request, at most one answer.

use std::time::Duration;

use authn::tls::ClientIdentity;
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use reqwest::{Client, redirect, retry};
use tokio::time::{Instant, timeout_at};

use crate::config::{ConfigError, PartnerConfig};
use crate::egress::Outgoing;

/// The most that is read of an answer, in bytes.
pub(crate) const ANSWER_LIMIT: usize = 64 * 1024;

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Exchange {
    /// A whole answer.
    Answered(Answer),
    /// There was no connection: no byte of the request left.
    NoConnection,
    /// No answer. The request may have arrived.
    Silent,
    /// An answer that was cut off or goes on beyond the limit.
    Cut,
    /// The request held what is not declared, so it was not sent.
    Undeclared,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) media: Media,
    pub(crate) body: Vec<u8>,
}

/// What the answer says its body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Media {
    Json,
    Problem,
    Other,
}

impl Media {
    fn of(headers: &HeaderMap) -> Self {
        let text = headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok());
        let essence = text.and_then(|text| text.split(';').next()).unwrap_or("");
        match essence.trim().to_ascii_lowercase().as_str() {
            "application/json" => Media::Json,
            "application/problem+json" => Media::Problem,
            _ => Media::Other,
        }
    }
}

/// An HTTP client with the certificate `identity`, that sends every request once.
pub(crate) fn client(
    config: &PartnerConfig,
    identity: &ClientIdentity,
) -> Result<Client, ConfigError> {
    let mut tls = (*identity.config).clone();
    // Early data can be replayed by anybody (RFC 8446, section 8), and this opens doors.
    tls.enable_early_data = false;
    // One request a connection at a time: a connection that breaks puts one command in doubt,
    // not all that are under way.
    tls.alpn_protocols = vec![b"http/1.1".to_vec()];
    Client::builder()
        .tls_backend_preconfigured(tls)
        .http1_only()
        .https_only(true)
        .redirect(redirect::Policy::none())
        .retry(retry::never())
        .no_proxy()
        .referer(false)
        .connect_timeout(config.connect_timeout)
        .pool_idle_timeout(Duration::from_secs(20))
        .pool_max_idle_per_host(32)
        .build()
        .map_err(|error| ConfigError::Http(error.to_string()))
}

/// Sends `request` and reads at most `limit` bytes of the answer, until `deadline`. Gives back the rows
/// of the egress ledger that the request held.
///
/// The HTTP client below may choose another connection for a request that an idle connection
/// closed upon, as long as it has not begun to write it; it never writes one twice.
pub(crate) async fn exchange(
    http: &Client,
    request: Outgoing,
    limit: usize,
    deadline: Instant,
) -> (Exchange, Vec<usize>) {
    let (request, rows) = request.into_parts();
    let answer = async {
        let mut response = match http.execute(request).await {
            Ok(response) => response,
            Err(error) => {
                let error = error.without_url();
                tracing::warn!(error = ?error, "no answer from the partner");
                // Of all errors this is the only one after which nothing was sent for certain.
                return if error.is_connect() {
                    Exchange::NoConnection
                } else {
                    Exchange::Silent
                };
            }
        };
        let status = response.status().as_u16();
        let media = Media::of(response.headers());
        let mut body = Vec::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() > limit => return Exchange::Cut,
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Ok(None) => break,
                Err(_) => return Exchange::Cut,
            }
        }
        Exchange::Answered(Answer {
            status,
            media,
            body,
        })
    };
    let exchange = timeout_at(deadline, answer).await;
    (exchange.unwrap_or(Exchange::Silent), rows)
}

impl Exchange {
    /// For metrics.
    pub(crate) fn label(&self) -> &'static str {
        match self {
            Exchange::Answered(answer) => match answer.status {
                200..300 => "2xx",
                400..500 => "4xx",
                500..600 => "5xx",
                _ => "other",
            },
            Exchange::NoConnection => "no_connection",
            Exchange::Silent => "silent",
            Exchange::Cut => "cut",
            Exchange::Undeclared => "undeclared",
        }
    }
}
