//! End to end: real processes, their own configuration files, a site of its own for each test.
//!
//! The binaries must have been built: `cargo build --workspace --bins --exclude xtask`.
#![allow(clippy::unwrap_used)]

mod support;

mod admission;
mod auditctl;
mod bad_input;
mod browser;
#[cfg(all(feature = "cassandra", feature = "kafka"))]
mod cluster;
mod config;
mod crash;
mod egress;
mod faces;
mod full_tiles;
mod guests;
mod issuers;
mod observability;
mod open;
mod operators;
mod partner_verify;
mod past;
mod perimeter;
mod privacy;
mod projectors;
mod provisioning;
#[cfg(any(feature = "cassandra", feature = "kafka"))]
mod rights;
mod rules;
mod smarthomectl;
mod snapshots;
mod stop;
mod subjects;
mod trace;
mod twins;
mod unavailable;
mod webhook;
mod witnesses;
