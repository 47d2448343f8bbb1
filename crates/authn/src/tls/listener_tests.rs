#![allow(clippy::unwrap_used)]
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ConnectInfo;
use axum::routing::get;
use axum::{Extension, Router};
use futures::StreamExt as _;
use rustls::{ClientConfig, HandshakeKind, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::*;
use crate::peer::{PeerIdentity, Thumbprint};
use crate::testing::{Ca, Files, Issued, Leaf};

const BFF: &str = "spiffe://smarthome/bff/mobile";

struct Server {
    ca: Ca,
    files: Files,
    tls: Arc<ServerTls>,
}

impl Server {
    fn new(protocol: Protocol) -> Self {
        let ca = Ca::new();
        let files = Files::new(&ca.issue(&Leaf::default()), &ca.pem());
        let tls = ServerTls::load(files.server(), protocol).unwrap();
        Self { ca, files, tls }
    }

    async fn listen(&self, limits: ListenerLimits) -> TlsListener {
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        TlsListener::new(tcp, Arc::clone(&self.tls), limits).unwrap()
    }

    fn bff(&self) -> Issued {
        self.ca.issue(&Leaf {
            uri: vec![BFF],
            ..Leaf::default()
        })
    }

    /// A client that trusts this server.
    fn client(&self, issued: &Issued, protocol: Protocol) -> Arc<ClientTls> {
        let files = Files::new(issued, &self.ca.pem());
        ClientTls::load(files.client(), protocol).unwrap()
    }
}

fn http(tls: &ClientTls) -> reqwest::Client {
    reqwest::Client::builder()
        .tls_backend_preconfigured((*tls.current().config).clone())
        .no_proxy()
        .build()
        .unwrap()
}

async fn connect(
    address: SocketAddr,
    config: Arc<ClientConfig>,
) -> std::io::Result<TlsStream<TcpStream>> {
    let tcp = TcpStream::connect(address).await?;
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(config).connect(name, tcp).await
}

/// Under TLS 1.3 a client learns with its first read that its certificate was refused.
async fn is_refused(address: SocketAddr, config: Arc<ClientConfig>) -> bool {
    match connect(address, config).await {
        Err(_) => true,
        Ok(mut stream) => stream.read_u8().await.is_err(),
    }
}

#[tokio::test]
async fn http_handlers_know_their_peer() {
    let server = Server::new(Protocol::Http);
    let listener = server.listen(ListenerLimits::default()).await;
    let address = listener.local_addr();
    let app = Router::new().route(
        "/who",
        get(|ConnectInfo(peer): ConnectInfo<PeerIdentity>| async move {
            format!("{} {}", peer.uri()[0], peer.thumbprint())
        }),
    );
    let app = app.into_make_service_with_connect_info::<PeerIdentity>();
    tokio::spawn(async move { axum::serve(listener, app).await });

    let bff = server.bff();
    let client = server.client(&bff, Protocol::Http);
    let answer = http(&client)
        .get(format!("https://localhost:{}/who", address.port()))
        .send()
        .await
        .unwrap();
    let expected = format!("{BFF} {}", Thumbprint::of(&bff.der));
    assert_eq!(answer.text().await.unwrap(), expected);
}

#[tokio::test]
async fn grpc_handlers_know_their_peer() {
    let server = Server::new(Protocol::Grpc);
    let listener = server.listen(ListenerLimits::default()).await;
    let address = listener.local_addr();
    let who = get(|Extension(peer): Extension<PeerIdentity>| async move { peer.uri()[0].clone() });
    let routes = tonic::service::Routes::from(Router::new().route("/who", who));
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn(
        tonic::transport::Server::builder()
            .add_routes(routes)
            .serve_with_incoming_shutdown(listener, async { stopped.await.unwrap_or(()) }),
    );

    let client = http(&server.client(&server.bff(), Protocol::Grpc));
    let url = format!("https://localhost:{}/who", address.port());
    let answer = client.get(url).send().await.unwrap();
    assert_eq!(answer.version(), reqwest::Version::HTTP_2);
    assert_eq!(answer.text().await.unwrap(), BFF);
    drop((client, stop));
    serving.await.unwrap().unwrap();
}

#[tokio::test]
async fn peers_without_a_good_certificate_are_refused_and_the_next_one_is_served() {
    let server = Server::new(Protocol::Http);
    let mut listener = server.listen(ListenerLimits::default()).await;
    let address = listener.local_addr();
    let of = |issued: &Issued| {
        server
            .client(issued, Protocol::Http)
            .current()
            .config
            .clone()
    };

    let mut roots = RootCertStore::empty();
    let root = CertificateDer::from_pem_slice(server.ca.pem().as_bytes()).unwrap();
    roots.add(root).unwrap();
    let anonymous = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    assert!(
        is_refused(address, Arc::new(anonymous)).await,
        "no certificate"
    );

    let stranger = Ca::new().issue(&Leaf::default());
    assert!(is_refused(address, of(&stranger)).await, "another CA");

    let server_only = server.ca.issue(&Leaf {
        usage: vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth],
        ..Leaf::default()
    });
    assert!(
        is_refused(address, of(&server_only)).await,
        "a server's certificate"
    );

    let expired = server.ca.issue(&Leaf {
        expired: true,
        ..Leaf::default()
    });
    assert!(
        is_refused(address, client_of(&expired, &server.ca)).await,
        "expired"
    );

    let mut garbage = TcpStream::connect(address).await.unwrap();
    garbage.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    // Read to the end: the listener has given it up.
    let _ = garbage.read_to_end(&mut Vec::new()).await;

    let mut good = connect(address, of(&server.bff())).await.unwrap();
    let mut connection = listener.next().await.unwrap().unwrap();
    assert_eq!(connection.peer().uri(), [BFF]);
    assert_eq!(
        connection.remote_addr(),
        good.get_ref().0.local_addr().unwrap()
    );
    good.write_all(b"x").await.unwrap();
    assert_eq!(connection.read_u8().await.unwrap(), b'x');
}

