//! The server's files, fetched through Maven and built for our options once, and kept below cargo's
//! target folder.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::engines::fetched::{self, is_there, run};

const VERSION: &str = "26.7.3";
const GROUP: &str = "org.keycloak";
const NAME: &str = "keycloak-quarkus-dist";

/// Where everything of this version is kept: `home`, what [`seed`](super::seed) adds, and the folders of
/// runs.
pub(super) struct Installed {
    pub(super) dir: PathBuf,
    /// Held by whoever fills the folder.
    _lock: File,
}

impl Installed {
    /// The program that builds and starts it.
    pub(super) fn program(&self) -> PathBuf {
        self.dir.join("home/bin/kc.sh")
    }
}

/// Why it can't be had here, if it can't: no Java, or neither Maven nor what it fetched before.
pub(super) fn lacking() -> Option<String> {
    let java = std::env::var_os("JAVA_HOME").map(|home| PathBuf::from(home).join("bin/java"));
    if !is_there(java.unwrap_or_else(|| "java".into())) {
        return Some("there is no `java` (17) in JAVA_HOME or on the path".to_owned());
    }
    let fetched = folder().is_ok_and(|dir| dir.join("home").is_dir());
    (!fetched && !is_there("mvn")).then(|| "there is no `mvn` on the path".to_owned())
}

/// Fetches and builds the server unless that was done. Others who want it wait.
pub(super) fn install() -> Result<Installed> {
    let dir = folder()?;
    fs::create_dir_all(&dir).with_context(|| format!("create {}", dir.display()))?;
    let lock = File::create(dir.join("lock"))?;
    lock.lock().context("wait for another installation")?;
    let installed = Installed { dir, _lock: lock };
    if !installed.dir.join("home").is_dir() {
        fetch(&installed.dir)?;
    }
    let built = installed.dir.join("built");
    if !built.is_file() {
        build(&installed.program())?;
        fs::write(&built, "")?;
    }
    Ok(installed)
}

fn fetch(dir: &Path) -> Result<()> {
    let half = dir.join("home.half");
    let _ = fs::remove_dir_all(&half);
    let mut maven = Command::new("mvn");
    maven
        .args(["-q", "-B", "dependency:copy"])
        .arg(format!("-Dartifact={GROUP}:{NAME}:{VERSION}:tar.gz"))
        .arg(format!("-DoutputDirectory={}", half.display()))
        // A pom.xml that happens to be where the tests run is none of its business.
        .current_dir(dir);
    run(maven).context("fetch Keycloak")?;
    // Maven's own unpacking cuts long names.
    let mut tar = Command::new("tar");
    tar.arg("-xzf")
        .arg(half.join(format!("{NAME}-{VERSION}.tar.gz")))
        .arg("-C")
        .arg(&half);
    run(tar).context("unpack Keycloak")?;
    let unpacked = half.join(format!("keycloak-{VERSION}"));
    fs::rename(&unpacked, dir.join("home")).context("keep what mvn fetched")?;
    Ok(fs::remove_dir_all(&half)?)
}

/// Chooses what can't be chosen when it starts, so that it starts quickly.
fn build(program: &Path) -> Result<()> {
    let mut build = Command::new(program);
    build.args(["build", "--db=dev-file"]);
    run(build).context("build Keycloak")
}

fn folder() -> Result<PathBuf> {
    fetched::folder(&format!("keycloak-{VERSION}"))
}
