//! `[project.witnesses]`: who is shown each checkpoint.

use std::time::Duration;

use serde::Deserialize;
use service::config::ConfigPath;
use url::{Host, Url};
use witness::WitnessKey;

/// `[project.witnesses]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WitnessesConfig {
    /// How many must have cosigned a checkpoint for it to be published as cosigned; all of them where it
    /// isn't said.
    pub quorum: Option<usize>,
    /// How often they are shown what has grown; one that didn't answer is asked again then.
    #[serde(default = "default_interval", with = "service::config::duration")]
    pub interval: Duration,
    /// Roots (PEM) of their servers' certificates, besides the system's.
    pub ca_file: Option<ConfigPath>,
    /// `[[project.witnesses.list]]`.
    pub list: Vec<WitnessConfig>,
}

/// `[[project.witnesses.list]]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WitnessConfig {
    /// What stands before `/add-checkpoint`; plain HTTP on this machine alone.
    pub url: Url,
    /// Its verifier key (C2SP tlog-cosignature), `<name>+<id>+<base64>`.
    pub key: WitnessKey,
}

fn default_interval() -> Duration {
    Duration::from_secs(10)
}

impl WitnessesConfig {
    /// How many are enough.
    pub fn quorum(&self) -> usize {
        self.quorum.unwrap_or(self.list.len())
    }

    /// Whether one of them speaks plain HTTP.
    pub fn is_plain(&self) -> bool {
        self.list.iter().any(|one| one.url.scheme() == "http")
    }

    /// Whether it can be meant.
    ///
    /// # Errors
    /// A text that names the wrong key.
    pub fn check(&self) -> Result<(), String> {
        let key = "project.witnesses";
        if self.list.is_empty() {
            return Err(format!("`{key}.list` names no witness"));
        }
        if !(1..=self.list.len()).contains(&self.quorum()) {
            return Err(format!(
                "`{key}.quorum` must be 1 to the number of witnesses"
            ));
        }
        if self.interval.is_zero() {
            return Err(format!("`{key}.interval` must be more than nothing"));
        }
        for (at, one) in self.list.iter().enumerate() {
            let secure = match one.url.scheme() {
                "https" => true,
                "http" => is_here(&one.url),
                _ => false,
            };
            if !secure {
                return Err(format!(
                    "`{key}.list`: {} must be https, or http on this machine",
                    one.url
                ));
            }
            let twice = self.list.iter().skip(at + 1);
            if twice
                .into_iter()
                .any(|other| other.key.name() == one.key.name())
            {
                return Err(format!("`{key}.list` names {} twice", one.key.name()));
            }
        }
        Ok(())
    }
}

fn is_here(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
