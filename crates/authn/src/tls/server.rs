//! The server's side.

use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};

use super::files::{Material, Sources, TlsError, TlsFiles};
use super::reload::{Reload, Reloading};
use super::{Protocol, provider};

/// A server's TLS: version 1.3, client certificates required unless it is open, no session
/// resumption (each connection is judged by the roots and revocation lists of its own time),
/// reloaded by content.
pub struct ServerTls(Reloading<ServerConfig>);

impl ServerTls {
    /// Loads the files.
    ///
    /// # Errors
    /// [`TlsError`], which names the file.
    pub fn load(files: TlsFiles, protocol: Protocol) -> Result<Arc<Self>, TlsError> {
        Self::of(files, protocol, Clients::Known)
    }

    /// As [`load`](Self::load), but clients may come without a certificate: for a listener of
    /// [`Visitor`](super::Visitor)s. A listener of peers refuses such connections all the same.
    ///
    /// # Errors
    /// [`TlsError`], which names the file.
    pub fn load_open(files: TlsFiles, protocol: Protocol) -> Result<Arc<Self>, TlsError> {
        Self::of(files, protocol, Clients::Anybody)
    }

    fn of(files: TlsFiles, protocol: Protocol, who: Clients) -> Result<Arc<Self>, TlsError> {
        let sources = Sources {
            certificate: files.certificate,
            private_key: files.private_key,
            roots: files.client_roots,
            revocations: files.client_revocations,
        };
        let reloading = Reloading::load(sources, "server", move |sources, material, _| {
            build(sources, material, protocol, who)
        })?;
        Ok(Arc::new(Self(reloading)))
    }

    /// The configuration for a connection that begins now.
    pub fn current(&self) -> Arc<ServerConfig> {
        self.0.current()
    }

    /// Reads the files again; it blocks on file access. Files that can't be used change nothing
    /// and are logged and counted in `tls_reload_failures_total`.
    ///
    /// # Errors
    /// [`TlsError`], which names the file.
    pub fn reload_now(&self) -> Result<Reload, TlsError> {
        self.0.reload_now()
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

/// Who may connect.
#[derive(Clone, Copy)]
enum Clients {
    /// Who shows a certificate.
    Known,
    /// Anybody; a certificate that is shown must be good.
    Anybody,
}

fn build(
    sources: &Sources,
    material: Material,
    protocol: Protocol,
    who: Clients,
) -> Result<ServerConfig, TlsError> {
    let unusable = |error| sources.unusable(error);
    let roots = Arc::new(material.roots);
    let mut clients = WebPkiClientVerifier::builder_with_provider(roots, provider());
    if let Some(lists) = material.revocations {
        clients = clients.with_crls(lists).enforce_revocation_expiration();
    }
    if let Clients::Anybody = who {
        clients = clients.allow_unauthenticated();
    }
    let clients = clients.build().map_err(|error| sources.unusable(error))?;
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(unusable)?
        .with_client_cert_verifier(clients)
        .with_single_cert(material.chain, material.key)
        .map_err(unusable)?;
    config.alpn_protocols = protocol.alpn();
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(config)
}
