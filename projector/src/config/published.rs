//! `[serve.tiles]`.

use std::net::SocketAddr;

use authn::tls::{ListenerLimits, TlsFiles};
use serde::Deserialize;
use service::rate::Rate;

/// `[serve.tiles]`: the listener on which the audit log is published (C2SP tlog-tiles).
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublishedConfig {
    /// Address of the HTTPS listener.
    pub listen: SocketAddr,
    /// `[serve.tiles.tls]`. Clients may come without a certificate; one that is shown, for access
    /// tokens that are bound to it, must chain to `client_roots`.
    pub tls: TlsFiles,
    /// `[serve.tiles.limits]` of the listener.
    #[serde(default)]
    pub limits: ListenerLimits,
    /// Requests at once; one more is refused.
    #[serde(default = "default_requests")]
    pub requests: usize,
    /// How often one address may ask: an IPv4 address, or the first 64 bits of an IPv6 address.
    #[serde(default = "default_rate")]
    pub rate: Rate,
}

fn default_requests() -> usize {
    256
}

fn default_rate() -> Rate {
    Rate::new(6_000, 1_000)
}
