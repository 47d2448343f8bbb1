//! The configuration: one TOML file, unknown keys refused, secrets only by file reference.

mod complexes;
mod sections;
mod webhook;

use std::path::{Path, PathBuf};

use figment::{
    Figment,
    providers::{Format, Toml},
};
use serde::Deserialize;

pub use complexes::{Complex, Device, Kind};
pub use sections::{Api, Attestation, Client, Control, Journal, Log, Oauth, Store};
pub use webhook::Webhook;

use crate::ids::PartnerId;

/// A configuration that can't be used. Names the key and what is expected.
#[derive(Debug, thiserror::Error)]
#[error("configuration: {0}")]
pub struct ConfigError(String);

impl ConfigError {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

/// Everything that is configured.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The partner's id; the source of its events is `urn:smarthome:partner:{partner}`.
    pub partner: PartnerId,
    /// The mTLS listener.
    pub api: Api,
    /// Access tokens.
    #[serde(default)]
    pub oauth: Oauth,
    /// Who may ask for tokens.
    pub clients: Vec<Client>,
    /// What is kept, encrypted.
    pub store: Store,
    /// The journal of physical openings.
    pub journal: Journal,
    /// The signed statement of how data is kept.
    pub attestation: Attestation,
    /// Where events are sent; without it they are kept for backfill only.
    pub webhook: Option<Webhook>,
    /// The control listener of the simulation.
    pub control: Control,
    /// Logs.
    #[serde(default)]
    pub log: Log,
    /// The complexes and their devices.
    pub complexes: Vec<Complex>,
}

impl Config {
    /// Reads and checks a file; relative paths in it are relative to its folder.
    ///
    /// # Errors
    /// [`ConfigError`] naming the key that is missing, unknown or wrong.
    pub fn load(file: &Path) -> Result<Self, ConfigError> {
        if !file.is_file() {
            return Err(ConfigError::new(format!(
                "there is no file {}",
                file.display()
            )));
        }
        let mut config: Self = Figment::from(Toml::file_exact(file))
            .extract()
            .map_err(|error| ConfigError::new(error.to_string()))?;
        let folder = file.parent().unwrap_or_else(|| Path::new("."));
        config.resolve_paths(folder);
        config.check()?;
        Ok(config)
    }

    fn resolve_paths(&mut self, folder: &Path) {
        let mut paths: Vec<&mut PathBuf> = vec![
            &mut self.api.certificate,
            &mut self.api.key,
            &mut self.api.client_ca,
            &mut self.store.path,
            &mut self.store.keyring,
            &mut self.journal.path,
            &mut self.attestation.signing_key,
        ];
        if let Some(webhook) = &mut self.webhook {
            paths.extend([
                &mut webhook.secret_file,
                &mut webhook.certificate,
                &mut webhook.key,
                &mut webhook.ca,
            ]);
        }
        paths.extend(&mut self.control.received);
        for path in paths {
            *path = folder.join(&*path);
        }
    }

    fn check(&self) -> Result<(), ConfigError> {
        self.api.check()?;
        self.oauth.check()?;
        self.control.check()?;
        self.store.check()?;
        if let Some(webhook) = &self.webhook {
            webhook.check()?;
        }
        complexes::check(&self.complexes)?;
        sections::check_clients(&self.clients, &self.complexes)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const GOOD: &str = include_str!("../../example.toml");

    fn load(text: &str) -> Result<Config, ConfigError> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("partner.toml");
        std::fs::write(&file, text).unwrap();
        Config::load(&file)
    }

    #[test]
    fn the_example_is_valid_and_its_paths_are_relative_to_it() {
        let config = load(GOOD).unwrap();
        assert!(config.store.path.is_absolute());
        assert_eq!(config.complexes[0].devices[0].actuation.as_millis(), 1500);
    }

    #[test]
    fn bad_configurations_are_refused_with_the_key_named() {
        let cases = [
            (
                "cancel_wait = \"2s\"",
                "cancel_wayt = \"2s\"",
                "cancel_wayt",
            ),
            ("[journal]", "[jurnal]", "jurnal"),
            (
                "listen = \"127.0.0.1:9444\"",
                "listen = \"0.0.0.0:9444\"",
                "control.listen",
            ),
            (
                "max_validity = \"1h\"",
                "max_validity = \"200h\"",
                "api.max_validity",
            ),
            ("kind = \"barrier\"", "kind = \"hatch\"", "hatch"),
            (
                "id = \"sunrise.lobby\"",
                "id = \"sunset.lobby\"",
                "sunset.lobby",
            ),
            ("\"doors:open\", ", "\"doors:opn\", ", "doors:opn"),
            (
                "complexes = [\"sunrise\"]",
                "complexes = [\"moonrise\"]",
                "moonrise",
            ),
            ("token_ttl = \"5m\"", "token_ttl = \"soon\"", "token_ttl"),
            (
                "tls_client_auth_san_uri =",
                "tls_client_auth_san_email =",
                "tls_client_auth_san_email",
            ),
        ];
        for (from, to, named) in cases {
            assert!(GOOD.contains(from), "the example lacks {from}");
            let error = load(&GOOD.replace(from, to)).unwrap_err().to_string();
            assert!(error.contains(named), "{to}: {error}");
        }
    }
}
