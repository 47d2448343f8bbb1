//! What the tests and the demo are built from: a certificate authority and operating-system processes.
//!
//! Errors are [`anyhow`] reports: they are read by people, never matched on.

pub mod pki;
pub mod process;
