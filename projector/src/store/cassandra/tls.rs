//! TLS towards the database: the certificate is the one that the files hold when a connection is
//! made. Other roots need a new process.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use authn::tls::{ClientTls, ClientTlsFiles, Protocol};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::super::StoreError;

/// Loads the files.
pub(super) fn load(files: &ClientTlsFiles) -> Result<Arc<ClientTls>, StoreError> {
    // The native protocol has no name of its own in ALPN: what is offered is cleared below.
    ClientTls::load(files.clone(), Protocol::Http)
        .map_err(|error| StoreError::Refused(format!("`views.cassandra.tls`: {error}")))
}

/// For all connections from now on.
pub(super) fn config(tls: &Arc<ClientTls>) -> Arc<ClientConfig> {
    let mut config = tls.following();
    config.alpn_protocols.clear();
    Arc::new(config)
}

/// How a node ends a connection on which nothing is asked; none if it keeps it open for as long as
/// `patience`. With TLS 1.3 (RFC 8446, section 4.4.2.4) a server that doesn't take a certificate
/// says so after its client takes itself for connected. Whoever only listens then hears it, where
/// whoever writes may meet a closed connection first.
pub(super) async fn farewell(
    tls: &Arc<ClientTls>,
    node: &str,
    patience: Duration,
) -> Option<io::Error> {
    let listening = async {
        let host = node.rsplit_once(':').map_or(node, |(host, _)| host);
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        let tcp = TcpStream::connect(node).await?;
        let mut stream = TlsConnector::from(config(tls)).connect(name, tcp).await?;
        stream.read_u8().await
    };
    match tokio::time::timeout(patience, listening).await {
        Ok(ended) => ended.err(),
        Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use harness::pki::{Issued, Pki};
    use rustls::SignatureScheme;
    use service::config::SecretFile;

    use super::*;

    #[test]
    fn a_new_certificate_is_shown_without_a_new_session() {
        let folder = tempfile::tempdir().unwrap();
        let pki = Pki::create(folder.path()).unwrap();
        let own = |extension: &str| folder.path().join(format!("own.{extension}"));
        let take = |issued: &Issued| {
            std::fs::copy(&issued.certificate, own("crt")).unwrap();
            std::fs::copy(&issued.private_key, own("key")).unwrap();
        };
        take(&pki.issue_client("first", &[]).unwrap());
        let tls = load(&ClientTlsFiles {
            certificate: own("crt").into(),
            private_key: SecretFile::new(own("key")),
            server_roots: pki.bundle().into(),
            server_revocations: None,
        })
        .unwrap();
        let config = config(&tls);
        let shown = || {
            let schemes = [SignatureScheme::ECDSA_NISTP256_SHA256];
            let resolver = &config.client_auth_cert_resolver;
            resolver.resolve(&[], &schemes).unwrap().cert.clone()
        };
        let before = shown();
        assert_eq!(before, shown());
        take(&pki.issue_client("second", &[]).unwrap());
        tls.reload_now().unwrap();
        assert_ne!(before, shown());
    }
}
