//! Certificates for the tests of this crate.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams,
    SanType, SerialNumber, date_time_ymd,
};
use service::config::SecretFile;

use uuid::Uuid;

use crate::tls::{ClientTlsFiles, TlsFiles};

pub(crate) struct Ca(CertifiedIssuer<'static, KeyPair>);

pub(crate) struct Issued {
    pub(crate) certificate: String,
    pub(crate) private_key: String,
    pub(crate) der: Vec<u8>,
    serial: SerialNumber,
}

/// What a leaf is like; good for both sides unless changed.
#[derive(Clone)]
pub(crate) struct Leaf {
    pub(crate) dns: Vec<&'static str>,
    pub(crate) uri: Vec<&'static str>,
    pub(crate) expired: bool,
    pub(crate) usage: Vec<ExtendedKeyUsagePurpose>,
}

impl Default for Leaf {
    fn default() -> Self {
        Self {
            dns: vec!["localhost"],
            uri: Vec::new(),
            expired: false,
            usage: vec![
                ExtendedKeyUsagePurpose::ClientAuth,
                ExtendedKeyUsagePurpose::ServerAuth,
            ],
        }
    }
}

impl Ca {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params
            .distinguished_name
            .push(DnType::CommonName, "test root");
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    pub(crate) fn issue(&self, leaf: &Leaf) -> Issued {
        let mut params = CertificateParams::default();
        let dns = leaf
            .dns
            .iter()
            .map(|&name| SanType::DnsName(name.try_into().unwrap()));
        let uri = leaf
            .uri
            .iter()
            .map(|&name| SanType::URI(name.try_into().unwrap()));
        params.subject_alt_names = dns.chain(uri).collect();
        params.extended_key_usages = leaf.usage.clone();
        if leaf.expired {
            params.not_before = date_time_ymd(2020, 1, 1);
            params.not_after = date_time_ymd(2021, 1, 1);
        }
        let key = KeyPair::generate().unwrap();
        let serial = SerialNumber::from_slice(Uuid::new_v4().as_bytes());
        params.serial_number = Some(serial.clone());
        let certificate = params.signed_by(&key, &self.0).unwrap();
        Issued {
            certificate: certificate.pem(),
            private_key: key.serialize_pem(),
            der: certificate.der().to_vec(),
            serial,
        }
    }
}

impl Ca {
    /// A revocation list (RFC 5280, section 5), out of date where `expired`.
    pub(crate) fn revocations(&self, revoked: &[&Issued], expired: bool) -> String {
        let (this, next) = match expired {
            true => (date_time_ymd(2020, 1, 1), date_time_ymd(2021, 1, 1)),
            false => (date_time_ymd(2024, 1, 1), date_time_ymd(2124, 1, 1)),
        };
        let revoked = revoked.iter().map(|issued| RevokedCertParams {
            serial_number: issued.serial.clone(),
            revocation_time: this,
            reason_code: None,
            invalidity_date: None,
        });
        let list = CertificateRevocationListParams {
            this_update: this,
            next_update: next,
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: revoked.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        list.signed_by(&self.0).unwrap().pem().unwrap()
    }
}

/// One side's files in a folder.
pub(crate) struct Files {
    folder: tempfile::TempDir,
}

impl Files {
    pub(crate) fn new(issued: &Issued, roots: &str) -> Self {
        let files = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        files.write("tls.crt", &issued.certificate);
        files.write("tls.key", &issued.private_key);
        files.write("ca.crt", roots);
        files
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        write_secret(&self.path(name), text);
    }

    pub(crate) fn server(&self) -> TlsFiles {
        TlsFiles {
            certificate: self.path("tls.crt").into(),
            private_key: SecretFile::new(self.path("tls.key")),
            client_roots: self.path("ca.crt").into(),
            client_revocations: None,
        }
    }

    /// With revocation lists, which are to be written to `revoked.crl`.
    pub(crate) fn revoking_server(&self) -> TlsFiles {
        TlsFiles {
            client_revocations: Some(self.path("revoked.crl").into()),
            ..self.server()
        }
    }

    pub(crate) fn client(&self) -> ClientTlsFiles {
        ClientTlsFiles {
            certificate: self.path("tls.crt").into(),
            private_key: SecretFile::new(self.path("tls.key")),
            server_roots: self.path("ca.crt").into(),
            server_revocations: None,
        }
    }

    /// With revocation lists, which are to be written to `revoked.crl`.
    pub(crate) fn revoking_client(&self) -> ClientTlsFiles {
        ClientTlsFiles {
            server_revocations: Some(self.path("revoked.crl").into()),
            ..self.client()
        }
    }
}

pub(crate) fn write_secret(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}
