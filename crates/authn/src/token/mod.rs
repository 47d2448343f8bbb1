//! OAuth 2.0 access tokens as JWTs (RFC 9068): of owners, auditors and operators; and the ID tokens
//! that a web page's server is given when one of them logs in.

mod claims;
mod config;
mod error;
mod header;
mod http;
mod id_token;
mod keys;
mod keyset;
mod source;
mod verifier;

pub use claims::{AccessToken, ClientId, Issuer, UserId};
pub use config::{IssuerConfig, IssuerConfigError, SigningAlgorithm};
pub use error::TokenError;
pub use http::http_client;
pub use id_token::{IdToken, IdTokenVerifier};
pub use verifier::{AccessTokenVerifier, bearer};

#[cfg(test)]
mod id_token_tests;
#[cfg(test)]
mod key_tests;
#[cfg(test)]
mod signature_tests;
#[cfg(test)]
mod test_issuer;
#[cfg(test)]
mod tests;
