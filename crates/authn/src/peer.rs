//! The peer of a TLS connection, as its certificate names it, and which peers are let in.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::{Deserialize, Deserializer};
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

/// SHA-256 of a certificate's DER; as text the `x5t#S256` form of RFC 8705, section 3.1.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Thumbprint(pub [u8; 32]);

/// Text that is no thumbprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a certificate thumbprint; it is SHA-256 in base64url without padding, 43 characters")]
pub struct InvalidThumbprint;

impl Thumbprint {
    /// Of the certificate with this DER.
    pub fn of(der: &[u8]) -> Self {
        let digest = digest::digest(&digest::SHA256, der);
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest.as_ref());
        Self(bytes)
    }
}

impl FromStr for Thumbprint {
    type Err = InvalidThumbprint;

    fn from_str(text: &str) -> Result<Self, InvalidThumbprint> {
        let bytes = URL_SAFE_NO_PAD
            .decode(text)
            .map_err(|_| InvalidThumbprint)?;
        bytes.try_into().map(Self).map_err(|_| InvalidThumbprint)
    }
}

impl fmt::Display for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl fmt::Debug for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why a peer isn't let in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PeerRefused {
    /// It presented no certificate, or one that can't be read.
    #[error("the client certificate can't be read; present one with a subject alternative name")]
    Unreadable,
    /// None of its names is on the list.
    #[error("no name of the client certificate is allowed here; ask the operator to add its SAN")]
    NotAllowed,
    /// Two of its names are on the list, so it isn't clear who it is.
    #[error("the client certificate carries several allowed names; use one certificate a name")]
    Ambiguous,
}

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

/// A peer that was let in: the allowed name that its certificate carries, such as
/// `spiffe://smarthome/bff/mobile` or `dns:partner-a.example`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PeerName(Arc<str>);

impl PeerName {
    /// The name as the list spells it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PeerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An entry of a list of peers that names nobody.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PeerListError {
    /// The list is empty, so nobody could ever call.
    #[error("the list of allowed peers is empty; name at least one certificate SAN")]
    Empty,
    /// Neither a DNS name nor a URI.
    #[error("`{0}` names no peer; write `dns:host.example` or a URI like `spiffe://domain/name`")]
    Name(String),
}

/// The exact names of the peers that a listener is for. No patterns: a name is a decision.
#[derive(Clone, Debug)]
pub struct AllowedPeers(Vec<PeerName>);

impl AllowedPeers {
    /// Each entry is `dns:` and a DNS name, or a whole URI; both as they stand in the
    /// certificate's subject alternative names.
    ///
    /// # Errors
    /// [`PeerListError`].
    pub fn new(names: impl IntoIterator<Item = impl Into<String>>) -> Result<Self, PeerListError> {
        let names = names
            .into_iter()
            .map(|name| Self::entry(name.into()))
            .collect::<Result<Vec<_>, _>>()?;
        if names.is_empty() {
            return Err(PeerListError::Empty);
        }
        Ok(Self(names))
    }

    /// Lets a peer in by exactly one of its names.
    ///
    /// # Errors
    /// [`PeerRefused`].
    pub fn admit(&self, peer: &PeerIdentity) -> Result<PeerName, PeerRefused> {
        let mut carried = self
            .0
            .iter()
            .filter(|name| match name.as_str().strip_prefix("dns:") {
                Some(dns) => peer.dns().iter().any(|carried| carried == dns),
                None => peer.uri().iter().any(|carried| carried == name.as_str()),
            });
        let name = carried.next().ok_or(PeerRefused::NotAllowed)?;
        if carried.any(|other| other != name) {
            return Err(PeerRefused::Ambiguous);
        }
        Ok(name.clone())
    }

