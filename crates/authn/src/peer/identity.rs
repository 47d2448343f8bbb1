//! What a verified certificate says.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use super::{PeerRefused, Thumbprint};

/// Who a verified certificate says is at the other end of a connection. Cheap to clone.
///
/// The chain was verified by TLS; this is what the leaf says.
#[derive(Clone, PartialEq, Eq)]
pub struct PeerIdentity(Arc<Leaf>);

#[derive(PartialEq, Eq)]
struct Leaf {
    dns: Vec<String>,
    uri: Vec<String>,
    thumbprint: Thumbprint,
    not_after: Timestamp,
}

impl PeerIdentity {
    /// Reads a leaf certificate.
    ///
    /// # Errors
    /// [`PeerRefused::Unreadable`].
    pub fn from_der(der: &[u8]) -> Result<Self, PeerRefused> {
        let (rest, certificate) =
            X509Certificate::from_der(der).map_err(|_| PeerRefused::Unreadable)?;
        if !rest.is_empty() {
            return Err(PeerRefused::Unreadable);
        }
        let (mut dns, mut uri) = (Vec::new(), Vec::new());
        let names = certificate
            .subject_alternative_name()
            .map_err(|_| PeerRefused::Unreadable)?;
        for name in names.iter().flat_map(|names| &names.value.general_names) {
            match name {
                GeneralName::DNSName(name) => dns.push(name.to_ascii_lowercase()),
                GeneralName::URI(name) => uri.push((*name).to_owned()),
                _ => {}
            }
        }
        let not_after = certificate.validity().not_after.timestamp();
        Ok(Self(Arc::new(Leaf {
            dns,
            uri,
            thumbprint: Thumbprint::of(der),
            not_after: Timestamp::from_second(not_after).map_err(|_| PeerRefused::Unreadable)?,
        })))
    }

    /// The certificate's DNS names, in lower case.
    pub fn dns(&self) -> &[String] {
        &self.0.dns
    }

    /// The certificate's URIs, verbatim.
    pub fn uri(&self) -> &[String] {
        &self.0.uri
    }

    /// The certificate's thumbprint, to which a token may be bound (RFC 8705).
    pub fn thumbprint(&self) -> Thumbprint {
        self.0.thumbprint
    }

    /// The end of the certificate's validity.
    pub fn not_after(&self) -> Timestamp {
        self.0.not_after
    }
}

impl fmt::Debug for PeerIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PeerIdentity")
            .field("dns", &self.0.dns)
            .field("uri", &self.0.uri)
            .field("thumbprint", &self.0.thumbprint)
            .finish()
    }
}
