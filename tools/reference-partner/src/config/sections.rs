//! The sections of the configuration, each with its own checks.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use jiff::fmt::serde::unsigned_duration::friendly::compact::required as duration;
use serde::Deserialize;
use url::Url;

use super::{Complex, ConfigError};
use crate::ids::ComplexId;
use crate::oauth::Scope;

/// The mTLS listener of the REST API and the token endpoint.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Api {
    /// Address to listen on.
    pub listen: SocketAddr,
    /// Issuer identifier (RFC 8414); `https://` and the bound address if absent.
    pub issuer: Option<Url>,
    /// PEM chain of the server's certificate.
    pub certificate: PathBuf,
    /// PEM private key.
    pub key: PathBuf,
    /// PEM roots that client certificates must chain to.
    pub client_ca: PathBuf,
    /// Connections held at once; more wait to be accepted.
    #[serde(default = "Api::default_connections")]
    pub max_connections: usize,
    /// Commands in progress at once; more are answered `unavailable`.
    #[serde(default = "Api::default_commands")]
    pub max_commands_in_progress: usize,
    /// How long cancel waits for a command that is being actuated.
    #[serde(default = "Api::default_cancel_wait", with = "duration")]
    pub cancel_wait: Duration,
    /// How far ahead `expires_at` may be: far below the 7 days for which ids are remembered.
    #[serde(default = "Api::default_validity", with = "duration")]
    pub max_validity: Duration,
}

impl Api {
    fn default_connections() -> usize {
        1024
    }
    fn default_commands() -> usize {
        256
    }
    fn default_cancel_wait() -> Duration {
        Duration::from_secs(2)
    }
    fn default_validity() -> Duration {
        Duration::from_secs(3600)
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if self.max_validity > Duration::from_secs(24 * 3600) {
            return Err(ConfigError::new("api.max_validity: at most 24h"));
        }
        if self.max_connections == 0 || self.max_commands_in_progress == 0 {
            return Err(ConfigError::new(
                "api.max_connections and api.max_commands_in_progress: at least 1",
            ));
        }
        Ok(())
    }
}

/// Access tokens.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Oauth {
    /// How long a token is valid.
    #[serde(with = "duration")]
    pub token_ttl: Duration,
}

impl Default for Oauth {
    fn default() -> Self {
        Self {
            token_ttl: Duration::from_secs(300),
        }
    }
}

impl Oauth {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if (1..=3600).contains(&self.token_ttl.as_secs()) {
            Ok(())
        } else {
            Err(ConfigError::new("oauth.token_ttl: between 1s and 1h"))
        }
    }
}

/// A client of the token endpoint, known by a SAN of its certificate (RFC 8705 section 2.1.2).
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Client {
    /// The client's id.
    pub client_id: String,
    /// The `uniformResourceIdentifier` SAN of its certificate.
    pub tls_client_auth_san_uri: Option<String>,
    /// The `dNSName` SAN of its certificate.
    pub tls_client_auth_san_dns: Option<String>,
    /// Scopes that it may ask for.
    pub scopes: Vec<Scope>,
    /// Complexes that it may name as resource.
    pub complexes: Vec<ComplexId>,
}

pub(super) fn check_clients(clients: &[Client], complexes: &[Complex]) -> Result<(), ConfigError> {
    for (index, client) in clients.iter().enumerate() {
        let id = &client.client_id;
        if clients[..index].iter().any(|other| other.client_id == *id) {
            return Err(ConfigError::new(format!("clients: {id} is there twice")));
        }
        if client.tls_client_auth_san_uri.is_some() == client.tls_client_auth_san_dns.is_some() {
            return Err(ConfigError::new(format!(
                "clients {id}: exactly one of tls_client_auth_san_uri and tls_client_auth_san_dns"
            )));
        }
        for complex in &client.complexes {
            if !complexes.iter().any(|known| known.id == *complex) {
                return Err(ConfigError::new(format!(
                    "clients {id}: no complex {complex}"
                )));
            }
        }
    }
    Ok(())
}

/// The encrypted store.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Store {
    /// The SQLite file.
    pub path: PathBuf,
    /// The keyring; made at the first start.
    pub keyring: PathBuf,
    /// Days after which the data key is replaced.
    #[serde(default = "Store::default_rotation")]
    pub key_rotation_days: u32,
    /// How long events are kept for backfill.
    #[serde(default = "Store::default_events", with = "duration")]
    pub events_kept: Duration,
    /// How long finished deliveries are kept for inspection.
    #[serde(default = "Store::default_deliveries", with = "duration")]
    pub deliveries_kept: Duration,
}

impl Store {
    fn default_rotation() -> u32 {
        90
    }
    fn default_events() -> Duration {
        Duration::from_secs(30 * 24 * 3600)
    }
    fn default_deliveries() -> Duration {
        Duration::from_secs(24 * 3600)
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if self.key_rotation_days == 0 {
            return Err(ConfigError::new("store.key_rotation_days: at least 1"));
        }
        Ok(())
    }
}

/// The journal of physical openings.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Journal {
    /// The JSON lines file.
    pub path: PathBuf,
}

/// The attestation.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attestation {
    /// Ed25519 private key, PKCS#8 PEM, whose public key is pinned at the service.
    pub signing_key: PathBuf,
    /// How long a statement may be relied upon.
    #[serde(default = "Attestation::default_validity", with = "duration")]
    pub validity: Duration,
}

impl Attestation {
    fn default_validity() -> Duration {
        Duration::from_secs(24 * 3600)
    }
}

/// The control listener: plaintext, for the simulation only.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Control {
    /// Loopback address to listen on.
    pub listen: SocketAddr,
    /// File in which everything that the service sends is kept, secrets too; none if absent.
    pub received: Option<PathBuf>,
}

impl Control {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if self.listen.ip().is_loopback() {
            Ok(())
        } else {
            Err(ConfigError::new(
                "control.listen: a loopback address, as it is plaintext and unguarded",
            ))
        }
    }
}

/// Logs.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// Filter directives, such as `info`.
    pub filter: String,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            filter: "info".to_owned(),
        }
    }
}
