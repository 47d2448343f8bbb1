//! DEVELOPMENT ONLY: the issuer as a process.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use dev_issuer::{Config, Error, NOTICE, serve, system_clock};
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// DEVELOPMENT ONLY: an OAuth 2.0 and OpenID Connect issuer on loopback.
#[derive(Parser)]
#[command(version, after_help = NOTICE)]
struct Arguments {
    /// The configuration file (TOML).
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Checks the configuration and exits.
    #[arg(long)]
    check_config: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .json()
        .with_env_filter(filter)
        .init();
    match run(&Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("dev-issuer (DEVELOPMENT ONLY): {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: &Arguments) -> Result<(), Error> {
    let config = Config::load(&arguments.config)?;
    if arguments.check_config {
        return Ok(());
    }
    let signals = [SignalKind::interrupt(), SignalKind::terminate()];
    let [interrupt, terminate] = signals.map(signal);
    let shutdown = asked_to_end(
        interrupt.map_err(Error::Serve)?,
        terminate.map_err(Error::Serve)?,
    );
    let listener = TcpListener::bind(config.listen())
        .await
        .map_err(Error::Serve)?;
    serve(listener, config, system_clock(), shutdown).await
}

async fn asked_to_end(mut interrupt: Signal, mut terminate: Signal) {
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}
