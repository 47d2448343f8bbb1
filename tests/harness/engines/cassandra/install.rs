//! The database's classes, fetched through Maven once and kept below cargo's target folder.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::engines::fetched::{self, is_there, run};

/// As in `pom.xml`.
const VERSION: &str = "5.0.5";
const POM: &str = include_str!("pom.xml");

/// Where everything of this version is kept: `lib` with the classes, and what
/// [`seed`](super::seed) adds.
pub(super) struct Installed {
    pub(super) dir: PathBuf,
    /// Held by whoever fills the folder.
    _lock: File,
}

impl Installed {
    pub(super) fn lib(&self) -> PathBuf {
        self.dir.join("lib")
    }

    /// The agent by which the database measures its memory.
    pub(super) fn agent(&self) -> Result<PathBuf> {
        for entry in fs::read_dir(self.lib())? {
            let path = entry?.path();
            let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
            if name.starts_with("jamm-") && name.ends_with(".jar") {
                return Ok(path);
            }
        }
        anyhow::bail!("there is no jamm-*.jar in {}", self.lib().display())
    }
}

/// Why it can't be had here, if it can't: no Java, or neither Maven nor what it fetched before.
pub(super) fn lacking() -> Option<String> {
    if !is_there(java()) {
        return Some("there is no `java` (17) in JAVA_HOME or on the path".to_owned());
    }
    let fetched = folder().is_ok_and(|dir| dir.join("lib").is_dir());
    (!fetched && !is_there("mvn")).then(|| "there is no `mvn` on the path".to_owned())
}

/// The program.
pub(super) fn java() -> PathBuf {
    match std::env::var_os("JAVA_HOME") {
        Some(home) => PathBuf::from(home).join("bin/java"),
        None => PathBuf::from("java"),
    }
}

/// Fetches the classes unless they are there. Others who want them wait.
pub(super) fn install() -> Result<Installed> {
    let dir = folder()?;
    fs::create_dir_all(&dir).with_context(|| format!("create {}", dir.display()))?;
    let lock = File::create(dir.join("lock"))?;
    lock.lock().context("wait for another installation")?;
    let installed = Installed { dir, _lock: lock };
    if !installed.lib().is_dir() {
        fetch(&installed.dir, &installed.lib())?;
    }
    Ok(installed)
}

fn fetch(dir: &Path, lib: &Path) -> Result<()> {
    let half = dir.join("lib.half");
    let _ = fs::remove_dir_all(&half);
    let pom = dir.join("pom.xml");
    fs::write(&pom, POM)?;
    let mut maven = Command::new("mvn");
    maven
        .args(["-q", "-B", "-f"])
        .arg(&pom)
        .arg("dependency:copy-dependencies")
        .arg(format!("-DoutputDirectory={}", half.display()));
    run(maven).context("fetch Cassandra")?;
    fs::rename(&half, lib).context("keep what mvn fetched")
}

fn folder() -> Result<PathBuf> {
    fetched::folder(&format!("cassandra-{VERSION}"))
}
