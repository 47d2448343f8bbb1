//! The peer of a TLS connection, as its certificate names it, and which peers are let in.

mod allowed;
mod identity;
mod thumbprint;

pub use allowed::{AllowedPeers, PeerListError, PeerName};
pub use identity::PeerIdentity;
pub use thumbprint::{InvalidThumbprint, Thumbprint};

#[cfg(test)]
mod tests;

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
