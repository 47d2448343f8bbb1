//! The residents' app as a web page, and the model of a BFF: it logs people in, keeps their tokens, and
//! calls the service on their behalf. It decides nothing.

mod app;
mod assets;
mod backend;
mod config;
mod door;
mod headers;
mod lang;
mod pages;
mod says;
mod step_up;

use std::process::ExitCode;

use clap::Parser;
use service::cli::CommonArgs;

/// What `--help` says below the options.
const HELP: &str = r#"A minimal configuration:

  time_zone = "Europe/Moscow"
  access = "https://command-svc.example:8443"      # AccessService and GuestService
  residents = "https://projector.example:8445"     # ResidentService
  [process.admin]
  listen = "127.0.0.1:9100"
  [listen]
  address = "0.0.0.0:443"
  tls = { certificate = "app.pem", private_key = "app.key", client_roots = "roots.pem" }
  [tls]                                            # this BFF, towards both
  certificate = "bff.pem"
  private_key = "bff.key"
  server_roots = "roots.pem"
  [login]
  origin = "https://app.example"                   # register <origin>/callback and /signed-out
  [login.provider]
  issuer = "https://login.example"
  client_id = "resident-app""#;

/// Serves the residents' app: doors, guest passes, and what is recorded of a person
#[derive(Parser)]
#[command(version, after_help = HELP)]
struct Cli {
    #[command(flatten)]
    common: CommonArgs,
}

fn main() -> ExitCode {
    service::run(&Cli::parse().common, app::run)
}
