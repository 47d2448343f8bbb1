//! TLS 1.3 on both sides, and what a client's certificate says about it.

use std::path::Path;
use std::sync::Arc;

use aws_lc_rs::digest;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{ClientConfig, RootCertStore, ServerConfig, version};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use x509_parser::extensions::GeneralName;

use crate::config::ConfigError;
use crate::private_file;

/// The client's certificate of a connection, already verified against the configured roots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ClientCertificate {
    /// SHA-256 of the certificate's DER, as in `cnf` `x5t#S256` (RFC 8705 section 3.1).
    pub(crate) thumbprint: [u8; 32],
    /// `uniformResourceIdentifier` SANs.
    pub(crate) uris: Vec<String>,
    /// `dNSName` SANs.
    pub(crate) dns_names: Vec<String>,
}

impl ClientCertificate {
    /// Reads the thumbprint and the SANs; nothing if the certificate can't be read.
    pub(crate) fn from_der(der: &CertificateDer<'_>) -> Option<Self> {
        let (_, certificate) = x509_parser::parse_x509_certificate(der).ok()?;
        let mut found = Self {
            thumbprint: digest::digest(&digest::SHA256, der)
                .as_ref()
                .try_into()
                .ok()?,
            uris: Vec::new(),
            dns_names: Vec::new(),
        };
        let sans = certificate.subject_alternative_name().ok()?;
        for name in sans.iter().flat_map(|san| &san.value.general_names) {
            match name {
                GeneralName::URI(uri) => found.uris.push((*uri).to_owned()),
                GeneralName::DNSName(dns) => found.dns_names.push((*dns).to_owned()),
                _ => {}
            }
        }
        Some(found)
    }
}

fn unreadable(key: &str, path: &Path) -> ConfigError {
    ConfigError::new(format!(
        "{key}: {} has no readable PEM of the kind expected",
        path.display()
    ))
}

fn chain(key: &str, path: &Path) -> Result<Vec<CertificateDer<'static>>, ConfigError> {
    let chain: Vec<_> = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(|_| unreadable(key, path))?;
    if chain.is_empty() {
        Err(unreadable(key, path))
    } else {
        Ok(chain)
    }
}

fn roots(key: &str, path: &Path) -> Result<RootCertStore, ConfigError> {
    let mut roots = RootCertStore::empty();
    for certificate in chain(key, path)? {
        roots.add(certificate).map_err(|_| unreadable(key, path))?;
    }
    Ok(roots)
}

fn private_key(key: &str, path: &Path) -> Result<PrivateKeyDer<'static>, ConfigError> {
    private_file::check(key, path)?;
    PrivateKeyDer::from_pem_file(path).map_err(|_| unreadable(key, path))
}

fn refused(section: &str, error: impl std::fmt::Display) -> ConfigError {
    ConfigError::new(format!(
        "{section}: certificate and key can't be used: {error}"
    ))
}

/// The listener's side: TLS 1.3 only, a client certificate required.
pub(crate) fn server(api: &crate::config::Api) -> Result<ServerConfig, ConfigError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let roots = Arc::new(roots("api.client_ca", &api.client_ca)?);
    let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider.clone())
        .build()
        .map_err(|error| refused("api.client_ca", error))?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&version::TLS13])
        .map_err(|error| refused("api", error))?
        .with_client_cert_verifier(verifier)
        .with_single_cert(
            chain("api.certificate", &api.certificate)?,
            private_key("api.key", &api.key)?,
        )
        .map_err(|error| refused("api", error))?;
    // No resumption: each connection proves its key anew, and its certificate is checked anew.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// The webhook's side: TLS 1.3 only, with the partner's own client certificate.
pub(crate) fn client(webhook: &crate::config::Webhook) -> Result<ClientConfig, ConfigError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&version::TLS13])
        .map_err(|error| refused("webhook", error))?
        .with_root_certificates(roots("webhook.ca", &webhook.ca)?)
        .with_client_auth_cert(
            chain("webhook.certificate", &webhook.certificate)?,
            private_key("webhook.key", &webhook.key)?,
        )
        .map_err(|error| refused("webhook", error))
}
