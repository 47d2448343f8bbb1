//! `auditctl`: the auditors' command line. See `--help`.

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    auditctl::main().await
}
