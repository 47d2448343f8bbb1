//! Programs that an engine is fetched with, and where it is kept.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use sha2::{Digest as _, Sha256};

/// `engines/<name>` below cargo's target folder.
pub(super) fn folder(name: &str) -> Result<PathBuf> {
    let executable = std::env::current_exe().context("find the running executable")?;
    let target = executable
        .ancestors()
        .find(|folder| folder.join("CACHEDIR.TAG").is_file())
        .context("the running executable isn't below cargo's target folder")?;
    Ok(target.join("engines").join(name))
}

/// Files that are written beside what is fetched, by name: with others, it is fetched anew.
pub(super) type Files = &'static [(&'static str, &'static str)];

/// The folder of what is fetched with these files.
pub(super) fn folder_of(name: &str, files: Files) -> Result<PathBuf> {
    let mut hash = Sha256::new();
    for (_, text) in files {
        hash.update(text.as_bytes());
    }
    let digest = hash.finalize();
    let digits = digest.iter().take(4).map(|byte| format!("{byte:02x}"));
    folder(&format!("{name}-{}", digits.collect::<String>()))
}

/// Fetches into that folder unless it is there; others who want it wait.
pub(super) fn once(
    name: &str,
    files: Files,
    fetch: impl FnOnce(&Path) -> Result<()>,
) -> Result<PathBuf> {
    let dir = folder_of(name, files)?;
    let engines = dir.parent().context("a folder of engines")?;
    fs::create_dir_all(engines).with_context(|| format!("create {}", engines.display()))?;
    let lock = File::create(dir.with_added_extension("lock"))?;
    lock.lock().context("wait for another installation")?;
    // An environment of Python can't be moved once it is made, so a mark says that all is there.
    let done = dir.join("done");
    if !done.is_file() {
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir)?;
        for (name, text) in files {
            fs::write(dir.join(name), text)?;
        }
        fetch(&dir).with_context(|| format!("fetch {name}"))?;
        File::create(done)?;
    }
    Ok(dir)
}

/// Fetches what a `package-lock.json` names.
pub(super) fn npm(dir: &Path) -> Result<()> {
    let mut npm = Command::new("npm");
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
    npm.current_dir(dir);
    run(npm)
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
