//! The process `webhook-gw`.

use std::process::ExitCode;

use clap::Parser;
use webhook_gw::Config;

/// Takes partners' events in.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(flatten)]
    common: service::cli::CommonArgs,
}

fn main() -> ExitCode {
    let code = service::run(&Cli::parse().common, |config: Config, context| {
        webhook_gw::run(config, context)
    });
    eventlog::wait_closed();
    code
}
