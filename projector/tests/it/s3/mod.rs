//! The program with its audit log in a bucket.

#[allow(dead_code)]
#[path = "../../../../crates/auditlog/tests/s3/bucket.rs"]
mod bucket;
mod pruned;
mod refusals;
#[allow(dead_code)]
#[path = "../../../../crates/auditlog/tests/s3/server.rs"]
mod server;

use std::sync::Arc;

use auditlog::{Access, open_s3};
use harness::pki::San;
use harness::process::{Process, Spec};
use projector::config::Config;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio_rustls::TlsAcceptor;

use crate::process::{PROGRAM, caught_up, rebuilt_trees_are_in};
use crate::site::{OnDisk, secret};
use bucket::Bucket;
use server::{KEY, SECRET, Server, url};

/// Asks for a certificate of the site's authority.
fn acceptor(disk: &OnDisk) -> TlsAcceptor {
    let issued = disk
        .pki
        .issue_server("s3", &[San::dns("localhost")])
        .unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut roots = RootCertStore::empty();
    for root in CertificateDer::pem_file_iter(disk.pki.bundle()).unwrap() {
        roots.add(root.unwrap()).unwrap();
    }
    let clients =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
    let chain = CertificateDer::pem_file_iter(&issued.certificate).unwrap();
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_client_cert_verifier(clients.build().unwrap())
        .with_single_cert(
            chain.map(Result::unwrap).collect(),
            PrivateKeyDer::from_pem_file(&issued.private_key).unwrap(),
        )
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

/// Puts the site's audit log into a bucket.
fn configure(disk: &OnDisk, endpoint: &str, more: &str) {
    secret(&disk.path().join("s3.id"), format!("{KEY}\n").as_bytes());
    secret(&disk.path().join("s3.key"), SECRET.as_bytes());
    let config = std::fs::read_to_string(disk.config()).unwrap();
    let folder = format!("url = \"file://{}/tiles\"\n", disk.path().display());
    let bucket = format!(
        r#"url = "{}"
[tiles.s3]
endpoint = "{endpoint}"
region = "eu-central-1"
access_key_id_file = "s3.id"
secret_access_key_file = "s3.key"
{more}
"#,
        url("site")
    );
    assert!(config.contains(&folder));
    std::fs::write(disk.config(), config.replace(&folder, &bucket)).unwrap();
}

/// Both roles, on a server that asks for a certificate and is away for a while.
#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_holds_what_a_rebuild_gives() {
    let disk = OnDisk::new().await;
    let (kept, at) = (Bucket::default(), "127.0.0.1:0".parse().unwrap());
    let mut server = Server::start_at(kept.clone(), at, Some(acceptor(&disk)));
    let issued = disk.pki.issue_client("projector-s3", &[]).unwrap();
    let tls = format!(
        "ca = {:?}\ncertificate = {:?}\nprivate_key = {:?}",
        disk.pki.bundle(),
        issued.certificate,
        issued.private_key
    );
    configure(&disk, &format!("https://{}", server.address), &tls);
    let config: Config = service::config::load(&disk.config(), "PROJECTOR_TEST").unwrap();
    let views = projector::store::open_configured_reader(config.views.as_ref().unwrap()).unwrap();
    let spec = Spec::program(PROGRAM, disk.path().join("projector.log")).args([
        "all",
        "--config",
        disk.config().to_str().unwrap(),
    ]);
    let mut process = Process::spawn(&spec).unwrap();
    disk.fixture.workload(2).await;
    caught_up(&disk, &*views).await;
    server.stop();
    disk.fixture.workload(2).await;
    crate::run::wait(async || {
        let log = std::fs::read_to_string(disk.path().join("projector.log")).unwrap();
        log.contains("projection interrupted")
    })
    .await;
    let server = Server::start_at(kept.clone(), server.address, Some(acceptor(&disk)));
    caught_up(&disk, &*views).await;
    assert!(process.terminate().await.unwrap().success());
    drop(server);

    // What it left, seen without its certificates.
    let plain = Server::start(kept);
    let tiles = open_s3(&url("site"), &plain.options(), Access::Read).await;
    rebuilt_trees_are_in(&disk, tiles.unwrap()).await;
    let log = std::fs::read_to_string(disk.path().join("projector.log")).unwrap();
    assert!(!log.contains(KEY) && !log.contains(SECRET));
    assert!(!log.contains("halted"), "{log}");
}
