//! End to end: real processes, their own configuration files, a site of its own for each test.
//!
//! The binaries must have been built: `cargo build --workspace --bins --exclude xtask`.
#![allow(clippy::unwrap_used)]

mod support;

mod bad_input;
mod config;
mod crash;
mod observability;
mod open;
mod privacy;
mod rules;
mod trace;
mod unavailable;
mod webhook;
