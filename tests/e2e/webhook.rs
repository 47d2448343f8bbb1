//! Webhooks over real mTLS: what is refused, what is rejected, what arrives in spite of crashes.

mod arriving;
mod foreign;
mod gaps;
mod meaning;
mod refused;
mod rejected;
