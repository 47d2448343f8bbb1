//! The configuration file.

use std::net::SocketAddr;

use authn::tls::{ClientTlsFiles, ListenerLimits, TlsFiles};
use http::Uri;
use jiff::tz::TimeZone;
use serde::{Deserialize, Deserializer, de::Error as _};
use service::config::{ProcessConfig, ProcessSettings};
use weblogin::WebLoginConfig;

/// The configuration.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    process: ProcessSettings,
    /// The page.
    pub(crate) listen: Listen,
    /// How people log in.
    pub(crate) login: WebLoginConfig,
    /// `AccessService` and `GuestService`.
    pub(crate) access: Endpoint,
    /// `ResidentService`.
    pub(crate) residents: Endpoint,
    /// This BFF's certificate, and the roots of both services'.
    pub(crate) tls: ClientTlsFiles,
    /// The zone (IANA) in which times are shown.
    pub(crate) time_zone: Zone,
}

/// The page's listener.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Listen {
    /// Where to listen.
    pub(crate) address: SocketAddr,
    /// Certificate and key; browsers need not show one.
    pub(crate) tls: TlsFiles,
    /// How many connections.
    #[serde(default)]
    pub(crate) limits: ListenerLimits,
}

/// `https://host:port`.
#[derive(Debug)]
pub(crate) struct Endpoint(pub(crate) Uri);

/// A zone of the IANA database.
#[derive(Debug)]
pub(crate) struct Zone(pub(crate) TimeZone);

impl<'de> Deserialize<'de> for Endpoint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let uri: Option<Uri> = String::deserialize(deserializer)?.parse().ok();
        let good = uri.filter(|uri| uri.scheme_str() == Some("https") && uri.path() == "/");
        good.map(Self)
            .ok_or_else(|| D::Error::custom("expected https://HOST:PORT"))
    }
}

impl<'de> Deserialize<'de> for Zone {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        let zone = TimeZone::get(&name);
        zone.map(Self)
            .map_err(|_| D::Error::custom("expected a time zone, such as Europe/Moscow"))
    }
}

impl ProcessConfig for Config {
    const NAME: &'static str = "resident-app";
    const ENV_PREFIX: &'static str = "RESIDENT_APP";

    fn process(&self) -> &ProcessSettings {
        &self.process
    }

    fn validate(&self) -> Result<(), String> {
        let rule = |problem| format!("section [login]: {problem}");
        self.login.validate().map_err(rule)
    }
}
