//! What every process needs: configuration, telemetry, health, shutdown, rates.
//!
//! A process' `main` is `service::run(&cli.common, |config, context| …)`; all else that a
//! process shares with the others (exit codes, signals, log format, the admin listener) is here.

pub mod admin;
pub mod cli;
pub mod config;
pub mod health;
pub mod metrics;
pub mod rate;
mod run;
pub mod shutdown;
pub mod telemetry;
pub mod trace;

pub use run::{Context, run};