    fn entry(name: String) -> Result<PeerName, PeerListError> {
        let plain = name.bytes().all(|byte| byte.is_ascii_graphic());
        let good = plain
            && match name.strip_prefix("dns:") {
                Some(dns) => {
                    !dns.is_empty() && !dns.contains(['*', '/', ':']) && *dns == dns.to_lowercase()
                }
                None => name
                    .split_once("://")
                    .is_some_and(|(scheme, rest)| !scheme.is_empty() && !rest.is_empty()),
            };
        if good {
            Ok(PeerName(name.into()))
        } else {
            Err(PeerListError::Name(name))
        }
    }
}

impl<'de> Deserialize<'de> for AllowedPeers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(Vec::<String>::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use rcgen::{CertificateParams, KeyPair, SanType};

    use super::*;

    fn peer(dns: &[&str], uri: &[&str]) -> PeerIdentity {
        let mut params = CertificateParams::default();
        let dns = dns
            .iter()
            .map(|&name| SanType::DnsName(name.try_into().unwrap()));
        let uri = uri
            .iter()
            .map(|&name| SanType::URI(name.try_into().unwrap()));
        params.subject_alt_names = dns.chain(uri).collect();
        let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        PeerIdentity::from_der(certificate.der()).unwrap()
    }

    #[test]
    fn exact_names_are_let_in_and_nothing_near_them() {
        let allowed =
            AllowedPeers::new(["spiffe://smarthome/bff/mobile", "dns:partner-a.example"]).unwrap();
        let admit = |dns: &[&str], uri: &[&str]| {
            allowed.admit(&peer(dns, uri)).map(|name| name.to_string())
        };
        assert_eq!(
            admit(&["x.example"], &["spiffe://smarthome/bff/mobile"]),
            Ok("spiffe://smarthome/bff/mobile".into())
        );
        assert_eq!(
            admit(&["Partner-A.example"], &[]),
            Ok("dns:partner-a.example".into())
        );
        for (dns, uri) in [
            (&[][..], &[][..]),
            (&["a.partner-a.example"], &[]),
            (&["partner-a.example.evil"], &[]),
            (&["*.example"], &[]),
            (&[], &["spiffe://smarthome/bff/mobile/"]),
            (&[], &["spiffe://smarthome/bff"]),
            (&[], &["dns:partner-a.example"]),
            (&[], &["SPIFFE://smarthome/bff/mobile"]),
        ] {
            assert_eq!(
                admit(dns, uri),
                Err(PeerRefused::NotAllowed),
                "{dns:?} {uri:?}"
            );
        }
        assert_eq!(
            admit(&["partner-a.example"], &["spiffe://smarthome/bff/mobile"]),
            Err(PeerRefused::Ambiguous)
        );
    }

    #[test]
    fn a_list_that_names_nobody_is_refused() {
        assert_eq!(
            AllowedPeers::new([""; 0]).unwrap_err(),
            PeerListError::Empty
        );
        for wrong in [
            "",
            "partner-a.example",
            "dns:",
            "dns:*.example",
            "dns:A.example",
            "spiffe://",
            "://x",
            "dns:a b",
            "dns:https://a.example",
            "CN=bff",
        ] {
            let error = AllowedPeers::new([wrong]).unwrap_err();
            assert_eq!(error, PeerListError::Name(wrong.into()));
        }
    }

    #[test]
    fn a_certificate_that_isnt_one_is_unreadable() {
        let whole = CertificateParams::default()
            .self_signed(&KeyPair::generate().unwrap())
            .unwrap();
        let der = whole.der().as_ref();
        for wrong in [
            &b"nothing"[..],
            &der[..der.len() - 1],
            &[der, &[0]].concat(),
        ] {
            assert_eq!(PeerIdentity::from_der(wrong), Err(PeerRefused::Unreadable));
        }
    }

    #[test]
    fn thumbprints_are_sha256_in_base64url() {
        let thumbprint = Thumbprint::of(b"");
        let text = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU";
        assert_eq!(thumbprint.to_string(), text);
        assert_eq!(text.parse(), Ok(thumbprint));
        for wrong in ["", &text[1..], &format!("{text}="), &text.replace('-', "+")] {
            assert_eq!(wrong.parse::<Thumbprint>(), Err(InvalidThumbprint));
        }
    }
}
