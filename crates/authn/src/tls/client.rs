//! The client's side.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rustls::client::{ResolvesClientCert, Resumption, WebPkiServerVerifier};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, SignatureScheme};
use tokio::sync::watch;

use super::files::{ClientTlsFiles, Material, Sources, TlsError};
use super::reload::{Reload, Reloading};
use super::{Protocol, provider};
use crate::peer::Thumbprint;

/// A client's TLS: version 1.3, a certificate of its own, the configured roots and no others,
/// reloaded by content.
pub struct ClientTls {
    reloading: Reloading<ClientIdentity>,
    generations: watch::Sender<u64>,
}

/// One generation of a client's TLS.
#[derive(Clone, Debug)]
pub struct ClientIdentity {
    /// For building a client; `(*config).clone()` is what reqwest's
    /// `tls_backend_preconfigured` takes.
    pub config: Arc<ClientConfig>,
    /// Of the client certificate, to which its access tokens are bound (RFC 8705, section 3).
    pub thumbprint: Thumbprint,
    /// The end of the client certificate's validity.
    pub not_after: Timestamp,
    /// Counts from 1, one up with every change of the files. HTTP clients that were built from
    /// another generation have to be built again.
    pub generation: u64,
}

impl ClientIdentity {
    /// The same trust in servers, but no certificate of one's own: for asking whether a server
    /// demands one. Nothing is resumed, as a resumed connection is as good as its certificate.
    pub fn without_certificate(&self) -> ClientConfig {
        let mut config = ClientConfig::clone(&self.config);
        config.resumption = Resumption::disabled();
        config.client_auth_cert_resolver = Arc::new(Nobody);
        config
    }
}

impl ClientTls {
    /// Loads the files.
    ///
    /// # Errors
    /// [`TlsError`], which names the file.
    pub fn load(files: ClientTlsFiles, protocol: Protocol) -> Result<Arc<Self>, TlsError> {
        let sources = Sources {
            certificate: files.certificate,
            private_key: files.private_key,
            roots: files.server_roots,
            revocations: files.server_revocations,
        };
        let reloading =
            Reloading::load(sources, "client", move |sources, material, generation| {
                build(sources, material, protocol, generation)
            })?;
        Ok(Arc::new(Self {
            reloading,
            generations: watch::Sender::new(1),
        }))
    }

    /// The generation for a client that is built now.
    pub fn current(&self) -> Arc<ClientIdentity> {
        self.reloading.current()
    }

    /// A configuration that shows the certificate of the moment when a connection is made, for
    /// clients that live longer than a generation. Its roots stay those of now. Nothing is resumed:
    /// a resumed connection would go on as whom the certificate named before.
    pub fn following(self: &Arc<Self>) -> ClientConfig {
        let mut config = ClientConfig::clone(&self.current().config);
        config.resumption = Resumption::disabled();
        config.client_auth_cert_resolver = Arc::new(Following(Arc::clone(self)));
        config
    }

    /// Wakes when there is a new generation.
    pub fn generations(&self) -> watch::Receiver<u64> {
        self.generations.subscribe()
    }

    /// Reads the files again; it blocks on file access. Files that can't be used change nothing
    /// and are logged and counted in `tls_reload_failures_total`.
    ///
    /// # Errors
    /// [`TlsError`], which names the file.
    pub fn reload_now(&self) -> Result<Reload, TlsError> {
        let reload = self.reloading.reload_now()?;
        let generation = self.current().generation;
        self.generations.send_if_modified(|known| {
            let newer = generation > *known;
            *known = generation.max(*known);
            newer
        });
        Ok(reload)
    }

    /// Reloads at every `interval`; never returns.
    pub async fn reload_every(self: Arc<Self>, interval: Duration) {
        loop {
            tokio::time::sleep(interval).await;
            let this = Arc::clone(&self);
            // An error was logged and counted; a later reload may succeed.
            let _ = tokio::task::spawn_blocking(move || this.reload_now()).await;
        }
    }
}

/// Shows no certificate.
#[derive(Debug)]
struct Nobody;

impl ResolvesClientCert for Nobody {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        None
    }

    fn has_certs(&self) -> bool {
        false
    }
}

/// Asks the generation of the moment.
struct Following(Arc<ClientTls>);

impl ResolvesClientCert for Following {
    fn resolve(
        &self,
        root_hint_subjects: &[&[u8]],
        sigschemes: &[SignatureScheme],
    ) -> Option<Arc<CertifiedKey>> {
        let current = self.0.current();
        let resolver = &current.config.client_auth_cert_resolver;
        resolver.resolve(root_hint_subjects, sigschemes)
    }

    fn has_certs(&self) -> bool {
        true
    }
}

impl fmt::Debug for Following {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Following")
    }
}

fn build(
    sources: &Sources,
    material: Material,
    protocol: Protocol,
    generation: u64,
) -> Result<ClientIdentity, TlsError> {
    let unusable = |error| sources.unusable(error);
    let roots = Arc::new(material.roots);
    let mut servers = WebPkiServerVerifier::builder_with_provider(roots, provider());
    if let Some(lists) = material.revocations {
        servers = servers.with_crls(lists).enforce_revocation_expiration();
    }
    let servers = servers.build().map_err(|error| sources.unusable(error))?;
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(unusable)?
        .with_webpki_verifier(servers)
        .with_client_auth_cert(material.chain, material.key)
        .map_err(unusable)?;
    config.alpn_protocols = protocol.alpn();
    Ok(ClientIdentity {
        config: Arc::new(config),
        thumbprint: material.thumbprint,
        not_after: material.not_after,
        generation,
    })
}
