//! DEVELOPMENT ONLY: an OAuth 2.0 and OpenID Connect issuer for logins on one's own machine.
//!
//! It speaks the Authorization Code grant with PKCE (RFC 6749, RFC 7636, OpenID Connect Core 1.0),
//! signs access tokens as RFC 9068 profiles them, and follows RFC 9700: exact redirect URIs, S256
//! only, the issuer in every answer (RFC 9207), rotated refresh tokens whose reuse ends the login.
//!
//! It is no identity provider: its users and their passwords stand readable in its configuration,
//! logins live in memory, and it refuses to listen on anything but loopback.
//!
//! [`serve`] is the issuer. [`login()`] and [`refresh`] are a client and its browser, for the demo and
//! the tests: they go through the same pages and endpoints as anybody else.

mod authorize;
mod config;
mod discovery;
mod error;
mod grants;
mod keys;
mod login;
mod logout;
mod pages;
mod refusal;
mod request;
mod scope;
mod secret;
mod server;
mod tls;
mod token;
mod tokens;

pub use config::Config;
pub use error::Error;
pub use login::{Arrival, Browser, Tokens, http_client, login, refresh};
pub use server::{Clock, serve, system_clock};

/// What every page, the discovery document and the log say.
pub const NOTICE: &str =
    "DEVELOPMENT ONLY: this issuer keeps readable passwords and must never be used in production.";
