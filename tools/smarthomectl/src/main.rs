//! `smarthomectl`: the operators' command line for `RegistryService`. See `--help`.

mod accesses;
mod alarms;
mod apply;
mod audit;
mod check;
mod cli;
mod client;
mod config;
mod credential;
mod diff;
mod document;
mod egress;
mod ended;
mod failure;
mod fields;
mod files;
mod get;
mod history;
mod import;
mod kinds;
mod login;
mod overlap;
mod partner;
mod problem;
mod provisioning;
mod scalar;
mod show;
mod standing;
mod statistics;
mod subject;
mod token;
mod tree;
mod yaml;

#[cfg(test)]
mod tests;

use std::process::ExitCode;

use clap::Parser as _;

use crate::cli::{Cli, Command};
use crate::failure::Failure;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(&Cli::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("smarthomectl: {failure}");
            ExitCode::from(failure.code())
        }
    }
}

async fn run(cli: &Cli) -> Result<(), Failure> {
    let config = config::read(cli.config.as_ref())?;
    match &cli.command {
        Command::Apply(args) => apply::run(&config, args).await,
        Command::Import(args) => import::run(&config, args).await,
        Command::Get(args) => get::run(&config, args).await,
        Command::History(args) => history::run(&config, args).await,
        Command::Partner(args) => partner::run(&config, args).await,
        Command::Subject(args) => subject::run(&config, args).await,
        Command::Provisioning(args) => provisioning::run(&config, args).await,
        Command::Credential(args) => credential::run(&config, args).await,
        Command::Egress(args) => egress::run(&config, args).await,
        Command::Alarms(args) => alarms::run(&config, args).await,
        Command::Accesses(args) => accesses::run(&config, args).await,
        Command::Statistics(args) => statistics::run(&config, args).await,
        Command::Login(args) => login::run(&config, args).await,
    }
}
