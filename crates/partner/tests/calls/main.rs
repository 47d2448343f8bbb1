//! The client against a partner that fails in every way it can: over real TLS with certificates
//! on both sides, with answers written byte by byte.
#![allow(clippy::unwrap_used)]

mod attested;
mod credentials;
mod events;
mod faults;
mod http;
mod open;
mod partner;
mod pki;
mod refusals;
mod tokens;
mod verify;
