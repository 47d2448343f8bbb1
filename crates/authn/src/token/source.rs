//! Fetches an issuer's keys.

use std::sync::Arc;
use std::time::Instant;

use serde::Deserialize;
use url::Url;

use super::config::{IssuerConfig, IssuerConfigError};
use super::http::http_client;
use super::keyset::KeySet;

/// Largest document that is read, in bytes.
const MAX_BYTES: usize = 256 * 1024;

/// Where the keys come from.
pub(super) struct KeySource {
    http: reqwest::Client,
    config: Arc<IssuerConfig>,
}

/// OpenID Connect Discovery 1.0, section 3.
#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    jwks_uri: Url,
}

impl KeySource {
    /// Prepares calls; makes none.
    pub(super) fn new(config: Arc<IssuerConfig>) -> Result<Self, IssuerConfigError> {
        let http = http_client(config.ca_file.as_deref(), config.insecure)?;
        Ok(Self { http, config })
    }

    /// Fetches the key set; `now` becomes its age's start. The error says what went wrong where.
    pub(super) async fn fetch(&self, now: Instant) -> Result<KeySet, String> {
        let location = match &self.config.jwks_uri {
            Some(location) => location.clone(),
            None => self.discover().await?,
        };
        let body = self.get(&location).await?;
        KeySet::parse(&body, &self.config.algorithms, now)
            .map_err(|problem| format!("{location}: {problem}"))
    }

    async fn discover(&self) -> Result<Url, String> {
        let issuer = self.config.issuer.trim_end_matches('/');
        let location = format!("{issuer}/.well-known/openid-configuration");
        let wrong = |problem: &str| format!("{location}: {problem}");
        let url = Url::parse(&location).map_err(|_| wrong("not a URL"))?;
        let metadata: Metadata = serde_json::from_slice(&self.get(&url).await?)
            .map_err(|_| wrong("no discovery document"))?;
        if metadata.issuer != self.config.issuer {
            return Err(wrong("names another issuer"));
        }
        if !self.config.allows(&metadata.jwks_uri) {
            return Err(wrong("`jwks_uri` isn't https"));
        }
        Ok(metadata.jwks_uri)
    }

    async fn get(&self, url: &Url) -> Result<Vec<u8>, String> {
        let failed = |problem: &dyn ToString| format!("{url}: {}", problem.to_string());
        let mut response = self
            .http
            .get(url.clone())
            .send()
            .await
            .map_err(|error| failed(&chain(&error.without_url())))?;
        if response.status() != reqwest::StatusCode::OK {
            return Err(failed(&format!("answered {}", response.status())));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response
            .chunk()
            .await
            .map_err(|error| failed(&chain(&error.without_url())))?
        {
            if body.len() + chunk.len() > MAX_BYTES {
                return Err(failed(&format!("longer than {MAX_BYTES} bytes")));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}

/// reqwest's own text leaves out why.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
