//! Another S3 server than the one in this process, for the same tests: `AUDITLOG_TEST_S3` names a
//! folder with the files `url` (`s3://bucket/prefix`), `endpoint`, `id`, `key`, `ca.crt`,
//! `client.crt` and `client.key`.

use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use auditlog::{Access, S3Options, open_s3};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use url::Url;
use zeroize::Zeroizing;

/// What tells the objects of this run from those of others.
static RUN: LazyLock<u32> = LazyLock::new(std::process::id);

pub(crate) struct Elsewhere(PathBuf);

impl Elsewhere {
    pub(crate) fn named() -> Option<Self> {
        std::env::var_os("AUDITLOG_TEST_S3").map(|folder| Self(folder.into()))
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn word(&self, name: &str) -> String {
        let text = std::fs::read_to_string(self.file(name)).unwrap();
        text.trim().to_owned()
    }

    pub(crate) fn url(&self, prefix: &str) -> Url {
        format!("{}/{}/{prefix}", self.word("url"), *RUN)
            .parse()
            .unwrap()
    }

    pub(crate) fn options(&self) -> S3Options {
        S3Options {
            endpoint: Some(self.word("endpoint").parse().unwrap()),
            region: "us-east-1".to_owned(),
            access_key_id: Zeroizing::new(self.word("id")),
            secret_access_key: Zeroizing::new(self.word("key")),
            tls: Some(self.tls()),
            encryption: None,
            insecure: false,
            connect_timeout: Duration::from_secs(5),
            request_timeout: Duration::from_secs(20),
        }
    }

    fn tls(&self) -> ClientConfig {
        let certificates = |file: &Path| -> Vec<CertificateDer<'static>> {
            let read = CertificateDer::pem_file_iter(file).unwrap();
            read.map(Result::unwrap).collect()
        };
        let mut roots = RootCertStore::empty();
        for root in certificates(&self.file("ca.crt")) {
            roots.add(root).unwrap();
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let key = PrivateKeyDer::from_pem_file(self.file("client.key")).unwrap();
        ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .with_root_certificates(roots)
            .with_client_auth_cert(certificates(&self.file("client.crt")), key)
            .unwrap()
    }
}

#[tokio::test]
async fn another_server_is_fit_to_keep_a_log() {
    let Some(elsewhere) = Elsewhere::named() else {
        return;
    };
    let (url, options) = (elsewhere.url("site"), elsewhere.options());
    for _ in 0..10 {
        open_s3(&url, &options, Access::Write).await.unwrap();
    }
}
