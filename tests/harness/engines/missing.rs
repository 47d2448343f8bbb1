//! An engine that this machine can't run.

use anyhow::{Result, bail};

/// Says loudly that a test is skipped for lack of an engine. Where `CI` is set, that is a failure.
///
/// # Errors
/// `CI` is set in the environment.
pub fn report(engine: &str, why: &str) -> Result<()> {
    if std::env::var_os("CI").is_some() {
        bail!("{engine} can't be had, and CI skips nothing: {why}");
    }
    let rule = "!".repeat(72);
    eprintln!("{rule}\nSKIPPED for lack of {engine}: {why}\n{rule}");
    Ok(())
}
