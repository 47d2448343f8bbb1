//! A certificate authority for one test.

use std::fs;
use std::path::{Path, PathBuf};

use authn::tls::{ClientTlsFiles, TlsFiles};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    SanType,
};
use service::config::SecretFile;

use super::write_secret;

pub(crate) struct Pki {
    folder: PathBuf,
    authority: CertifiedIssuer<'static, KeyPair>,
}

impl Pki {
    pub(crate) fn create(folder: &Path) -> Self {
        let authority = authority();
        fs::write(folder.join("ca.crt"), authority.pem()).unwrap();
        Self {
            folder: folder.to_owned(),
            authority,
        }
    }

    /// Puts another authority in the place of this one.
    pub(crate) fn replace_root(&self) {
        fs::write(self.folder.join("ca.crt"), authority().pem()).unwrap();
    }

    pub(crate) fn server(&self) -> TlsFiles {
        let usage = ExtendedKeyUsagePurpose::ServerAuth;
        let (certificate, private_key) = self.issue(SanType::DnsName(dns("localhost")), usage);
        TlsFiles {
            certificate: certificate.into(),
            private_key: SecretFile::new(private_key),
            client_roots: self.folder.join("ca.crt").into(),
            client_revocations: None,
        }
    }

    pub(crate) fn client(&self, san: SanType) -> ClientTlsFiles {
        let (certificate, private_key) = self.issue(san, ExtendedKeyUsagePurpose::ClientAuth);
        ClientTlsFiles {
            certificate: certificate.into(),
            private_key: SecretFile::new(private_key),
            server_roots: self.folder.join("ca.crt").into(),
            server_revocations: None,
        }
    }

    fn issue(&self, san: SanType, usage: ExtendedKeyUsagePurpose) -> (PathBuf, PathBuf) {
        let mut params = CertificateParams::default();
        params.subject_alt_names = vec![san];
        params.extended_key_usages = vec![usage];
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.authority).unwrap();
        let stem = self.folder.join(uuid::Uuid::now_v7().to_string());
        let files = (stem.with_extension("crt"), stem.with_extension("key"));
        fs::write(&files.0, certificate.pem()).unwrap();
        write_secret(&files.1, &key.serialize_pem());
        files
    }
}

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    CertifiedIssuer::self_signed(params, key).unwrap()
}

pub(crate) fn dns(name: &str) -> rcgen::string::Ia5String {
    name.try_into().unwrap()
}
