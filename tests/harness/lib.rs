//! What the tests and the demo are built from: a certificate authority, operating-system
//! processes, a whole site of them, clients of every kind, and a verifier of proofs that shares
//! no code with what built them.
//!
//! Errors are [`anyhow`] reports: they are read by people, never matched on.

pub mod clients;
pub mod engines;
pub mod fixtures;
pub mod http;
pub mod journal;
pub mod log;
pub mod partner_control;
pub mod pki;
pub mod process;
pub mod proofs;
pub mod site;
pub mod small_disk;
