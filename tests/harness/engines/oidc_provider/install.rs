//! The server's packages, fetched through npm once and kept below cargo's target folder.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use sha2::{Digest as _, Sha256};

use crate::engines::fetched::{self, is_there, run};

/// As in `package.json`.
const VERSION: &str = "9.13.3";
/// What is written beside the packages.
const FILES: [(&str, &str); 4] = [
    ("package.json", include_str!("package.json")),
    ("package-lock.json", include_str!("package-lock.json")),
    (".npmrc", include_str!(".npmrc")),
    ("server.mjs", include_str!("server.mjs")),
];

/// Why it can't be had here, if it can't: no Node.js, or neither npm nor what it fetched before.
pub(super) fn lacking() -> Option<String> {
    if !is_there("node") {
        return Some("there is no `node` (20 or later) on the path".to_owned());
    }
    let fetched = folder().is_ok_and(|dir| dir.is_dir());
    (!fetched && !is_there("npm")).then(|| "there is no `npm` on the path".to_owned())
}

/// Fetches the packages unless they are there, and returns the program. Others who want it wait.
pub(super) fn install() -> Result<PathBuf> {
    let dir = folder()?;
    let engines = dir.parent().context("a folder of engines")?;
    fs::create_dir_all(engines).with_context(|| format!("create {}", engines.display()))?;
    let lock = File::create(dir.with_added_extension("lock"))?;
    lock.lock().context("wait for another installation")?;
    if !dir.is_dir() {
        let half = dir.with_added_extension("half");
        let _ = fs::remove_dir_all(&half);
        fetch(&half)?;
        fs::rename(&half, &dir).context("keep what npm fetched")?;
    }
    Ok(dir.join("server.mjs"))
}

fn fetch(dir: &Path) -> Result<()> {
    fs::create_dir_all(dir)?;
    for (name, text) in FILES {
        fs::write(dir.join(name), text)?;
    }
    let mut npm = Command::new("npm");
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
        .current_dir(dir);
    run(npm).context("fetch oidc-provider")
}

/// Changes with whatever is written there.
fn folder() -> Result<PathBuf> {
    let mut hash = Sha256::new();
    for (_, text) in FILES {
        hash.update(text.as_bytes());
    }
    let digest = hash.finalize();
    let hash: String = digest
        .iter()
        .take(4)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    fetched::folder(&format!("oidc-provider-{VERSION}-{hash}"))
}
