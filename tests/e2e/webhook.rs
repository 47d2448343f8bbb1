//! Webhooks over real mTLS: what is refused, what is rejected, what arrives in spite of crashes.

mod arriving;
mod foreign;
pub(crate) mod kills;
mod refused;
mod rejected;
pub(crate) mod storm;
