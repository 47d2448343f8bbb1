#![allow(clippy::unwrap_used)]
use std::sync::Arc;

use futures::StreamExt as _;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::*;
use crate::testing::{Ca, Files, Leaf};

const AUDITOR: &str = "spiffe://smarthome/auditor";

async fn connect(at: std::net::SocketAddr, config: Arc<ClientConfig>) -> TlsStream<TcpStream> {
    let tcp = TcpStream::connect(at).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let connector = TlsConnector::from(config);
    connector.connect(name, tcp).await.unwrap()
}

fn anonymous(ca: &Ca) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    let root = CertificateDer::from_pem_slice(ca.pem().as_bytes()).unwrap();
    roots.add(root).unwrap();
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(config)
}

#[tokio::test]
async fn anybody_may_visit_and_a_certificate_that_is_shown_must_be_good() {
    let ca = Ca::new();
    let files = Files::new(&ca.issue(&Leaf::default()), &ca.pem());
    let tls = ServerTls::load_open(files.server(), Protocol::Http).unwrap();
    let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut listener = OpenListener::new(tcp, tls, ListenerLimits::default()).unwrap();
    let address = listener.local_addr();

    let stream = connect(address, anonymous(&ca)).await;
    let visitor = listener.next().await.unwrap().unwrap();
    assert!(visitor.peer().peer().is_none());
    let local = stream.get_ref().0.local_addr().unwrap();
    assert_eq!(visitor.peer().remote_addr(), local);

    let of = |issued| {
        let files = Files::new(issued, &ca.pem());
        let tls = ClientTls::load(files.client(), Protocol::Http).unwrap();
        tls.current().config.clone()
    };
    let strange = Ca::new().issue(&Leaf::default());
    // Under TLS 1.3 a client learns with its first read that its certificate was refused.
    let mut refused = connect(address, of(&strange)).await;
    assert!(refused.read_u8().await.is_err());

    let known = ca.issue(&Leaf {
        uri: vec![AUDITOR],
        ..Leaf::default()
    });
    let _stream = connect(address, of(&known)).await;
    let visitor = listener.next().await.unwrap().unwrap();
    assert_eq!(visitor.peer().peer().unwrap().uri(), [AUDITOR]);
}

#[tokio::test]
async fn a_listener_of_peers_takes_no_visitor_even_of_an_open_server() {
    let ca = Ca::new();
    let files = Files::new(&ca.issue(&Leaf::default()), &ca.pem());
    let tls = ServerTls::load_open(files.server(), Protocol::Http).unwrap();
    let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let listener = TlsListener::new(tcp, tls, ListenerLimits::default()).unwrap();
    let mut refused = connect(listener.local_addr(), anonymous(&ca)).await;
    assert!(refused.read_u8().await.is_err());
}
