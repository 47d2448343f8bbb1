//! `[tiles]`.

use serde::Deserialize;
use url::Url;

#[cfg(feature = "s3")]
pub use s3::{Encryption, S3Config};

/// `[tiles]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TilesConfig {
    /// `file:///absolute/path`, a folder, or `s3://bucket/prefix`.
    pub url: Url,
    /// `[tiles.s3]`, where the URL is of that kind.
    #[cfg(feature = "s3")]
    pub s3: Option<S3Config>,
}

impl TilesConfig {
    /// Whether the storage can be meant; nothing is opened.
    pub(super) fn check(&self) -> Result<(), String> {
        match (self.url.scheme(), self.url.to_file_path()) {
            ("file", Ok(_)) => Ok(()),
            #[cfg(feature = "s3")]
            ("s3", _) => s3::check(self),
            #[cfg(not(feature = "s3"))]
            ("s3", _) => {
                Err("`tiles.url`: this build has no s3; build it with the feature `s3`".to_owned())
            }
            _ => Err("`tiles.url`: write file:///absolute/path, or s3://bucket/prefix".to_owned()),
        }
    }
}

#[cfg(feature = "s3")]
mod s3 {
    use std::time::Duration;

    use authn::tls::ClientTlsFiles;
    use serde::Deserialize;
    use service::config::{ConfigPath, SecretFile};
    use url::Url;

    use super::TilesConfig;

    /// `[tiles.s3]`: how the bucket behind an `s3://` URL is reached. `project` needs keys that
    /// may list the bucket, and read, put and delete its objects; `serve` such that may list and
    /// read.
    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct S3Config {
        /// The server, such as `https://s3.example.org:8333`; without it Amazon's for the region.
        pub endpoint: Option<Url>,
        /// The region that requests are signed for.
        pub region: String,
        /// File with the id of the key that requests are signed with.
        pub access_key_id_file: SecretFile,
        /// File with the key.
        pub secret_access_key_file: SecretFile,
        /// Roots that the server's certificate must chain to (PEM), and no others; without it
        /// the system's.
        pub ca: Option<ConfigPath>,
        /// The certificate chain to show, leaf first (PEM); with `private_key` and `ca`. A
        /// renewed one is shown from the next connection on.
        pub certificate: Option<ConfigPath>,
        /// The certificate's private key (PEM, PKCS#8).
        pub private_key: Option<SecretFile>,
        /// What the server is asked to encrypt objects with; without it what the bucket says.
        pub encryption: Option<Encryption>,
        /// Allows an http endpoint that isn't this machine: what is stored can be read, and
        /// answers be forged, on the way.
        #[serde(default)]
        pub insecure: bool,
        /// How long it may take to get a connection.
        #[serde(
            default = "default_connect_timeout",
            with = "service::config::duration"
        )]
        pub connect_timeout: Duration,
        /// How long one try of a request may take, with its answer.
        #[serde(
            default = "default_request_timeout",
            with = "service::config::duration"
        )]
        pub request_timeout: Duration,
    }

    /// `encryption = "AES256"`, or `encryption = { kms = "<key id or ARN>" }`.
    #[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
    pub enum Encryption {
        /// With the server's own keys.
        AES256,
        /// With this key of the server's key management.
        #[serde(rename = "kms")]
        Kms(String),
    }

    fn default_connect_timeout() -> Duration {
        Duration::from_secs(5)
    }

    fn default_request_timeout() -> Duration {
        Duration::from_secs(10)
    }

    pub(super) fn check(tiles: &TilesConfig) -> Result<(), String> {
        let s3 = tiles.s3.as_ref().ok_or(
            "`tiles.url`: a bucket needs section `[tiles.s3]`, with a region and the files of a key",
        )?;
        auditlog::check_s3(&tiles.url, s3.endpoint.as_ref(), s3.insecure)
            .map_err(|error| format!("`tiles`: {error}"))?;
        s3.client_tls().map(drop)
    }

    impl S3Config {
        /// Whether the endpoint speaks TLS.
        pub(crate) fn encrypted(&self) -> bool {
            self.endpoint
                .as_ref()
                .is_none_or(|url| url.scheme() == "https")
        }

        /// The certificate to show, if there is one.
        pub(crate) fn client_tls(&self) -> Result<Option<ClientTlsFiles>, String> {
            match (&self.certificate, &self.private_key, &self.ca) {
                (None, None, None) => Ok(None),
                _ if !self.encrypted() => Err(
                    "`tiles.s3`: `ca`, `certificate` and `private_key` are for an https endpoint"
                        .to_owned(),
                ),
                (None, None, Some(_)) => Ok(None),
                (Some(certificate), Some(private_key), Some(ca)) => Ok(Some(ClientTlsFiles {
                    certificate: certificate.clone(),
                    private_key: private_key.clone(),
                    server_roots: ca.clone(),
                    server_revocations: None,
                })),
                _ => Err(
                    "`tiles.s3`: `certificate` and `private_key` go together, and with `ca`"
                        .to_owned(),
                ),
            }
        }
    }
}
