//! Real engines for tests and the demo: fetched once, started with certificates and the files of
//! `deploy/`, stopped when dropped.

pub mod apps;
pub mod browser;
#[cfg(feature = "cassandra")]
pub mod cassandra;
mod fetched;
pub mod kafka;
pub mod keycloak;
pub mod missing;
pub mod oidc_provider;
pub mod relay;
pub mod senders;
#[cfg(feature = "cassandra")]
pub mod standing;
pub mod sumdb;
pub mod variables;
