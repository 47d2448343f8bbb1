//! The reference partner's process.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use reference_partner::config::{Config, ConfigError};
use reference_partner::partner::{self, Partner};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// An access-control partner's server with simulated intercoms and barriers.
#[derive(Parser)]
#[command(
    version,
    subcommand_negates_reqs = true,
    args_conflicts_with_subcommands = true
)]
struct Arguments {
    /// The configuration file.
    #[arg(long, required = true)]
    config: Option<PathBuf>,
    /// Check the configuration and the files that it names, and start nothing.
    #[arg(long)]
    check_config: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Add a key version and re-encrypt what a stopped partner holds.
    RotateKeys {
        /// The configuration file.
        #[arg(long)]
        config: PathBuf,
    },
}

/// The exit code for a configuration that can't be used.
const BAD_CONFIG: u8 = 2;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let ended = match (arguments.command, arguments.config) {
        (Some(Command::RotateKeys { config }), _) => rotate(config).await,
        (None, Some(config)) if arguments.check_config => Config::load(&config)
            .and_then(|config| partner::check(&config))
            .map_err(Into::into),
        (None, Some(config)) => run(config).await,
        (None, None) => return ExitCode::from(BAD_CONFIG),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("reference-partner: {error}");
            if error.is::<ConfigError>() {
                ExitCode::from(BAD_CONFIG)
            } else {
                ExitCode::FAILURE
            }
        }
    }
}

type Failure = Box<dyn std::error::Error>;

async fn run(file: PathBuf) -> Result<(), Failure> {
    let config = Config::load(&file)?;
    let filter = EnvFilter::try_new(&config.log.filter)?;
    tracing_subscriber::fmt()
        .json()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
    let partner = Partner::start(config).await?;
    let (mut term, mut int) = (
        signal(SignalKind::terminate())?,
        signal(SignalKind::interrupt())?,
    );
    tokio::select! {
        _ = term.recv() => {}
        _ = int.recv() => {}
    }
    partner.stop().await;
    Ok(())
}

async fn rotate(file: PathBuf) -> Result<(), Failure> {
    let version = partner::rotate_keys(&Config::load(&file)?).await?;
    println!("key version {version}");
    Ok(())
}
