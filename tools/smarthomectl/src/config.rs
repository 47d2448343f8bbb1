//! Where the service is, and who is asking: one TOML file, as the services have.

use std::path::PathBuf;

use authn::tls::ClientTlsFiles;
use http::Uri;
use serde::{Deserialize, Deserializer, de::Error as _};
use service::config::{ConfigError, SecretFile, load};
use weblogin::ProviderConfig;

/// What overrides single keys: `SMARTHOMECTL__ENDPOINT` and the like.
const ENV_PREFIX: &str = "SMARTHOMECTL";

/// The configuration.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// The listener of `RegistryService`.
    pub(crate) endpoint: Endpoint,
    /// The listener of `AuditService`, for auditors' commands; none where there are none.
    pub(crate) audit_endpoint: Option<Endpoint>,
    /// The operator's access token, in a file that only its owner may read.
    pub(crate) token_file: SecretFile,
    /// How `smarthomectl login` gets one; none where something else keeps the file.
    pub(crate) login: Option<ProviderConfig>,
    /// The operator's certificate, and the roots of the service's.
    pub(crate) tls: ClientTlsFiles,
}

/// `https://host` or `https://host:port`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Endpoint(pub(crate) Uri);

impl<'de> Deserialize<'de> for Endpoint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let uri: Option<Uri> = String::deserialize(deserializer)?.parse().ok();
        uri.filter(|uri| {
            uri.scheme_str() == Some("https") && uri.path() == "/" && uri.query().is_none()
        })
        .map(Self)
        .ok_or_else(|| D::Error::custom("expected https://HOST:PORT"))
    }
}

/// Loads the file that was named, or the one in the operator's own folder.
///
/// # Errors
/// [`ConfigError`], which says what to correct and where.
pub(crate) fn read(named: Option<&PathBuf>) -> Result<Config, ConfigError> {
    let own = || {
        let home = std::env::home_dir().unwrap_or_default();
        home.join(".config/smarthomectl/config.toml")
    };
    load(&named.cloned().unwrap_or_else(own), ENV_PREFIX)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn written(endpoint: &str) -> Result<Config, String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.toml");
        let tls = "certificate = \"op.crt\"\nprivate_key = \"op.key\"\nserver_roots = \"ca.crt\"\n";
        std::fs::write(
            &file,
            format!("endpoint = \"{endpoint}\"\ntoken_file = \"token\"\n[tls]\n{tls}"),
        )
        .unwrap();
        read(Some(&file)).map_err(|error| error.to_string())
    }

    #[test]
    fn only_tls_to_a_host_is_an_endpoint() {
        let config = written("https://registry.example:8443").unwrap();
        assert_eq!(config.endpoint.0.port_u16(), Some(8443));
        for wrong in [
            "http://registry.example",
            "registry.example:8443",
            "https://h/path",
            "",
        ] {
            let text = written(wrong).unwrap_err();
            assert!(text.contains("`endpoint`"), "{wrong}: {text}");
        }
    }
}
