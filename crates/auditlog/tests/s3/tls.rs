//! TLS 1.3 with certificates on both sides.

use std::sync::Arc;

use auditlog::{Access, Error, S3Options, open_s3};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::TlsAcceptor;

use crate::bucket::Bucket;
use crate::common::{Site, fill, undisturbed};
use crate::opening::chain;
use crate::server::{Server, url};

struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        Self(CertifiedIssuer::self_signed(params, key).unwrap())
    }

    fn issue(&self) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
        let key = KeyPair::generate().unwrap();
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let params = CertificateParams::new(names).unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        let private = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        (vec![certificate.der().clone()], private)
    }

    fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(self.0.der().clone()).unwrap();
        roots
    }
}

fn acceptor(authority: &Authority) -> TlsAcceptor {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let roots = Arc::new(authority.roots());
    let clients = WebPkiClientVerifier::builder_with_provider(roots, provider.clone());
    let (chain, key) = authority.issue();
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_client_cert_verifier(clients.build().unwrap())
        .with_single_cert(chain, key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

fn client(trusts: &Authority, shows: Option<&Authority>) -> ClientConfig {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(trusts.roots());
    match shows {
        None => config.with_no_client_auth(),
        Some(authority) => {
            let (chain, key) = authority.issue();
            config.with_client_auth_cert(chain, key).unwrap()
        }
    }
}

#[tokio::test]
async fn a_log_is_written_with_certificates_on_both_sides_and_not_without() {
    let (ours, other) = (Authority::new("ours"), Authority::new("other"));
    let at = "127.0.0.1:0".parse().unwrap();
    let server = Server::start_at(Bucket::default(), at, Some(acceptor(&ours)));
    let with = |tls| S3Options {
        endpoint: Some(format!("https://{}", server.address).parse().unwrap()),
        tls: Some(tls),
        ..server.options()
    };
    let options = with(client(&ours, Some(&ours)));
    let opened = open_s3(&url("site"), &options, Access::Write).await;
    let site = Site {
        store: opened.unwrap(),
        ..Site::in_memory()
    };
    fill(&mut site.writer().await.unwrap(), 30, 30)
        .await
        .unwrap();
    assert_eq!(site.settled(30).await, undisturbed(30, 30).await);

    for (tls, says) in [
        (client(&other, Some(&ours)), "UnknownIssuer"),
        (client(&ours, Some(&other)), "UnknownCA"),
        (client(&ours, None), "CertificateRequired"),
    ] {
        let refused = open_s3(&url("site"), &with(tls), Access::Write).await;
        let error = refused.unwrap_err();
        assert!(matches!(error, Error::Store(_)), "{error:?}");
        let text = chain(&error);
        assert!(text.contains(says), "{says}: {text}");
    }
}
