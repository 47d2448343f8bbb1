//! A node that breaks off before it has said why, as a real one does under load: it looks at a
//! certificate after its client takes itself for connected, and closes the connection when the
//! client may be writing to it already.

use std::sync::Arc;

use authn::tls::{Protocol, ServerTls, TlsFiles};
use harness::pki::{Pki, San};
use projector::store::{self, StoreError};
use rustls::ServerConfig;
use service::config::SecretFile;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::scene;

#[tokio::test]
async fn who_is_broken_off_without_a_word_learns_why() {
    let folder = tempfile::tempdir().unwrap();
    let pki = Pki::create(&folder.path().join("pki")).unwrap();
    let rogue = Pki::rogue(&folder.path().join("rogue")).unwrap();
    let server = pki.issue_server("node", &[]).unwrap();
    let takes_those_of = |clients: &Pki| {
        let files = TlsFiles {
            certificate: server.certificate.clone().into(),
            private_key: SecretFile::new(server.private_key.clone()),
            client_roots: clients.bundle().into(),
            client_revocations: None,
        };
        ServerTls::load(files, Protocol::Http).unwrap()
    };
    let (silent, strict) = (takes_those_of(&rogue), takes_those_of(&pki));
    let node = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("cassandra://{}/views", node.local_addr().unwrap());
    let serving = tokio::spawn(async move {
        break_off(&node, silent.current()).await;
        loop {
            break_off(&node, strict.current()).await;
        }
    });

    let foreign = rogue
        .issue_client("projector", &[San::uri("spiffe://smarthome/projector")])
        .unwrap();
    let views = scene::views(folder.path(), &scene::section(&url, &foreign, &pki));
    let opened = store::open_configured(&views).await.err();
    assert!(
        matches!(&opened, Some(StoreError::Refused(why)) if why.contains("doesn't take")),
        "{opened:?}"
    );
    serving.abort();
}

/// Takes one connection, as far as its certificates go, and closes it.
async fn break_off(node: &TcpListener, config: Arc<ServerConfig>) {
    let (tcp, _) = node.accept().await.unwrap();
    drop(TlsAcceptor::from(config).accept(tcp).await);
}
