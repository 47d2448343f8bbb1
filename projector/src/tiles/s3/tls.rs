//! TLS towards the bucket's server. Its roots are those of the start; the certificate is the one
//! that the files hold when a connection is made.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use authn::tls::{ClientTls, Protocol};
use rustls::client::{ResolvesClientCert, Resumption};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, RootCertStore, SignatureScheme};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use rustls_platform_verifier::Verifier;
use tokio_util::task::AbortOnDropHandle;

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
    let mut config = ClientConfig::clone(&tls.current().config);
    // A resumed connection would go on as whom the certificate named before.
    config.resumption = Resumption::disabled();
    let reloading = tokio::spawn(Arc::clone(&tls).reload_every(RELOAD));
    config.client_auth_cert_resolver = Arc::new(Current {
        tls,
        _reloading: AbortOnDropHandle::new(reloading),
    });
    config
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

/// Shows the certificate of now.
struct Current {
    tls: Arc<ClientTls>,
    _reloading: AbortOnDropHandle<()>,
}

impl ResolvesClientCert for Current {
    fn resolve(
        &self,
        root_hint_subjects: &[&[u8]],
        sigschemes: &[SignatureScheme],
    ) -> Option<Arc<CertifiedKey>> {
        let current = self.tls.current();
        let resolver = &current.config.client_auth_cert_resolver;
        resolver.resolve(root_hint_subjects, sigschemes)
    }

    fn has_certs(&self) -> bool {
        true
    }
}

impl fmt::Debug for Current {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Current")
    }
}
