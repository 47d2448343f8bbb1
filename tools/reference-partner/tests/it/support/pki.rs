//! A certification authority for one test.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, PKCS_ED25519, SanType};
use rustls::{ClientConfig, RootCertStore, version};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

pub struct Pki {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Pki {
    pub fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self {
            pem,
            issuer: Issuer::new(params, key),
        }
    }

    pub fn ca_pem(&self) -> &str {
        &self.pem
    }

    pub fn ed25519_pem() -> String {
        KeyPair::generate_for(&PKCS_ED25519)
            .unwrap()
            .serialize_pem()
    }

    /// A certificate and key with one SAN, `uri:…` or `dns:…`.
    pub fn issue(&self, san: &str) -> (String, String) {
        let (kind, name) = san.split_once(':').unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        let name = name.try_into().unwrap();
        params.subject_alt_names.push(if kind == "uri" {
            SanType::URI(name)
        } else {
            SanType::DnsName(name)
        });
        let key = KeyPair::generate().unwrap();
        (
            params.signed_by(&key, &self.issuer).unwrap().pem(),
            key.serialize_pem(),
        )
    }

    pub fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_slice(self.pem.as_bytes()).unwrap())
            .unwrap();
        roots
    }

    /// An HTTP/2 client with a fresh certificate of this SAN.
    pub fn client(&self, san: &str) -> reqwest::Client {
        self.client_of(san, &["h2", "http/1.1"])
    }

    /// An HTTP client of these protocols.
    pub fn client_of(&self, san: &str, protocols: &[&str]) -> reqwest::Client {
        let (certificate, key) = self.issue(san);
        let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()];
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
        let mut tls = self
            .tls(&[&version::TLS13])
            .with_client_auth_cert(chain, key)
            .unwrap();
        tls.alpn_protocols = protocols
            .iter()
            .map(|name| name.as_bytes().to_vec())
            .collect();
        reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .build()
            .unwrap()
    }

    pub fn tls(
        &self,
        versions: &[&'static rustls::SupportedProtocolVersion],
    ) -> rustls::ConfigBuilder<ClientConfig, rustls::client::WantsClientCert> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(self.roots())
    }
}
