//! Where people log in, as what, and for how long.

use std::time::Duration;

use serde::{Deserialize, Deserializer, de::Error as _};
use service::config::{ConfigPath, SecretFile};
use url::Url;

/// Where and as what people log in.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProviderConfig {
    /// The issuer, as it stands in the tokens (`iss`).
    pub issuer: Https,
    /// This client's name there.
    pub client_id: String,
    /// What is asked for, separated by spaces.
    #[serde(default = "scope")]
    pub scope: String,
    /// The service that the access token is for (RFC 8707), where the issuer asks for it.
    pub resource: Option<String>,
    /// The same, for issuers that know it as `audience`.
    pub audience: Option<String>,
    /// Roots (PEM) of the issuer's certificate, besides the system's.
    pub ca_file: Option<ConfigPath>,
    /// The client's P-256 key (PEM, PKCS#8), with which it proves itself (`private_key_jwt`); none for
    /// a public client.
    pub client_key: Option<SecretFile>,
    /// That key's id, where the issuer knows it by one.
    pub client_key_id: Option<String>,
}

/// Logins of a web page.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebLoginConfig {
    /// Where the page is served, as browsers see it. The issuer sends them back to
    /// `<origin>/callback`, and after a logout to `<origin>/signed-out`.
    pub origin: Origin,
    /// The issuer.
    pub provider: ProviderConfig,
    /// Sessions.
    #[serde(default)]
    pub sessions: SessionLimits,
}

/// How many sessions there are at most, and how long they last.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SessionLimits {
    /// Of all people; above it nobody can log in.
    pub most: usize,
    /// Of one person; above it the oldest ends.
    pub most_of_one: usize,
    /// A session that was not used for so long has ended.
    #[serde(with = "service::config::duration")]
    pub idle: Duration,
    /// So long after the login a session has ended, however much it was used.
    #[serde(with = "service::config::duration")]
    pub longest: Duration,
    /// Logins that have begun; above it the oldest is forgotten.
    pub most_pending: usize,
    /// How long people may take to log in.
    #[serde(with = "service::config::duration")]
    pub pending: Duration,
}

impl Default for SessionLimits {
    fn default() -> Self {
        Self {
            most: 10_000,
            most_of_one: 10,
            idle: Duration::from_secs(30 * 60),
            longest: Duration::from_secs(12 * 60 * 60),
            most_pending: 10_000,
            pending: Duration::from_secs(10 * 60),
        }
    }
}

impl WebLoginConfig {
    /// Rules that types alone can't express.
    ///
    /// # Errors
    /// A text that names the key and says what to write instead.
    pub fn validate(&self) -> Result<(), String> {
        let limits = &self.sessions;
        if limits.most == 0 || limits.most_of_one == 0 || limits.most_pending == 0 {
            return Err(
                "`sessions.most`, `most_of_one` and `most_pending` must be at least 1".to_owned(),
            );
        }
        if limits.idle.is_zero() || limits.idle > limits.longest || limits.pending.is_zero() {
            return Err(
                "`sessions.idle` must be above 0 and not above `sessions.longest`, and \
                 `sessions.pending` above 0"
                    .to_owned(),
            );
        }
        let asked = self.provider.scope.split(' ');
        if !asked.into_iter().any(|scope| scope == "openid") {
            return Err(
                "`provider.scope` must hold `openid`, or nobody says who has logged in".to_owned(),
            );
        }
        Ok(())
    }
}

fn scope() -> String {
    "openid access".to_owned()
}

/// An https URL without query or fragment, as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Https(pub String);

impl<'de> Deserialize<'de> for Https {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let url = Url::parse(&text).ok();
        let good = url.is_some_and(|url| {
            url.scheme() == "https" && url.query().is_none() && url.fragment().is_none()
        });
        let wrong = || D::Error::custom("expected an https URL without query or fragment");
        good.then_some(Self(text)).ok_or_else(wrong)
    }
}

/// `https://host` or `https://host:port`, without a slash at its end, as browsers write an origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(String);

impl Origin {
    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// An address below it.
    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.0)
    }
}

impl<'de> Deserialize<'de> for Origin {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let url = Url::parse(&text).ok().filter(|url| url.scheme() == "https");
        let origin = url.map(|url| url.origin().ascii_serialization());
        let wrong =
            || D::Error::custom("expected https://HOST or https://HOST:PORT, no slash at its end");
        origin
            .filter(|origin| *origin == text)
            .map(Self)
            .ok_or_else(wrong)
    }
}
