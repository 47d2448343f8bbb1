//! Witnesses of audit logs: who cosigns a checkpoint only if it continues the last one that it
//! cosigned, so that no two histories of one log can both have its word.
//!
//! [`WitnessKey`] and [`Cosigner`] are [C2SP tlog-cosignature](https://c2sp.org/tlog-cosignature),
//! Ed25519; [`Request`] and [`ask`] are [C2SP tlog-witness](https://c2sp.org/tlog-witness). The server
//! is `auditctl witness`.

mod ask;
mod cosignature;
mod request;

pub use ask::{NotCosigned, ask};
pub use cosignature::{Cosigner, WitnessKey};
pub use request::Request;
