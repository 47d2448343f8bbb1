//! Webhooks over real mTLS: what is refused, what is rejected, what arrives in spite of crashes.

mod arriving;
mod closed;
mod foreign;
mod gaps;
mod meaning;
mod full_disk;
pub(crate) mod kills;
mod refused;
mod rejected;
pub(crate) mod storm;
