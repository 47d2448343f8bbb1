//! Which issuer is trusted, and for what.

use std::time::Duration;

use jsonwebtoken::Algorithm;
use serde::Deserialize;
use service::config::ConfigPath;
use url::Url;

/// One authorization server whose access tokens are taken.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IssuerConfig {
    /// The issuer identifier, compared with `iss` character by character.
    pub issuer: String,
    /// This service's name in `aud`.
    pub audience: String,
    /// Clients whose users' tokens are taken, by `client_id` or `azp`.
    pub allowed_clients: Vec<String>,
    /// A scope that every token must have.
    #[serde(default)]
    pub required_scope: Option<String>,
    /// Where the issuer's keys are (RFC 7517). Absent: as its discovery document says.
    #[serde(default)]
    pub jwks_uri: Option<Url>,
    /// Roots (PEM) trusted for the issuer's server certificate, besides the system's.
    #[serde(default)]
    pub ca_file: Option<ConfigPath>,
    /// How long a fetched key is trusted without being seen again: so long does a key that the
    /// issuer withdrew go on, and so long may the issuer be unreachable.
    #[serde(default = "default_max_key_age", with = "service::config::duration")]
    pub max_key_age: Duration,
    /// Shortest time between two fetches, whatever key ids callers make up.
    #[serde(
        default = "default_refetch_interval",
        with = "service::config::duration"
    )]
    pub refetch_interval: Duration,
    /// Signature algorithms that are taken.
    #[serde(default = "default_algorithms")]
    pub algorithms: Vec<SigningAlgorithm>,
    /// Also takes `typ: JWT`, for servers that can't say `at+jwt`.
    #[serde(default)]
    pub accept_plain_jwt_typ: bool,
    /// Allows `http` for the issuer and its keys: whoever is on the path can then forge tokens.
    #[serde(default)]
    pub insecure: bool,
}

/// A signature algorithm of RFC 7518, section 3.1, or RFC 8037: asymmetric ones only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum SigningAlgorithm {
    /// ECDSA on P-256 with SHA-256.
    ES256,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    RS256,
    /// RSASSA-PSS with SHA-256.
    PS256,
    /// Ed25519.
    EdDSA,
}

/// A configuration that would never take a token, or take it from anybody.
#[derive(Debug, thiserror::Error)]
pub enum IssuerConfigError {
    /// Not a URL of the required form.
    #[error("`{key}` = `{value}` must be an https URL without query or fragment{hint}")]
    Url {
        /// The key.
        key: &'static str,
        /// Its value.
        value: String,
        /// What else to do.
        hint: &'static str,
    },
    /// Empty.
    #[error("`{0}` is empty; nobody's token would be taken")]
    Empty(&'static str),
    /// Keys would be too old before they may be fetched again.
    #[error("`max_key_age` must be at least twice `refetch_interval`")]
    KeyAge,
    /// The roots or the HTTP client.
    #[error("can't prepare calls to the issuer: {0}")]
    Client(String),
}

pub(super) fn default_max_key_age() -> Duration {
    Duration::from_secs(3600)
}

pub(super) fn default_refetch_interval() -> Duration {
    Duration::from_secs(10)
}

pub(super) fn default_algorithms() -> Vec<SigningAlgorithm> {
    use SigningAlgorithm as A;
    vec![A::ES256, A::RS256, A::PS256, A::EdDSA]
}

impl SigningAlgorithm {
    pub(super) fn jws(self) -> Algorithm {
        match self {
            Self::ES256 => Algorithm::ES256,
            Self::RS256 => Algorithm::RS256,
            Self::PS256 => Algorithm::PS256,
            Self::EdDSA => Algorithm::EdDSA,
        }
    }
}

impl IssuerConfig {
    /// Rules that types alone can't express.
    ///
    /// # Errors
    /// [`IssuerConfigError`], which names the key.
    pub fn validate(&self) -> Result<(), IssuerConfigError> {
        self.check_url("issuer", &self.issuer)?;
        if let Some(uri) = &self.jwks_uri {
            self.check_url("jwks_uri", uri.as_str())?;
        }
        let empty = [
            ("audience", self.audience.is_empty()),
            ("allowed_clients", self.allowed_clients.is_empty()),
            ("algorithms", self.algorithms.is_empty()),
        ];
        if let Some((key, _)) = empty.into_iter().find(|(_, empty)| *empty) {
            return Err(IssuerConfigError::Empty(key));
        }
        if self.max_key_age < self.refetch_interval * 2 {
            return Err(IssuerConfigError::KeyAge);
        }
        Ok(())
    }

    fn check_url(&self, key: &'static str, value: &str) -> Result<(), IssuerConfigError> {
        let good = Url::parse(value).is_ok_and(|url| {
            self.allows(&url) && url.query().is_none() && url.fragment().is_none()
        });
        good.then_some(()).ok_or_else(|| IssuerConfigError::Url {
            key,
            value: value.to_owned(),
            hint: if value.starts_with("http://") {
                "; or set `insecure = true`"
            } else {
                ""
            },
        })
    }

    /// Whether keys or metadata may be fetched from there.
    pub(super) fn allows(&self, url: &Url) -> bool {
        url.scheme() == "https" || (self.insecure && url.scheme() == "http")
    }
}
