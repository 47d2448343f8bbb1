//! Reference implementation of the partner's side of the contract: a company that owns intercoms
//! and barriers, opens them when told to, at most once a command, and reports what happens there.
//!
//! Read `command::state` first: it is the heart of what a partner must get right. The contract is
//! `proto/partner/openapi.yaml`; what is simulated is in `devices` and `control`.

pub mod config;
pub mod ids;
pub mod partner;

mod api;
mod attestation;
mod clock;
mod command;
mod control;
mod credentials;
mod devices;
mod events;
mod housekeeping;
mod journal;
mod listener;
mod oauth;
mod private_file;
mod problem;
mod received;
mod store;
mod tls;
mod token_key;
mod vault;
mod webhooks;

pub use command::RecoveryError;
pub use journal::JournalError;
pub use oauth::Scope;
pub use store::StoreError;
pub use vault::VaultError;
