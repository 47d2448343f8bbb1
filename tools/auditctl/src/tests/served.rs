//! A log over HTTPS, from a server that only knows files.

use std::path::PathBuf;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls_pki_types::PrivatePkcs8KeyDer;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::world::{World, code};

/// Serves a folder until the test ends; its address, and its certificate as PEM.
async fn serve(folder: PathBuf) -> (String, String) {
    let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivatePkcs8KeyDer::from(own.signing_key.serialize_der());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![own.cert.der().clone()], key.into())
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, folder) = (acceptor.clone(), folder.clone());
            tokio::spawn(async move {
                let mut stream = acceptor.accept(stream).await.ok()?;
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\n") {
                    request.push(stream.read_u8().await.ok()?);
                }
                let text = String::from_utf8(request).ok()?;
                let path = text.split(' ').nth(1)?.strip_prefix("/audit/")?;
                let found = std::fs::read(folder.join(path));
                let (status, body) = match found {
                    Ok(body) => ("200 OK", body),
                    Err(_) => ("404 Not Found", Vec::new()),
                };
                let head = format!(
                    "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                    body.len()
                );
                stream.write_all(head.as_bytes()).await.ok()?;
                stream.write_all(&body).await.ok()?;
                stream.shutdown().await.ok()
            });
        }
    });
    (format!("https://localhost:{port}/audit"), own.cert.pem())
}

#[tokio::test]
async fn a_served_log_is_proven_like_a_folder() {
    let world = World::of(300).await;
    let (address, pem) = serve(world.tiles()).await;
    let ca = world.file("ca.pem");
    std::fs::write(&ca, pem).unwrap();
    let ca = ca.to_str().unwrap();
    let log = format!("{address}/access.events.v1/sunrise");
    assert_eq!(code(&world.run(&["verify", &log, "--ca", ca]).await), 0);
    assert_eq!(
        code(&world.run(&["verify", &format!("{log}/"), "--ca", ca]).await),
        0
    );
    let named = [
        "verify",
        &address,
        "--log",
        "access.events.v1/sunrise",
        "--ca",
        ca,
    ];
    assert_eq!(code(&world.run(&named).await), 0);
    assert_eq!(
        code(&world.run(&["verify", &address, "--ca", ca]).await),
        2,
        "no log is named"
    );
    let moonlight = format!("{address}/access.events.v1/moonlight");
    assert_eq!(
        code(&world.run(&["verify", &moonlight, "--ca", ca]).await),
        3
    );
    assert_eq!(
        code(&world.run(&["verify", &log]).await),
        3,
        "nobody vouches for the server"
    );
    let bundle = world
        .tiles()
        .join("access.events.v1/sunrise/tile/entries/000");
    let mut bytes = std::fs::read(&bundle).unwrap();
    bytes[100] ^= 1;
    std::fs::write(&bundle, bytes).unwrap();
    assert_eq!(code(&world.run(&["verify", &log, "--ca", ca]).await), 1);
}
