//! Programs that an engine is fetched with, and where it is kept.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

/// `engines/<name>` below cargo's target folder.
pub(super) fn folder(name: &str) -> Result<PathBuf> {
    let executable = std::env::current_exe().context("find the running executable")?;
    let target = executable
        .ancestors()
        .find(|folder| folder.join("CACHEDIR.TAG").is_file())
        .context("the running executable isn't below cargo's target folder")?;
    Ok(target.join("engines").join(name))
}

/// Whether a program is there and says its version.
pub(super) fn is_there(program: impl AsRef<Path>) -> bool {
    let mut command = Command::new(program.as_ref());
    command
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// Runs a program to its end.
pub(super) fn run(mut command: Command) -> Result<()> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("run {command:?}"))?;
    ensure!(
        output.status.success(),
        "{:?} ended with {}:\n{}{}",
        command.get_program(),
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}
