//! The issuer over HTTPS, as its clients meet it.
#![allow(clippy::unwrap_used)]

mod authorization;
mod lifecycle;
mod logout;
mod scene;
mod tokens;
