//! Binaries that are run to their end.

use std::ffi::OsStr;
use std::path::Path;
use std::process::ExitStatus;

use anyhow::Result;
use harness::process::{Process, Spec};

use super::PATIENCE;

/// How a binary ended, and all that it printed.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) text: String,
}

/// Runs a binary of the workspace; what it prints goes through a file in `folder`.
pub(crate) async fn run(
    name: &str,
    args: impl IntoIterator<Item = impl AsRef<OsStr>>,
    folder: &Path,
) -> Result<Ended> {
    let log = folder.join(format!("{name}-{}.out", uuid::Uuid::new_v4()));
    let mut process = Process::spawn(&Spec::workspace(name, &log)?.args(args))?;
    let status = process.wait_exit(PATIENCE).await?;
    let text = std::fs::read_to_string(&log)?;
    Ok(Ended { status, text })
}
