//! Project commands: `cargo xtask demo`, `test`, `bench`, and small ones that the demo's
//! printed lines use.

mod bench;
mod build;
mod call;
mod demo;
mod engines;
mod fuzz;
mod test;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Commands of this project.
#[derive(Parser)]
#[command(bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Builds everything, starts a whole site, plays a day, verifies every proof; stays up.
    Demo {
        /// Exit after the story; non-zero if anything differed from what it says.
        #[arg(long)]
        once: bool,
        /// What log and views are kept on.
        #[arg(long, value_enum, default_value_t = Engine::Sqlite)]
        engine: Engine,
        /// Where people log in, in the story and on the pages.
        #[arg(long, value_enum, default_value_t = Idp::Dev)]
        idp: Idp,
    },
    /// Runs all tests: unit and contract, and end to end on each pair of engines.
    Test {
        /// Only what needs nothing but SQLite; or only end to end on Apache Kafka and Cassandra.
        #[arg(long, value_enum)]
        engine: Option<Engine>,
        /// Only tests whose names contain this.
        filter: Vec<String>,
    },
    /// Keeps Apache Kafka and Apache Cassandra up for a working day of tests.
    Engines {
        #[command(subcommand)]
        command: engines::Command,
    },
    /// Runs a benchmark; without a name, lists them.
    Bench {
        #[command(subcommand)]
        bench: bench::Bench,
    },
    /// Feeds what reads others' bytes with made-up ones, each target for a bounded time.
    Fuzz(fuzz::Fuzz),
    /// Prints the features of a build with every engine, for other tools' `--features`.
    Features,
    /// Logs a user of the running demo in and prints the access token.
    Token {
        /// Login name, e.g. anna.
        username: String,
    },
    /// Prints the JSON of a fresh open request for a device of the demo.
    OpenRequest {
        /// Device id, e.g. sunrise.main-door.
        device: String,
    },
}

/// What log and views are kept on.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Engine {
    /// SQLite files: nothing to install.
    Sqlite,
    /// Apache Kafka and Apache Cassandra, fetched through Maven (needs a JDK 17 and `mvn`).
    Kafka,
}

/// Where people log in.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Idp {
    /// The development issuer: nothing to install.
    Dev,
    /// Keycloak, fetched through Maven (needs a JDK 17 and `mvn`).
    Keycloak,
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Demo { once, engine, idp } => demo::run(once, engine, idp),
        Command::Test { engine, filter } => test::run(engine, &filter),
        Command::Engines { command } => engines::run(command),
        Command::Features => {
            println!("{}", build::everything().join(","));
            Ok(ExitCode::SUCCESS)
        }
        Command::Fuzz(fuzz) => fuzz::run(&fuzz),
        Command::Bench { bench } => bench::run(&bench),
        Command::Token { username } => call::token(&username),
        Command::OpenRequest { device } => call::open_request(&device),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The workspace's folder.
fn root() -> PathBuf {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).map_or(here.clone(), PathBuf::from)
}

/// Where the build puts things.
fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}
