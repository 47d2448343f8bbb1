//! TLS towards the bucket's server. Its roots are those of the start; the certificate is the one
//! that the files hold when a connection is made.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use authn::tls::{ClientTls, Protocol};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use rustls_platform_verifier::Verifier;

use crate::config::S3Config;

/// How often certificates are looked at.
const RELOAD: Duration = Duration::from_secs(30);

/// None where the endpoint speaks plain text.
pub(super) fn load(s3: &S3Config) -> anyhow::Result<Option<ClientConfig>> {
    if !s3.encrypted() {
        return Ok(None);
    }
    let config = match s3.client_tls().map_err(anyhow::Error::msg)? {
        Some(files) => with_certificate(ClientTls::load(files, Protocol::Http)?),
        None => without_certificate(s3)?,
    };
    Ok(Some(config))
}

fn with_certificate(tls: Arc<ClientTls>) -> ClientConfig {
    // For as long as the process runs: it opens its bucket once.
    tokio::spawn(Arc::clone(&tls).reload_every(RELOAD));
    tls.following()
}

fn without_certificate(s3: &S3Config) -> anyhow::Result<ClientConfig> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&rustls::version::TLS13])?;
    let Some(ca) = &s3.ca else {
        let verifier = Verifier::new(provider).context("the system's root certificates")?;
        // The name is the builder's: this verifier checks as much as the default one.
        let config = config.dangerous();
        return Ok(config
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth());
    };
    let file = ca.display();
    let pem = std::fs::read(ca).with_context(|| format!("`ca`: can't read {file}"))?;
    let mut roots = RootCertStore::empty();
    for root in CertificateDer::pem_slice_iter(&pem) {
        let added = root.ok().and_then(|root| roots.add(root).ok());
        added.with_context(|| format!("`ca`: {file} isn't certificates as PEM"))?;
    }
    anyhow::ensure!(!roots.is_empty(), "`ca`: {file} has no certificate");
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}
