//! How requests travel: TLS 1.3 as it was configured, no proxy, no redirect; and what is made of
//! the server's refusals.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt;
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse,
    HttpResponseBody, HttpService,
};
use reqwest::header::{CONTENT_LENGTH, HeaderMap};
use reqwest::{Method, StatusCode, redirect, retry};
use rustls::{ClientConfig, RootCertStore};

use super::S3Options;
use crate::{Error, Result};

/// The most that is read of a refusal, in bytes.
const REFUSAL_LIMIT: usize = 16 * 1024;
/// The header that asks for encryption at rest, and says that it was done.
const ENCRYPTION: &str = "x-amz-server-side-encryption";

/// Makes the one client that all requests go through.
#[derive(Debug)]
pub(super) struct Connector(reqwest::Client);

impl Connector {
    pub(super) fn new(options: &S3Options) -> Result<Self> {
        let mut tls = match &options.tls {
            Some(tls) => tls.clone(),
            None => trusting_nobody()?,
        };
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .https_only(options.tls.is_some())
            .http1_only()
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .no_proxy()
            .referer(false)
            .connect_timeout(options.connect_timeout)
            .timeout(options.request_timeout)
            .pool_idle_timeout(Duration::from_secs(20))
            .build();
        client.map(Self).map_err(unusable)
    }
}

/// The client wants TLS settings even where it speaks none.
fn trusting_nobody() -> Result<ClientConfig> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(unusable)?
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth())
}

fn unusable(error: impl std::fmt::Display) -> Error {
    Error::Options(format!("the HTTP client can't be made: {error}"))
}

impl HttpConnector for Connector {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(Plain(self.0.clone())))
    }
}

/// Passes requests on, and of a refusal only what it means: its body may repeat what was signed
/// and with which key, and would end in a log.
#[derive(Debug)]
struct Plain(reqwest::Client);

/// Refusals that trying again doesn't help against.
#[derive(Debug, thiserror::Error)]
enum Final {
    #[error(
        "the bucket isn't there, or this is no S3 server ({0}); check `tiles.url` and the endpoint"
    )]
    NoBucket(String),
    #[error("the server can't do what was asked ({0}); use one that has conditional writes")]
    Unimplemented(String),
    #[error(
        "the server doesn't say that it encrypted the object; leave `encryption` out, or use a server that has it"
    )]
    Unencrypted,
}

impl From<Final> for HttpError {
    fn from(refusal: Final) -> Self {
        Self::new(HttpErrorKind::Unknown, refusal)
    }
}

#[async_trait]
impl HttpService for Plain {
    async fn call(&self, request: HttpRequest) -> std::result::Result<HttpResponse, HttpError> {
        let method = request.method().clone();
        let encryption = request.headers().get(ENCRYPTION).cloned();
        let response = self.0.call(request).await?;
        let status = response.status();
        if status.is_success() {
            let done = response.headers().get(ENCRYPTION);
            return match encryption {
                Some(wanted) if method == Method::PUT && done != Some(&wanted) => {
                    Err(Final::Unencrypted.into())
                }
                _ => Ok(response),
            };
        }
        if status.is_redirection() {
            return Ok(response);
        }
        let (mut parts, body) = response.into_parts();
        let code = code_of(body).await;
        match status {
            // "Not found" must mean the object, or a log would seem to have lost it.
            StatusCode::NOT_FOUND if method == Method::GET && code != "NoSuchKey" => {
                return Err(Final::NoBucket(code).into());
            }
            StatusCode::NOT_IMPLEMENTED => return Err(Final::Unimplemented(code).into()),
            // Another write of the object was under way and nothing is known to exist: to be
            // tried again ("Conditional writes" of Amazon S3), as after any passing failure.
            StatusCode::CONFLICT => parts.status = StatusCode::SERVICE_UNAVAILABLE,
            _ => {}
        }
        parts.headers = only_length(&code);
        Ok(HttpResponse::from_parts(
            parts,
            HttpResponseBody::from(code),
        ))
    }
}

fn only_length(body: &str) -> HeaderMap {
    HeaderMap::from_iter([(CONTENT_LENGTH, body.len().into())])
}

/// The `Code` of an S3 error document ("REST error responses" of Amazon S3).
async fn code_of(body: HttpResponseBody) -> String {
    let mut stream = body.bytes_stream();
    let mut read = Vec::new();
    while let Some(Ok(chunk)) = stream.next().await {
        let room = REFUSAL_LIMIT - read.len();
        read.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if read.len() == REFUSAL_LIMIT {
            break;
        }
    }
    code_in(&String::from_utf8_lossy(&read)).unwrap_or_else(|| "no error code".to_owned())
}

fn code_in(document: &str) -> Option<String> {
    let (_, rest) = document.split_once("<Code>")?;
    let (code, _) = rest.split_once("</Code>")?;
    let named = (1..=64).contains(&code.len()) && code.chars().all(|c| c.is_ascii_alphanumeric());
    named.then(|| code.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_refusal_only_the_code_is_kept() {
        let refused = "<?xml version=\"1.0\"?><Error><Code>SignatureDoesNotMatch</Code>\
            <AWSAccessKeyId>AKIASECRET</AWSAccessKeyId></Error>";
        assert_eq!(code_in(refused).as_deref(), Some("SignatureDoesNotMatch"));
        for none in [
            "",
            "<html>",
            "<Code></Code>",
            "<Code>AKIA SECRET</Code>",
            "<Code>cut",
        ] {
            assert_eq!(code_in(none), None, "{none}");
        }
    }
}
