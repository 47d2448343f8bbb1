//! The authorization server: client credentials, clients known by their certificates, tokens
//! bound to them (RFC 6749, RFC 8705, RFC 8707, RFC 8414).

mod bearer;
mod endpoint;
mod failure;
mod laxity;
mod request;
mod scope;
mod tokens;

pub(crate) use bearer::{Grant, insufficient, wrong_resource};
pub(crate) use endpoint::{AuthorizationServer, metadata, token};
pub(crate) use failure::{EndpointFailure, EndpointMode};
pub(crate) use laxity::{Laxity, Unchecked};
pub use scope::Scope;
pub(crate) use tokens::Tokens;
