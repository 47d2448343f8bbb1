//! Partner events in: verified, perimeter-checked, recorded, answered.
//!
//! The way of a request: `listen` keeps its connection within bounds, [`http`] reads it within its
//! limits where [`backlog`] has room, [`verify`] turns it into a
//! partner's word or refuses it, [`event`] reads it by its contract, [`judge`] decides on each
//! event, [`record`] makes the log's records of the judgements, [`append`] makes them durable,
//! and only then is it answered, with one verdict an event. [`gateway`] ties these together.
//!
//! What a partner did not deliver is asked for by [`backfill`], and goes the same way from
//! [`judge`] on.

pub mod append;
pub mod backfill;
pub mod backlog;
mod completeness;
pub mod config;
pub mod deliveries;
pub mod event;
pub mod gateway;
mod health;
pub mod http;
pub mod judge;
mod listen;
pub mod quota;
pub mod record;
mod run;
mod telemetry;
#[cfg(test)]
mod testing;
pub mod verify;

pub use config::Config;
pub use listen::PaceLimits;
pub use run::{run, serve};
