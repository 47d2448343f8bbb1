//! The process' work over real mutual TLS, on a log in memory.
#![allow(clippy::unwrap_used, missing_docs)]

mod binary;
mod contract;
mod deliveries;
mod events;
mod protection;
mod refusals;
mod support;
mod unavailable;
