//! Webhooks over real mTLS: what is refused, what is rejected, what arrives in spite of crashes.

mod arriving;
mod closed;
mod foreign;
mod full_disk;
mod gaps;
pub(crate) mod kills;
mod meaning;
mod refused;
mod rejected;
pub(crate) mod storm;
