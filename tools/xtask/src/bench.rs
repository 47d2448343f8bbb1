//! Where benchmarks live. Each prints a table and writes `target/bench/NAME.json`: the
//! machine, the load, each figure with its unit, and the ratio to the reference that ran
//! beside it (`ratio_to_limit`).

mod append;
mod command;
mod projector;
mod registry;
mod report;
#[cfg(feature = "cluster")]
mod webhook;

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;
use service::cli::CommonArgs;

use crate::{Engine, build};

/// The benchmarks. What they measure is built for speed first.
#[derive(Subcommand)]
pub(crate) enum Bench {
    /// Event log appends on SQLite, beside bare SQLite transactions of the same records.
    Append,
    /// Open commands, beside a bare service that does the same calls and nothing else.
    ///
    /// Requests per second, latencies and CPU of `AccessService.Open` at a partner that answers at
    /// once, and at one that takes 20 ms; beside a bare service of the same parts, by turns in the
    /// same run; and where the time of a request goes.
    Command {
        /// What the log is kept on.
        #[arg(long, value_enum, default_value_t = Engine::Kafka)]
        engine: Engine,
    },
    /// The partner's events through webhook-gw, beside a bare producer of the same records.
    ///
    /// On Apache Kafka, over mTLS: records per second and latencies, one event a request and batches of
    /// 50, over connections that are kept and over a new one for each request; by turns with a bare
    /// rdkafka producer in the same run; and then ten times the load that it serves: how much is
    /// refused, and how much memory that takes.
    Webhook {
        /// How long a record may wait for others, in milliseconds; the bare producer's as well.
        #[arg(long, default_value_t = 0)]
        linger: u32,
    },
    /// The log through projector's trees and views, beside a bare loop that writes the same rows.
    ///
    /// Records per second on Apache Cassandra (from Kafka) and on SQLite, by turns with the engine's driver
    /// writing the same rows into the same tables elsewhere; Merkle appends alone; the time of a page of a
    /// search before and after the view has grown; the memory of both roles.
    Projector {
        /// What log and views are kept on; both pairs unless set.
        #[arg(long, value_enum)]
        engine: Option<Engine>,
        /// Records in the log.
        #[arg(long, default_value_t = 40_000)]
        records: usize,
        /// Rounds of each side.
        #[arg(long, default_value_t = 3)]
        rounds: usize,
        /// Accesses that the searched view is filled with; 10000000 takes a quarter of an hour on
        /// SQLite, an hour on Cassandra, and 15 GB.
        #[arg(long, default_value_t = 200_000)]
        rows: u64,
    },
    /// The registry of a city, beside a bare map and a bare reading of the log.
    ///
    /// Memory of a grant, the time of one decision, and the time to know everything from the log,
    /// without and with a snapshot.
    Registry {
        /// How many grants; two for each resident of 20 complexes.
        #[arg(long, default_value_t = 1_000_000)]
        grants: usize,
    },
    /// The bare service that `command` starts.
    #[command(hide = true)]
    Bare(CommonArgs),
}

/// Runs one.
pub(crate) fn run(bench: &Bench) -> Result<ExitCode> {
    let (name, report) = match bench {
        Bench::Append if cfg!(debug_assertions) => return build::for_speed(&[], &[]),
        Bench::Append => ("append", append::run()?),
        Bench::Command { engine } => {
            let features = match engine {
                Engine::Sqlite => Vec::new(),
                Engine::Kafka => build::measured_on_kafka(),
            };
            if cfg!(debug_assertions) || lacks_cluster(Some(*engine)) {
                return build::for_speed(&["command-svc", "dev-issuer"], &features);
            }
            ("command", command::run(*engine)?)
        }
        Bench::Webhook { .. } if cfg!(debug_assertions) || !cfg!(feature = "cluster") => {
            let features = build::webhook_on_kafka();
            return build::for_speed(&["command-svc", "webhook-gw", "dev-issuer"], &features);
        }
        #[cfg(feature = "cluster")]
        Bench::Webhook { linger } => ("webhook", webhook::run(*linger)?),
        // Built for speed it has Kafka, always.
        #[cfg(not(feature = "cluster"))]
        Bench::Webhook { .. } => return Ok(ExitCode::FAILURE),
        Bench::Projector { engine, .. } if cfg!(debug_assertions) || lacks_cluster(*engine) => {
            let features = match engine {
                Some(Engine::Sqlite) => Vec::new(),
                _ => build::projector_on_cluster(),
            };
            return build::for_speed(&["projector", "command-svc", "dev-issuer"], &features);
        }
        Bench::Projector {
            engine,
            records,
            rounds,
            rows,
        } => {
            let extent = projector::Extent {
                records: *records,
                rounds: *rounds,
                rows: *rows,
            };
            ("projector", projector::run(*engine, extent)?)
        }
        Bench::Registry { .. } if cfg!(debug_assertions) => return build::for_speed(&[], &[]),
        Bench::Registry { grants } => ("registry", registry::run(*grants)?),
        Bench::Bare(args) => return Ok(command::bare(args)),
    };
    let path = report.publish(name)?;
    println!("written to {}", path.display());
    Ok(ExitCode::SUCCESS)
}

/// Whether this build can't do what is asked.
fn lacks_cluster(engine: Option<Engine>) -> bool {
    engine != Some(Engine::Sqlite) && !cfg!(feature = "cluster")
}
