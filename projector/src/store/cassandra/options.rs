//! `[views.cassandra]`.

use std::ops::RangeInclusive;
use std::time::Duration;

use authn::tls::ClientTlsFiles;
use serde::Deserialize;

use super::super::StoreError;

const REQUESTS: RangeInclusive<usize> = 1..=32_768;

/// `[views.cassandra]`: how the store behind a `cassandra://` URL is reached.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CassandraOptions {
    /// `[views.cassandra.tls]`. The URI in the certificate is what the database knows the role by;
    /// the nodes' certificates must name the addresses that are dialled.
    pub tls: ClientTlsFiles,
    /// The datacenter whose nodes are asked; without it those of any.
    pub datacenter: Option<String>,
    /// Requests at once, at most; more wait.
    #[serde(default = "default_requests")]
    pub requests: usize,
    /// How long a request may take, retries included.
    #[serde(
        default = "default_request_timeout",
        with = "service::config::duration"
    )]
    pub request_timeout: Duration,
    /// How long a connection may take until it can be used.
    #[serde(
        default = "default_connect_timeout",
        with = "service::config::duration"
    )]
    pub connect_timeout: Duration,
}

impl CassandraOptions {
    /// Whether the numbers can be meant.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        match REQUESTS.contains(&self.requests) {
            true => Ok(()),
            false => Err(StoreError::Refused(format!(
                "`views.cassandra.requests` must be {} to {}",
                REQUESTS.start(),
                REQUESTS.end()
            ))),
        }
    }
}

fn default_requests() -> usize {
    256
}

fn default_request_timeout() -> Duration {
    Duration::from_secs(5)
}

fn default_connect_timeout() -> Duration {
    Duration::from_secs(5)
}
