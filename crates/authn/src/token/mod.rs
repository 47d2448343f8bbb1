//! OAuth 2.0 access tokens as JWTs (RFC 9068): of owners, auditors and operators.

mod claims;
mod config;
mod error;
mod header;
mod http;
mod keys;
mod keyset;
mod source;
mod verifier;

pub use claims::{AccessToken, ClientId, Issuer, UserId};
pub use config::{IssuerConfig, IssuerConfigError, SigningAlgorithm};
pub use error::TokenError;
pub use http::http_client;
pub use verifier::{AccessTokenVerifier, bearer};

#[cfg(test)]
mod key_tests;
#[cfg(test)]
mod signature_tests;
#[cfg(test)]
mod test_issuer;
#[cfg(test)]
mod tests;
