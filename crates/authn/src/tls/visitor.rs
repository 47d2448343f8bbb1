//! Who may be at the other end of a connection.

use std::net::SocketAddr;

use crate::peer::PeerIdentity;

/// Somebody who needn't show a certificate.
#[derive(Clone, Debug)]
pub struct Visitor {
    peer: Option<PeerIdentity>,
    remote: SocketAddr,
}

impl Visitor {
    /// What the certificate says, if one was shown; it was verified then.
    pub fn peer(&self) -> Option<&PeerIdentity> {
        self.peer.as_ref()
    }

    /// Where the connection comes from.
    pub fn remote_addr(&self) -> SocketAddr {
        self.remote
    }
}

/// What a listener takes connections of.
pub trait Welcome: Sized + Send + Unpin + 'static {
    /// Of the leaf certificate that TLS verified, if one was shown (DER).
    ///
    /// # Errors
    /// Why nobody is let in with it.
    fn welcome(leaf: Option<&[u8]>, remote: SocketAddr) -> Result<Self, String>;
}

/// Only with a certificate.
impl Welcome for PeerIdentity {
    fn welcome(leaf: Option<&[u8]>, _: SocketAddr) -> Result<Self, String> {
        let leaf = leaf.ok_or("no client certificate")?;
        Self::from_der(leaf).map_err(|error| error.to_string())
    }
}

/// With or without.
impl Welcome for Visitor {
    fn welcome(leaf: Option<&[u8]>, remote: SocketAddr) -> Result<Self, String> {
        let peer = leaf.map(PeerIdentity::from_der).transpose();
        let peer = peer.map_err(|error| error.to_string())?;
        Ok(Self { peer, remote })
    }
}
