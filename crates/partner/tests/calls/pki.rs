//! A certification authority, and files with what it issued.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use authn::tls::ClientTlsFiles;
use rcgen::{
    BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, SanType,
};
use rustls::server::{ClientCertVerifierBuilder, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::PrivatePkcs8KeyDer;
use service::config::SecretFile;

pub(crate) struct Pki {
    root: String,
    issuer: Issuer<'static, KeyPair>,
    folder: tempfile::TempDir,
}

impl Pki {
    pub(crate) fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["root".to_owned()]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root = params.self_signed(&key).unwrap().pem();
        Self {
            root,
            issuer: Issuer::new(params, key),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn leaf(&self, usage: ExtendedKeyUsagePurpose) -> (rcgen::Certificate, KeyPair) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["leaf".to_owned()]).unwrap();
        let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
        params.subject_alt_names = vec![SanType::IpAddress(loopback)];
        params.extended_key_usages = vec![usage];
        (params.signed_by(&key, &self.issuer).unwrap(), key)
    }

    /// A server that demands a certificate of this authority.
    pub(crate) fn server(&self) -> Arc<ServerConfig> {
        self.server_with(|clients| clients)
    }

    /// A server that asks for one, but goes on without.
    pub(crate) fn lax_server(&self) -> Arc<ServerConfig> {
        self.server_with(ClientCertVerifierBuilder::allow_unauthenticated)
    }

    fn server_with(
        &self,
        demand: fn(ClientCertVerifierBuilder) -> ClientCertVerifierBuilder,
    ) -> Arc<ServerConfig> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let (certificate, key) = self.leaf(ExtendedKeyUsagePurpose::ServerAuth);
        let mut roots = RootCertStore::empty();
        let root = rustls_pki_types::pem::PemObject::from_pem_slice(self.root.as_bytes()).unwrap();
        roots.add(root).unwrap();
        let clients =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
        let clients = demand(clients).build().unwrap();
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .with_client_cert_verifier(clients)
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
            )
            .unwrap();
        // A client that would rather speak HTTP/2 could.
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Arc::new(config)
    }

    /// The files of a client; again, they become another certificate's.
    pub(crate) fn client(&self) -> ClientTlsFiles {
        let (certificate, key) = self.leaf(ExtendedKeyUsagePurpose::ClientAuth);
        let write = |name: &str, text: &str| -> PathBuf {
            let path = self.folder.path().join(name);
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            path
        };
        ClientTlsFiles {
            certificate: write("client.crt", &certificate.pem()).into(),
            private_key: SecretFile::new(write("client.key", &key.serialize_pem())),
            server_roots: Path::new(&write("root.crt", &self.root)).into(),
            server_revocations: None,
        }
    }
}
