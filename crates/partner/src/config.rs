//! The configuration of one partner.

use std::time::Duration;

use authn::tls::{ClientTlsFiles, TlsError};
use domain::PartnerId;
use serde::Deserialize;
use url::Url;

/// How to reach one partner.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartnerConfig {
    /// The partner, as it is registered.
    pub partner: PartnerId,
    /// Where its API is: `https`, no path. Also the identifier of its authorization server
    /// (RFC 8414, section 2).
    pub base_url: Url,
    /// Our OAuth 2.0 client id at the partner; authenticated by the certificate alone
    /// (`tls_client_auth`, RFC 8705, section 2.1).
    pub client_id: String,
    /// Where tokens are asked for. Left out, it is discovered (RFC 8414).
    #[serde(default)]
    pub token_endpoint: Option<Url>,
    /// Our certificate for this partner and the roots of its own.
    pub tls: ClientTlsFiles,
    /// How long to wait for a connection.
    #[serde(default = "second", with = "service::config::duration")]
    pub connect_timeout: Duration,
    /// The longest that any call may take, whatever its deadline.
    #[serde(default = "ten_seconds", with = "service::config::duration")]
    pub request_ceiling: Duration,
}

fn second() -> Duration {
    Duration::from_secs(1)
}

fn ten_seconds() -> Duration {
    Duration::from_secs(10)
}

/// A partner's configuration that can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A URL is not one that may be called.
    #[error("`{key}` must be an https URL {form}")]
    Url {
        /// Key in the configuration.
        key: &'static str,
        /// What it must look like.
        form: &'static str,
    },
    /// There is no client id.
    #[error("`client_id` is empty; write the id that the partner gave this process")]
    ClientId,
    /// The certificate files can't be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The HTTP client can't be built.
    #[error("no HTTP client can be built from the certificate: {0}")]
    Http(String),
}

impl PartnerConfig {
    /// Checks what can be checked without files and without the network.
    ///
    /// # Errors
    /// [`ConfigError`], which names the key.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let plain = |url: &Url| {
            url.scheme() == "https"
                && url.has_host()
                && url.username().is_empty()
                && url.password().is_none()
                && url.fragment().is_none()
        };
        let base = &self.base_url;
        if !plain(base) || base.path() != "/" || base.query().is_some() {
            return Err(ConfigError::Url {
                key: "base_url",
                form: "with a host and, if need be, a port, and nothing after it",
            });
        }
        if self.token_endpoint.as_ref().is_some_and(|url| !plain(url)) {
            return Err(ConfigError::Url {
                key: "token_endpoint",
                form: "without user, password or fragment",
            });
        }
        if self.client_id.is_empty() {
            return Err(ConfigError::ClientId);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn config(base_url: &str, token_endpoint: Option<&str>) -> PartnerConfig {
        let mut json = serde_json::json!({
            "partner": "gatekeeper",
            "base_url": base_url,
            "client_id": "command-svc",
            "tls": {"certificate": "c.pem", "private_key": "k.pem", "server_roots": "r.pem"},
        });
        if let Some(url) = token_endpoint {
            json["token_endpoint"] = url.into();
        }
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn only_plain_https_urls_are_called() {
        assert!(
            config("https://partner.example:9443", None)
                .validate()
                .is_ok()
        );
        for base in [
            "http://partner.example",
            "https://partner.example/api",
            "https://partner.example/?a=b",
            "https://user@partner.example",
            "https://partner.example/#x",
            "unix:/socket",
        ] {
            let error = config(base, None).validate().unwrap_err().to_string();
            assert!(error.contains("base_url"), "{base}: {error}");
        }
        let base = "https://partner.example";
        let with = |url| config(base, Some(url)).validate();
        assert!(with("https://id.partner.example/oauth/token?tenant=1").is_ok());
        assert!(with("http://id.partner.example/oauth/token").is_err());
        assert!(with("https://user:pass@id.partner.example/token").is_err());
    }

    #[test]
    fn unknown_keys_are_refused() {
        let json = serde_json::json!({
            "partner": "gatekeeper",
            "base_url": "https://partner.example",
            "client_id": "command-svc",
            "client_secret": "s3cret",
            "tls": {"certificate": "c.pem", "private_key": "k.pem", "server_roots": "r.pem"},
        });
        let error = serde_json::from_value::<PartnerConfig>(json).unwrap_err();
        assert!(error.to_string().contains("client_secret"), "{error}");
    }
}
