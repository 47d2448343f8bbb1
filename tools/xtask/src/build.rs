//! Building, with progress.

use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::root;

/// Cargo, in the workspace.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// Builds every binary; cargo shows its own progress.
///
/// # Errors
/// The build fails.
pub(crate) fn binaries() -> Result<()> {
    eprintln!("Building every process (the first time takes some minutes)");
    let status = cargo()
        .args(["build", "--workspace", "--bins", "--exclude", "xtask"])
        .status()
        .context("start cargo")?;
    ensure!(status.success(), "the build failed");
    Ok(())
}
