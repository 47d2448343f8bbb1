//! Certificates and keys as PEM files.

use std::path::{Path, PathBuf};

use aws_lc_rs::digest;
use jiff::Timestamp;
use rustls::RootCertStore;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{
    CertificateDer, CertificateRevocationListDer, PrivateKeyDer, PrivatePkcs8KeyDer,
};
use serde::Deserialize;
use service::config::{ConfigPath, SecretError, SecretFile};
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::peer::Thumbprint;

/// A server's certificate and the roots of the clients that it lets in.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsFiles {
    /// The certificate chain, leaf first (PEM).
    pub certificate: ConfigPath,
    /// The leaf's private key (PEM, PKCS#8).
    pub private_key: SecretFile,
    /// Roots that client certificates must chain to (PEM).
    pub client_roots: ConfigPath,
    /// Revocation lists of those roots (PEM, RFC 5280, section 5). Where the file is named, every
    /// client certificate must be covered by a list that is up to date, or it is refused.
    #[serde(default)]
    pub client_revocations: Option<ConfigPath>,
}

/// A client's certificate and the roots of the servers that it trusts.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientTlsFiles {
    /// The certificate chain, leaf first (PEM).
    pub certificate: ConfigPath,
    /// The leaf's private key (PEM, PKCS#8).
    pub private_key: SecretFile,
    /// Roots that server certificates must chain to (PEM). No others are trusted.
    pub server_roots: ConfigPath,
    /// Revocation lists of those roots (PEM, RFC 5280, section 5). Where the file is named, every
    /// server certificate must be covered by a list that is up to date, or it is refused.
    #[serde(default)]
    pub server_revocations: Option<ConfigPath>,
}

/// TLS files that can't be used. The text names the file and never holds key material.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The file isn't there or can't be read.
    #[error("can't read {}: {reason}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the operating system said.
        reason: std::io::Error,
    },
    /// The private key's file.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// Not PEM, cut off in the middle, or of another kind.
    #[error("{} has no usable {expected}; write it whole, as PEM", file.display())]
    Pem {
        /// The file.
        file: PathBuf,
        /// What it should hold.
        expected: &'static str,
    },
    /// A certificate that isn't valid at this time.
    #[error(
        "the certificate in {} is valid from {not_before} to {not_after}, not now; renew it",
        file.display()
    )]
    OutsideValidity {
        /// The certificate's file.
        file: PathBuf,
        /// Start of validity.
        not_before: Timestamp,
        /// End of validity.
        not_after: Timestamp,
    },
    /// The key isn't the certificate's, or one of them is of a kind that TLS 1.3 can't use.
    #[error("{} and its private key or roots can't be used together: {reason}", file.display())]
    Unusable {
        /// The certificate's file.
        file: PathBuf,
        /// What the TLS library said.
        reason: String,
    },
}

/// Where one side's files are.
#[derive(Debug)]
pub(super) struct Sources {
    pub(super) certificate: ConfigPath,
    pub(super) private_key: SecretFile,
    pub(super) roots: ConfigPath,
    pub(super) revocations: Option<ConfigPath>,
}

/// One side's files as they were at one moment.
pub(super) struct Material {
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) key: PrivateKeyDer<'static>,
    pub(super) roots: RootCertStore,
    /// None where revocation is not looked at.
    pub(super) revocations: Option<Vec<CertificateRevocationListDer<'static>>>,
    pub(super) thumbprint: Thumbprint,
    pub(super) not_after: Timestamp,
    /// Of all the files, to tell whether anything changed.
    pub(super) digest: [u8; 32],
}

impl Sources {
    /// Reads the files and checks each by itself.
    pub(super) fn read(&self) -> Result<Material, TlsError> {
        let certificate = read(&self.certificate)?;
        let key = self.private_key.read()?;
        let roots = read(&self.roots)?;
        let lists = match &self.revocations {
            Some(file) => read(file)?,
            None => Vec::new(),
        };

        let chain = certificates(&certificate, &self.certificate)?;
        let (not_before, not_after) = validity(&chain[0], &self.certificate)?;
        let now = Timestamp::now();
        if now < not_before || now > not_after {
            return Err(TlsError::OutsideValidity {
                file: self.certificate.to_path_buf(),
                not_before,
                not_after,
            });
        }
        let parsed = PrivatePkcs8KeyDer::from_pem_slice(&key).map_err(|_| TlsError::Pem {
            file: self.private_key.path().to_owned(),
            expected: "PKCS#8 private key",
        })?;
        let mut store = RootCertStore::empty();
        for root in certificates(&roots, &self.roots)? {
            store.add(root).map_err(|_| TlsError::Pem {
                file: self.roots.to_path_buf(),
                expected: "root certificate",
            })?;
        }
        let revocations = self
            .revocations
            .as_ref()
            .map(|file| revocation_lists(&lists, file))
            .transpose()?;
        Ok(Material {
            revocations,
            thumbprint: Thumbprint::of(&chain[0]),
            not_after,
            chain,
            key: parsed.into(),
            roots: store,
            digest: digest_of(&[&certificate, &key, &roots, &lists]),
        })
    }

    pub(super) fn unusable(&self, reason: impl ToString) -> TlsError {
        TlsError::Unusable {
            file: self.certificate.to_path_buf(),
            reason: reason.to_string(),
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|reason| TlsError::Unreadable {
        file: path.to_owned(),
        reason,
    })
}

/// At least one certificate; a section that is cut off is an error, not the end.
pub(crate) fn certificates(
    pem: &[u8],
    file: &Path,
) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    CertificateDer::pem_slice_iter(pem)
        .collect::<Result<Vec<_>, _>>()
        .ok()
        .filter(|certificates| !certificates.is_empty())
        .ok_or_else(|| TlsError::Pem {
            file: file.to_owned(),
            expected: "certificate",
        })
}

/// At least one list; a section that is cut off is an error, not the end.
fn revocation_lists(
    pem: &[u8],
    file: &Path,
) -> Result<Vec<CertificateRevocationListDer<'static>>, TlsError> {
    CertificateRevocationListDer::pem_slice_iter(pem)
        .collect::<Result<Vec<_>, _>>()
        .ok()
        .filter(|lists| !lists.is_empty())
        .ok_or_else(|| TlsError::Pem {
            file: file.to_owned(),
            expected: "certificate revocation list",
        })
}

fn validity(leaf: &CertificateDer<'_>, file: &Path) -> Result<(Timestamp, Timestamp), TlsError> {
    let unreadable = || TlsError::Pem {
        file: file.to_owned(),
        expected: "X.509 certificate",
    };
    let (_, certificate) = X509Certificate::from_der(leaf).map_err(|_| unreadable())?;
    let validity = certificate.validity();
    let time = |seconds| Timestamp::from_second(seconds).map_err(|_| unreadable());
    Ok((
        time(validity.not_before.timestamp())?,
        time(validity.not_after.timestamp())?,
    ))
}

/// Each file's length goes in first, so that bytes can't move from one file to the next unseen.
fn digest_of(files: &[&[u8]]) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    for file in files {
        context.update(&(file.len() as u64).to_be_bytes());
        context.update(file);
    }
    let mut bytes = [0; 32];
    bytes.copy_from_slice(context.finish().as_ref());
    bytes
}