/// A configuration that `ClientTls` would refuse to make, as its certificate has expired.
fn client_of(issued: &Issued, ca: &Ca) -> Arc<ClientConfig> {
    let pem = |text: &str| CertificateDer::from_pem_slice(text.as_bytes()).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(pem(&ca.pem())).unwrap();
    let key = rustls_pki_types::PrivateKeyDer::from_pem_slice(issued.private_key.as_bytes());
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_client_auth_cert(vec![pem(&issued.certificate)], key.unwrap());
    Arc::new(config.unwrap())
}

#[tokio::test]
async fn tls_1_2_is_not_spoken() {
    let server = Server::new(Protocol::Http);
    let listener = server.listen(ListenerLimits::default()).await;
    let mut roots = RootCertStore::empty();
    let root = CertificateDer::from_pem_slice(server.ca.pem().as_bytes()).unwrap();
    roots.add(root).unwrap();
    let old = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS12])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let refused = connect(listener.local_addr(), Arc::new(old)).await;
    assert!(refused.unwrap_err().to_string().contains("ProtocolVersion"));
}

#[tokio::test]
async fn a_server_of_another_ca_is_not_trusted() {
    let (server, other) = (Server::new(Protocol::Http), Server::new(Protocol::Http));
    let listener = server.listen(ListenerLimits::default()).await;
    let client = other.client(&other.bff(), Protocol::Http);
    let refused = connect(listener.local_addr(), client.current().config.clone()).await;
    let error = refused.unwrap_err().to_string();
    assert!(error.contains("invalid peer certificate"), "{error}");
}

#[tokio::test]
async fn every_connection_is_judged_anew_and_by_the_current_roots() {
    let server = Server::new(Protocol::Http);
    let mut listener = server.listen(ListenerLimits::default()).await;
    let address = listener.local_addr();
    let config = server
        .client(&server.bff(), Protocol::Http)
        .current()
        .config
        .clone();
    for _ in 0..3 {
        let mut stream = connect(address, config.clone()).await.unwrap();
        let mut connection = listener.next().await.unwrap().unwrap();
        // A ticket, were there one, would come with the first data.
        connection.write_all(b"x").await.unwrap();
        assert_eq!(stream.read_u8().await.unwrap(), b'x');
        assert_eq!(
            stream.get_ref().1.handshake_kind(),
            Some(HandshakeKind::Full)
        );
    }
    server.files.write("ca.crt", &Ca::new().pem());
    assert_eq!(server.tls.reload_now().unwrap(), Reload::Replaced);
    assert!(
        is_refused(address, config).await,
        "its root is trusted no longer"
    );
}

