//! The command-svc process. See `--help`.

use std::process::ExitCode;

use clap::Parser;

/// An open allocates so often that the C library's allocator takes a seventh of its CPU time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Decides who may open what, forwards open commands to the partner, records everything.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(flatten)]
    common: service::cli::CommonArgs,
}

fn main() -> ExitCode {
    let code = service::run(&Cli::parse().common, command_svc::run);
    eventlog::wait_closed();
    code
}
