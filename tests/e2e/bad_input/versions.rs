//! TLS 1.3 (RFC 8446) and nothing older, at every listener.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use harness::process::Port;
use harness::site::Site;
use rustls::client::WebPkiServerVerifier;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::support::Scene;

/// A client with the BFF's certificate that speaks only this version.
fn client(site: &Site, version: &'static SupportedProtocolVersion) -> Result<reqwest::Client> {
    let provider = Arc::new(default_provider());
    let mut roots = RootCertStore::empty();
    for root in CertificateDer::pem_file_iter(site.pki.bundle())? {
        roots.add(root?)?;
    }
    let verifier = WebPkiServerVerifier::builder_with_provider(roots.into(), provider.clone());
    let bff = &site.certificates.bff;
    let chain = CertificateDer::pem_file_iter(&bff.certificate)?.collect::<Result<_, _>>()?;
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])?
        .with_webpki_verifier(verifier.build()?)
        .with_client_auth_cert(chain, PrivateKeyDer::from_pem_file(&bff.private_key)?)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let http = reqwest::Client::builder().no_proxy();
    Ok(http.tls_backend_preconfigured(config).build()?)
}

#[tokio::test]
async fn only_tls_1_3_is_spoken() -> Result<()> {
    let scene = Scene::start().await?;
    let site = scene.site();
    let (new, old) = (client(site, &TLS13)?, client(site, &TLS12)?);
    let ports = &site.ports;
    let listeners: [(&str, &Port); 6] = [
        ("access", &ports.access),
        ("registry", &ports.registry),
        ("audit", &ports.audit),
        ("webhook", &ports.webhook),
        ("partner", &ports.partner),
        ("issuer", &ports.issuer),
    ];
    for (name, port) in listeners {
        let url = format!("https://localhost:{}/", port.number());
        new.get(&url)
            .send()
            .await
            .with_context(|| format!("{name}: TLS 1.3"))?;
        let refused = old.get(&url).send().await.err();
        let refused = refused.with_context(|| format!("{name} speaks TLS 1.2"))?;
        let text = format!("{:#}", anyhow::Error::from(refused));
        assert!(text.contains("ProtocolVersion"), "{name}: {text}");
    }
    scene.finish().await
}
