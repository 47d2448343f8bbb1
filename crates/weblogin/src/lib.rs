//! Logins by OpenID Connect: the Authorization Code grant with PKCE (RFC 7636), against any provider.
//!
//! - [`Provider`]: the flow itself, for whoever has a browser come back: pages and tools.
//! - [`WebLogin`]: for the server of a web page: pages to log in and out, and sessions. Tokens stay at
//!   the server; the browser has a cookie that says nothing. Put its [`routes`](WebLogin::routes) and
//!   [`same_origin`] into the page's router, its pages behind [`SignedIn`], its forms behind
//!   [`Posted`], and serve a page at [`SIGNED_OUT`].
//!
//! Any doubt is a refusal.

mod answer;
mod assertion;
mod carry;
mod config;
mod cookie;
mod error;
mod extract;
mod handlers;
mod origin;
mod pending;
mod provider;
mod random;
mod required;
mod session;
mod sessions;
mod tokens;
mod web;

pub use answer::{AnswerError, Code, code, one};
pub use config::{Https, Origin, ProviderConfig, SessionLimits, WebLoginConfig};
pub use error::{ProviderError, RenewError};
pub use extract::{Fields, Forbidden, NotSignedIn, Posted, SignedIn};
pub use handlers::{LOGIN, LOGOUT, SIGNED_OUT};
pub use origin::same_origin;
pub use provider::{Asked, Provider};
pub use required::RequiredLogin;
pub use session::{Session, SessionError};
pub use tokens::Tokens;
pub use web::{WebLogin, WebLoginError};

#[cfg(test)]
mod tests;