#[tokio::test]
async fn a_rotated_certificate_is_shown_to_new_connections() {
    let server = Server::new(Protocol::Http);
    let mut listener = server.listen(ListenerLimits::default()).await;
    let address = listener.local_addr();
    let config = server
        .client(&server.bff(), Protocol::Http)
        .current()
        .config
        .clone();
    let shown =
        |stream: &TlsStream<TcpStream>| stream.get_ref().1.peer_certificates().unwrap()[0].to_vec();
    let mut old = connect(address, config.clone()).await.unwrap();
    let mut connection = listener.next().await.unwrap().unwrap();

    let next = server.ca.issue(&Leaf::default());
    server.files.write("tls.crt", &next.certificate);
    server.files.write("tls.key", &next.private_key);
    let before = server.tls.current();
    let reloading = tokio::spawn(Arc::clone(&server.tls).reload_every(Duration::from_millis(5)));
    while Arc::ptr_eq(&before, &server.tls.current()) {
        tokio::task::yield_now().await;
    }
    reloading.abort();
    let new = connect(address, config).await.unwrap();
    assert_eq!(shown(&new), next.der);
    assert_ne!(shown(&old), next.der);
    old.write_all(b"x").await.unwrap();
    assert_eq!(
        connection.read_u8().await.unwrap(),
        b'x',
        "the old one goes on"
    );
}

#[tokio::test]
async fn connections_beyond_the_limit_are_closed_until_one_ends() {
    let server = Server::new(Protocol::Http);
    let limits = ListenerLimits {
        connections: NonZeroU32::MIN,
        ..ListenerLimits::default()
    };
    let mut listener = server.listen(limits).await;
    let address = listener.local_addr();
    let config = server
        .client(&server.bff(), Protocol::Http)
        .current()
        .config
        .clone();
    let _first = connect(address, config.clone()).await.unwrap();
    let connection = listener.next().await.unwrap().unwrap();
    assert!(
        connect(address, config.clone()).await.is_err(),
        "one too many"
    );
    drop(connection);
    connect(address, config).await.unwrap();
    listener.next().await.unwrap().unwrap();
}

#[tokio::test]
async fn a_peer_that_says_nothing_holds_others_up_no_longer_than_the_timeout() {
    let server = Server::new(Protocol::Http);
    let limits = ListenerLimits {
        handshakes: NonZeroU32::MIN,
        handshake_timeout: Duration::from_millis(50),
        ..ListenerLimits::default()
    };
    let mut listener = server.listen(limits).await;
    let address = listener.local_addr();
    let mut silent = TcpStream::connect(address).await.unwrap();
    let config = server
        .client(&server.bff(), Protocol::Http)
        .current()
        .config
        .clone();
    let good = tokio::time::timeout(Duration::from_secs(10), connect(address, config));
    let _good = good.await.unwrap().unwrap();
    listener.next().await.unwrap().unwrap();
    assert_eq!(silent.read(&mut [0]).await.unwrap(), 0, "it was closed");
}

#[tokio::test]
async fn a_connection_past_its_age_is_closed() {
    let server = Server::new(Protocol::Http);
    let limits = ListenerLimits {
        max_connection_age: Some(Duration::from_secs(300)),
        ..ListenerLimits::default()
    };
    let mut listener = server.listen(limits).await;
    let config = server
        .client(&server.bff(), Protocol::Http)
        .current()
        .config
        .clone();
    let _stream = connect(listener.local_addr(), config).await.unwrap();
    let mut connection = listener.next().await.unwrap().unwrap();
    tokio::time::pause();
    let begun = tokio::time::Instant::now();
    let mut byte = [0];
    let read = tokio::time::timeout(Duration::from_secs(900), connection.read(&mut byte));
    assert_eq!(read.await.unwrap().unwrap(), 0, "reads as ended");
    assert!((299..=301).contains(&begun.elapsed().as_secs()));
}

#[tokio::test]
async fn a_dropped_listener_accepts_no_more() {
    let server = Server::new(Protocol::Http);
    let listener = server.listen(ListenerLimits::default()).await;
    let address = listener.local_addr();
    drop(listener);
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
}
