//! `[serve.console]`.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use authn::tls::{ListenerLimits, TlsFiles};
use domain::ComplexId;
use jiff::tz::TimeZone;
use serde::Deserialize;
use weblogin::WebLoginConfig;

/// `[serve.console]`: the listener of the auditors' pages.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsoleConfig {
    /// Address of the HTTPS listener.
    pub listen: SocketAddr,
    /// `[serve.console.tls]`. Browsers come without a certificate.
    pub tls: TlsFiles,
    /// `[serve.console.login]`: where auditors log in. The access tokens that the provider gives must
    /// be good by `[serve.issuer]`.
    pub login: WebLoginConfig,
    /// `[serve.console.limits]` of the listener.
    #[serde(default)]
    pub limits: ListenerLimits,
    /// Requests at once; one more is refused.
    #[serde(default = "default_requests")]
    pub requests: usize,
    /// IANA name of the time zone in which times are shown, where the complex has none of its own
    /// below.
    #[serde(default = "default_zone")]
    pub time_zone: String,
    /// `[serve.console.time_zones]`: of single complexes, by id.
    #[serde(default)]
    pub time_zones: BTreeMap<ComplexId, String>,
}

fn default_requests() -> usize {
    64
}

fn default_zone() -> String {
    "UTC".to_owned()
}

impl ConsoleConfig {
    /// Whether each time zone is one.
    pub(super) fn check(&self) -> Result<(), String> {
        let login = self.login.validate();
        login.map_err(|error| format!("`serve.console.login`: {error}"))?;
        let zones = self.time_zones.values().chain([&self.time_zone]);
        for zone in zones {
            TimeZone::get(zone).map_err(|_| {
                format!("`serve.console`: `{zone}` is not an IANA name of a time zone, such as Europe/Moscow")
            })?;
        }
        Ok(())
    }

    /// The IANA name of a complex' time zone.
    pub(crate) fn zone_of(&self, complex: &ComplexId) -> &str {
        self.time_zones.get(complex).unwrap_or(&self.time_zone)
    }
}
