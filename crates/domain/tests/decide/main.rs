//! What holds of every decision, whatever is registered and whoever asks.

#![allow(clippy::unwrap_used)]

mod cases;
mod doubt;
mod ingredients;
mod listing;
mod order;
mod parts;
mod reach;
mod total;
