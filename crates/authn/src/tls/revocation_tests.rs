//! Certificates that were revoked, and lists that can't be trusted to say so.
#![allow(clippy::unwrap_used)]
use std::net::SocketAddr;
use std::sync::Arc;

use futures::StreamExt as _;
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;

use super::*;
use crate::testing::{Ca, Files, Issued, Leaf};

/// A server that serves whoever gets in.
struct Server {
    address: SocketAddr,
    tls: Arc<ServerTls>,
}

impl Server {
    async fn start(files: TlsFiles) -> Self {
        let tls = ServerTls::load(files, Protocol::Http).unwrap();
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let limits = ListenerLimits::default();
        let mut listener = TlsListener::new(tcp, Arc::clone(&tls), limits).unwrap();
        let address = listener.local_addr();
        tokio::spawn(async move {
            while let Some(accepted) = listener.next().await {
                let mut connection = accepted.unwrap();
                let _ = tokio::io::AsyncWriteExt::write_all(&mut connection, b"!").await;
            }
        });
        Self { address, tls }
    }

    /// Under TLS 1.3 a client learns with its first read that its certificate was refused.
    async fn lets_in(&self, config: Arc<ClientConfig>) -> bool {
        let tcp = TcpStream::connect(self.address).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        match TlsConnector::from(config).connect(name, tcp).await {
            Ok(mut stream) => stream.read_u8().await.is_ok(),
            Err(_) => false,
        }
    }
}

fn client(issued: &Issued, ca: &Ca) -> Arc<ClientConfig> {
    let files = Files::new(issued, &ca.pem());
    let tls = ClientTls::load(files.client(), Protocol::Http).unwrap();
    tls.current().config.clone()
}

#[tokio::test]
async fn a_revoked_client_is_refused_once_the_list_is_reloaded() {
    let ca = Ca::new();
    let files = Files::new(&ca.issue(&Leaf::default()), &ca.pem());
    let (good, bad) = (ca.issue(&Leaf::default()), ca.issue(&Leaf::default()));
    files.write("revoked.crl", &ca.revocations(&[], false));
    let server = Server::start(files.revoking_server()).await;
    assert!(server.lets_in(client(&good, &ca)).await);
    assert!(server.lets_in(client(&bad, &ca)).await);

    files.write("revoked.crl", &ca.revocations(&[&bad], false));
    assert_eq!(server.tls.reload_now().unwrap(), Reload::Replaced);
    assert!(server.lets_in(client(&good, &ca)).await);
    assert!(!server.lets_in(client(&bad, &ca)).await);
}

#[tokio::test]
async fn where_a_list_is_asked_for_only_a_good_one_lets_anybody_in() {
    let ca = Ca::new();
    let files = Files::new(&ca.issue(&Leaf::default()), &ca.pem());
    let somebody = ca.issue(&Leaf::default());
    for list in [ca.revocations(&[], true), Ca::new().revocations(&[], false)] {
        files.write("revoked.crl", &list);
        let server = Server::start(files.revoking_server()).await;
        assert!(!server.lets_in(client(&somebody, &ca)).await);
    }
    for broken in ["", "-----BEGIN X509 CRL-----\nAAAA"] {
        files.write("revoked.crl", broken);
        let error = ServerTls::load(files.revoking_server(), Protocol::Http).err();
        let text = error.unwrap().to_string();
        assert!(text.contains("revoked.crl"), "{text}");
    }
}

#[tokio::test]
async fn a_client_turns_away_from_a_revoked_server() {
    let ca = Ca::new();
    let identity = ca.issue(&Leaf::default());
    let server = Server::start(Files::new(&identity, &ca.pem()).server()).await;
    let files = Files::new(&ca.issue(&Leaf::default()), &ca.pem());
    for (revoked, trusts) in [(vec![], true), (vec![&identity], false)] {
        files.write("revoked.crl", &ca.revocations(&revoked, false));
        let tls = ClientTls::load(files.revoking_client(), Protocol::Http).unwrap();
        assert_eq!(server.lets_in(tls.current().config.clone()).await, trusts);
    }
}
