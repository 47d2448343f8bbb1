//! The configuration file. DEVELOPMENT ONLY: users' passwords stand in it as they are.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use figment::Figment;
use figment::providers::{Env, Format, Toml};
use serde::Deserialize;
use url::Url;

use crate::error::Error;
use crate::scope::Scope;
use crate::secret;

mod check;

/// The issuer's configuration, checked.
///
/// ```toml
/// listen = "127.0.0.1:8443"
/// issuer = "https://localhost:8443"           # a loopback host, the port of `listen`
/// signing_key_file = "signing.pem"            # created where absent
/// ready_file = "ready"                        # may be left out
/// access_token_ttl_secs = 300                 # this and the next two: the defaults
/// refresh_token_ttl_secs = 28800              # from the login on, however often rotated
/// retired_key_ttl_secs = 900
///
/// [tls]
/// certificate_file = "tls.crt"
/// private_key_file = "tls.key"
///
/// [[clients]]                                 # public: no secret, PKCE with S256 required
/// client_id = "owner-app"
/// redirect_uris = ["https://app.example/callback"]
/// post_logout_redirect_uris = ["https://app.example/signed-out"]   # may be left out
/// scopes = ["openid", "access"]               # what it may ask for
/// audience = "smarthome"                      # `aud` of its access tokens
///
/// [[users]]
/// username = "anna"
/// password = "readable: development only"
/// sub = "3f0c"
/// roles = []                                  # the claims of these names
/// complexes = ["sunrise"]
/// ```
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where to listen: loopback, and the port that the issuer URL names.
    pub(crate) listen: SocketAddr,
    /// The issuer identifier: https, a loopback host, no path.
    issuer: Url,
    /// The ES256 key, PKCS#8 PEM; created where absent.
    pub(crate) signing_key_file: PathBuf,
    /// Written with the address once the issuer accepts connections.
    pub(crate) ready_file: Option<PathBuf>,
    #[serde(default = "five_minutes")]
    access_token_ttl_secs: u64,
    /// How long after the login its refresh tokens end, however often they were rotated.
    #[serde(default = "eight_hours")]
    refresh_token_ttl_secs: u64,
    /// How long a key stays published after its rotation.
    #[serde(default = "a_quarter_hour")]
    retired_key_ttl_secs: u64,
    pub(crate) tls: TlsFiles,
    clients: Vec<Client>,
    users: Vec<User>,
}

fn five_minutes() -> u64 {
    300
}

fn eight_hours() -> u64 {
    8 * 60 * 60
}

fn a_quarter_hour() -> u64 {
    900
}

/// PEM files of the HTTPS listener.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TlsFiles {
    pub(crate) certificate_file: PathBuf,
    pub(crate) private_key_file: PathBuf,
}

/// A public client: it has no secret and must use PKCE.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Client {
    pub(crate) client_id: String,
    pub(crate) redirect_uris: Vec<String>,
    /// Where a logout may lead back to.
    #[serde(default)]
    pub(crate) post_logout_redirect_uris: Vec<String>,
    /// What it may ask for.
    pub(crate) scopes: Scope,
    /// The `aud` of its access tokens.
    pub(crate) audience: String,
}

/// Somebody who may log in.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct User {
    pub(crate) username: String,
    password: Password,
    pub(crate) sub: String,
    #[serde(default)]
    pub(crate) roles: Vec<String>,
    #[serde(default)]
    pub(crate) complexes: Vec<String>,
}

#[derive(Deserialize)]
#[serde(transparent)]
struct Password(String);

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[redacted]")
    }
}

impl Config {
    /// Reads and checks a TOML file; environment variables `DEV_ISSUER_<KEY>` override its
    /// top-level keys.
    ///
    /// # Errors
    /// [`Error::Config`] naming the key: it is unknown, absent, or not what it must be.
    pub fn load(file: &Path) -> Result<Self, Error> {
        let overrides = Env::prefixed("DEV_ISSUER_");
        Self::extract(Figment::from(Toml::file_exact(file)).merge(overrides), file)
    }

    /// Reads and checks the text of a TOML file, with no regard to the environment.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        Self::extract(Figment::from(Toml::string(text)), Path::new("text"))
    }

    fn extract(figment: Figment, source: &Path) -> Result<Self, Error> {
        let config: Self = figment
            .extract()
            .map_err(|error| check::unreadable(&error, source))?;
        check::config(&config)?;
        Ok(config)
    }

    /// Where to listen.
    pub fn listen(&self) -> SocketAddr {
        self.listen
    }

    /// The issuer identifier, exactly as it stands in tokens: without a slash at the end.
    pub(crate) fn issuer(&self) -> &str {
        self.issuer.as_str().trim_end_matches('/')
    }

    pub(crate) fn access_token_ttl(&self) -> Duration {
        Duration::from_secs(self.access_token_ttl_secs)
    }

    pub(crate) fn refresh_token_ttl(&self) -> Duration {
        Duration::from_secs(self.refresh_token_ttl_secs)
    }

    pub(crate) fn retired_key_ttl(&self) -> Duration {
        Duration::from_secs(self.retired_key_ttl_secs)
    }

    pub(crate) fn client(&self, client_id: &str) -> Option<&Client> {
        let mut clients = self.clients.iter();
        clients.find(|client| client.client_id == client_id)
    }

    pub(crate) fn user(&self, username: &str) -> Option<&User> {
        self.users.iter().find(|user| user.username == username)
    }

    /// The user with these credentials.
    pub(crate) fn authenticate(&self, username: &str, password: &str) -> Option<&User> {
        self.user(username).filter(|user| {
            secret::same(&secret::digest(&user.password.0), &secret::digest(password))
        })
    }

    pub(crate) fn scopes(&self) -> impl Iterator<Item = &str> {
        self.clients.iter().flat_map(|client| client.scopes.iter())
    }
}
