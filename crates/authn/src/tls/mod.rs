//! TLS 1.3 with certificates on both sides, reloaded while connections go on; and one kind of
//! listener for what anybody may read.

mod age;
pub mod channel;
mod client;
mod connection;
mod files;
mod listener;
mod reload;
mod server;
mod visitor;

pub use client::{ClientIdentity, ClientTls};
pub use connection::{Connection, TlsConnection};
pub(crate) use files::certificates;
pub use files::{ClientTlsFiles, TlsError, TlsFiles};
pub use listener::{Listener, ListenerLimits, OpenListener, TlsListener};
pub use reload::Reload;
pub use server::ServerTls;
pub use visitor::{Visitor, Welcome};

#[cfg(test)]
mod listener_tests;
#[cfg(test)]
mod reload_tests;
#[cfg(test)]
mod revocation_tests;
#[cfg(test)]
mod visitor_tests;

use std::sync::Arc;

use rustls::crypto::CryptoProvider;

/// What is spoken inside the TLS connection (ALPN, RFC 7301).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/2 only.
    Grpc,
    /// HTTP/2 or HTTP/1.1.
    Http,
}

impl Protocol {
    pub(crate) fn alpn(self) -> Vec<Vec<u8>> {
        match self {
            Self::Grpc => vec![b"h2".to_vec()],
            Self::Http => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
        }
    }
}

/// The cryptography of every TLS configuration here, whatever the process' default is.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}
