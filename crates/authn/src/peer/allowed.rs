//! Which peers are let in.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer};

use super::{PeerIdentity, PeerRefused};

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

    /// The peers of both lists.
    #[must_use]
    pub fn and(mut self, others: &Self) -> Self {
        let new = others.0.iter().filter(|name| !self.0.contains(name));
        let new: Vec<_> = new.cloned().collect();
        self.0.extend(new);
        self
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
