//! The contract of the event log: one suite, run unchanged against every
//! adapter. A behaviour that differs is a bug of the adapter.
//!
//! A case that an adapter can't have (a log in memory has no second process) is
//! reported as ignored, with the reason.
#![allow(clippy::unwrap_used)]

mod appending;
mod case;
mod child;
mod crashing;
mod failing;
mod grouping;
mod handover;
mod harness;
#[cfg(feature = "kafka")]
mod kafka;
mod kit;
mod memory;
mod retaining;
mod sqlite;
mod tailing;

use std::process::ExitCode;

use libtest_mimic::Arguments;

fn main() -> ExitCode {
    // Cases that need a second process start this program again.
    if let Some(role) = child::role() {
        return child::run(&role);
    }
    let cases = || {
        [
            appending::cases(),
            tailing::cases(),
            grouping::cases(),
            handover::cases(),
            failing::cases(),
            retaining::cases(),
            crashing::cases(),
        ]
        .concat()
    };
    let adapters = vec![memory::adapter(), sqlite::adapter()];
    #[cfg(feature = "kafka")]
    let mut adapters = adapters;
    #[cfg(feature = "kafka")]
    match kafka::adapter() {
        Ok(adapter) => adapters.extend(adapter),
        Err(error) => {
            eprintln!("{error:#}");
            return ExitCode::FAILURE;
        }
    }
    let trials = adapters
        .into_iter()
        .flat_map(|adapter| cases().into_iter().map(move |case| adapter.trial(case)))
        .collect();
    let code = libtest_mimic::run(&Arguments::from_args(), trials).exit_code();
    #[cfg(feature = "kafka")]
    kafka::stop();
    code
}
