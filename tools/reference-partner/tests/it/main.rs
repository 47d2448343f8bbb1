//! The partner as its clients see it: over mTLS, through the API, across kill -9.
#![allow(clippy::unwrap_used, unreachable_pub, missing_docs)]

mod at_rest;
mod attestation;
mod authorization;
mod credentials;
mod events;
mod failures;
mod opens;
mod process;
mod races;
mod support;
