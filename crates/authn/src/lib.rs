//! Who is calling and who is speaking.
//!
//! - [`tls`]: certificates loaded and reloaded, and listeners that know their peer.
//! - [`peer`]: which peers a listener is for.
//! - [`token`]: whose request a peer passes on, by an OAuth 2.0 access token.
//! - [`record`]: which process wrote a log record.
//!
//! Any doubt is a refusal.

pub mod peer;
pub mod record;
pub mod tls;
pub mod token;

#[cfg(test)]
mod testing;
