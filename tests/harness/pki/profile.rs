//! What a certificate says.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::{Duration, SystemTime};

use anyhow::Result;
use rcgen::{ExtendedKeyUsagePurpose, SanType};

use super::DAY;

const HOUR: Duration = Duration::from_secs(60 * 60);

/// A subject alternative name (RFC 5280, section 4.2.1.6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum San {
    /// A host name.
    Dns(String),
    /// An IP address.
    Ip(IpAddr),
    /// A URI, such as a SPIFFE id or a partner's name.
    Uri(String),
}

impl San {
    /// A host name.
    pub fn dns(name: impl Into<String>) -> Self {
        Self::Dns(name.into())
    }

    /// An IP address.
    pub fn ip(address: impl Into<IpAddr>) -> Self {
        Self::Ip(address.into())
    }

    /// A URI.
    pub fn uri(uri: impl Into<String>) -> Self {
        Self::Uri(uri.into())
    }

    pub(super) fn encode(&self) -> Result<SanType> {
        Ok(match self {
            Self::Dns(name) => SanType::DnsName(name.as_str().try_into()?),
            Self::Ip(address) => SanType::IpAddress(*address),
            Self::Uri(uri) => SanType::URI(uri.as_str().try_into()?),
        })
    }
}

/// When a certificate is valid, seen from the moment of its making.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Validity {
    /// From an hour ago, for 30 days.
    #[default]
    Current,
    /// Ended yesterday.
    Expired,
    /// Begins tomorrow.
    NotYetValid,
}

impl Validity {
    pub(super) fn window(self) -> (SystemTime, SystemTime) {
        let now = SystemTime::now();
        match self {
            Self::Current => (now - HOUR, now + 30 * DAY),
            Self::Expired => (now - 30 * DAY, now - DAY),
            Self::NotYetValid => (now + DAY, now + 30 * DAY),
        }
    }
}

/// What a certificate is to say, where [`Pki::issue_server`](super::Pki::issue_server) and
/// [`Pki::issue_client`](super::Pki::issue_client) don't suffice.
#[derive(Debug, Clone)]
pub struct Profile {
    pub(super) name: String,
    pub(super) unit: String,
    pub(super) stem: String,
    pub(super) sans: Vec<San>,
    pub(super) usages: Vec<ExtendedKeyUsagePurpose>,
    pub(super) validity: Validity,
}

impl Profile {
    /// A client's certificate (clientAuth) with `CN=name`.
    pub fn client(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            unit: "services".to_owned(),
            stem: name.to_owned(),
            sans: Vec::new(),
            usages: vec![ExtendedKeyUsagePurpose::ClientAuth],
            validity: Validity::Current,
        }
    }

    /// A server's certificate (serverAuth) with `CN=name`, for localhost, 127.0.0.1 and ::1.
    pub fn server(name: &str) -> Self {
        Self {
            sans: vec![
                San::dns("localhost"),
                San::ip(Ipv4Addr::LOCALHOST),
                San::ip(Ipv6Addr::LOCALHOST),
            ],
            usages: vec![ExtendedKeyUsagePurpose::ServerAuth],
            ..Self::client(name)
        }
    }

    /// A server's certificate that may also act as a client: one node of a cluster to another.
    pub fn peer(name: &str) -> Self {
        Self {
            usages: vec![
                ExtendedKeyUsagePurpose::ServerAuth,
                ExtendedKeyUsagePurpose::ClientAuth,
            ],
            ..Self::server(name)
        }
    }

    /// Sets the organizational unit (`services` unless set).
    #[must_use]
    pub fn unit(mut self, unit: &str) -> Self {
        self.unit = unit.to_owned();
        self
    }

    /// Adds a subject alternative name.
    #[must_use]
    pub fn san(mut self, san: San) -> Self {
        self.sans.push(san);
        self
    }

    /// Sets the validity.
    #[must_use]
    pub fn validity(mut self, validity: Validity) -> Self {
        self.validity = validity;
        self
    }

    /// Names the files, where the common name is taken: two certificates of one subject.
    #[must_use]
    pub fn saved_as(mut self, stem: &str) -> Self {
        self.stem = stem.to_owned();
        self
    }
}
