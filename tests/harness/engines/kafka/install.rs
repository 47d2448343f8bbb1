//! Kafka's classes, fetched through Maven once and kept below cargo's target folder.

use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use super::Tuning;
use crate::engines::fetched::{self, is_there, run};

/// As in `pom.xml`.
const VERSION: &str = "4.4.0";
const POM: &str = include_str!("pom.xml");
const LOGGING: &str = include_str!("log4j2.xml");
const TOOLS: &str = include_str!("Tools.java");

/// Where everything of this version is kept.
#[derive(Debug, Clone)]
pub(super) struct Installed {
    dir: PathBuf,
}

impl Installed {
    /// A Java program of Kafka's, or `Tools`, or a source file: quick to start, and not to be used where
    /// speed is measured.
    pub(super) fn java(&self, program: impl Into<OsString>) -> Vec<OsString> {
        self.tuned(Tuning::Start, program)
    }

    /// The same, tuned.
    pub(super) fn tuned(&self, tuning: Tuning, program: impl Into<OsString>) -> Vec<OsString> {
        let mut logging = OsString::from("-Dlog4j2.configurationFile=");
        logging.push(self.dir.join("log4j2.xml"));
        let mut path = self.dir.join("classes").into_os_string();
        path.push(":");
        path.push(self.dir.join("lib").join("*"));
        let flags: &[&str] = match tuning {
            Tuning::Start => &["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx384m"],
            Tuning::Speed => &["-Xms1g", "-Xmx1g"],
        };
        let mut arguments: Vec<OsString> = flags.iter().map(OsString::from).collect();
        arguments.extend([logging, "-cp".into(), path, program.into()]);
        arguments
    }
}

/// Why it can't be had here, if it can't: no JDK, or neither Maven nor what it fetched before.
pub(super) fn lacking() -> Option<String> {
    if !is_there("java") || !is_there("javac") {
        return Some("there is no JDK (17 or later) on the path".to_owned());
    }
    let fetched = folder().is_ok_and(|dir| dir.join("lib").is_dir());
    (!fetched && !is_there("mvn")).then(|| "there is no `mvn` on the path".to_owned())
}

/// Fetches the classes unless they are there. Others who want them wait.
pub(super) fn install() -> Result<Installed> {
    let dir = folder()?;
    fs::create_dir_all(&dir).with_context(|| format!("create {}", dir.display()))?;
    let lock = File::create(dir.join("lock"))?;
    lock.lock().context("wait for another installation")?;
    let lib = dir.join("lib");
    if !lib.is_dir() {
        fetch(&dir, &lib)?;
    }
    compile(&dir, &lib)?;
    write_if_changed(&dir.join("log4j2.xml"), LOGGING)?;
    Ok(Installed { dir })
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
        .arg("dependency:copy-dependencies");
    maven.arg(format!("-DoutputDirectory={}", half.display()));
    run(maven).context("fetch Kafka")?;
    fs::rename(&half, lib).context("keep what mvn fetched")
}

fn compile(dir: &Path, lib: &Path) -> Result<()> {
    let (source, classes) = (dir.join("Tools.java"), dir.join("classes"));
    if !write_if_changed(&source, TOOLS)? && classes.join("Tools.class").is_file() {
        return Ok(());
    }
    let mut javac = Command::new("javac");
    javac
        .arg("-cp")
        .arg(lib.join("*"))
        .arg("-d")
        .arg(&classes)
        .arg(&source);
    run(javac).context("compile Kafka's tools")
}

fn write_if_changed(path: &Path, text: &str) -> Result<bool> {
    let changed = fs::read_to_string(path).ok().as_deref() != Some(text);
    if changed {
        fs::write(path, text).with_context(|| format!("write {}", path.display()))?;
    }
    Ok(changed)
}

fn folder() -> Result<PathBuf> {
    fetched::folder(&format!("kafka-{VERSION}"))
}
