//! `auditctl`: the auditors' command line. See `--help`.

mod archive;
mod cli;
mod compare;
mod cosign;
mod explain;
mod export;
mod keys;
mod pass;
mod progress;
mod prove;
mod receipt;
mod replay;
mod say;
mod search;
mod source;
mod stop;
mod trust;
mod verify;
mod watch;
mod witness;

#[cfg(test)]
mod tests;

use std::process::ExitCode;

use auditarchive::record;
use clap::Parser as _;

pub use archive::{read_archive, write_archive};

use crate::cli::{Cli, Command};
use crate::say::Say;
use crate::stop::Stop;

/// Does what the command line says.
pub async fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(&cli).await {
        Ok(said) => {
            said.print(cli.json);
            ExitCode::SUCCESS
        }
        Err(stop) => {
            stop.print(cli.json);
            ExitCode::from(stop.code())
        }
    }
}

async fn run(cli: &Cli) -> Result<Say, Stop> {
    match &cli.command {
        Command::Verify(args) => verify::run(args).await,
        Command::Prove(args) => prove::run(args).await,
        Command::VerifyProof(args) => prove::verify(args),
        Command::VerifyReceipt(args) => receipt::verify(args),
        Command::Compare(args) => compare::run(args).await,
        Command::Export(args) => export::run(args).await,
        Command::Search(args) => search::run(args, cli.json).await,
        Command::Watch(args) => watch::run(args).await,
        Command::Explain(args) => explain::run(args).await,
        Command::Replay(args) => replay::run(args).await,
        Command::Witness(args) => witness::run(args).await,
        Command::WitnessKey(args) => witness::new_key(args),
        Command::CheckpointKey(args) => keys::generate(args),
        Command::Cosign(args) => cosign::run(args).await,
    }
}
