//! Real engines for tests and the demo: fetched once, started with certificates and the files of
//! `deploy/`, stopped when dropped.

#[cfg(feature = "cassandra")]
pub mod cassandra;
pub mod kafka;
pub mod missing;
pub mod relay;
#[cfg(feature = "cassandra")]
pub mod standing;
pub mod variables;
