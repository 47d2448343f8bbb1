//! An operator of a cluster, who calls Kafka's own commands: one virtual machine for many calls.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context as _, Result, ensure};

use super::install::{self, Installed};

/// Ends with its value, and with the process that made it, however that went.
pub struct Operator {
    // Closed first: the program ends with its input.
    calls: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    log: PathBuf,
    child: Child,
}

impl Operator {
    /// Starts the program. `key_store` is the operator's key and certificate, `dir` takes its files, which
    /// bear this process's number.
    ///
    /// # Errors
    /// Kafka's commands can't be had here, or can't be started.
    pub fn start(brokers: &str, roots: &Path, key_store: &Path, dir: &Path) -> Result<Self> {
        Self::of(&install::install()?, brokers, roots, key_store, dir)
    }

    pub(super) fn of(
        installed: &Installed,
        brokers: &str,
        roots: &Path,
        key_store: &Path,
        dir: &Path,
    ) -> Result<Self> {
        let name = format!("operator-{}", std::process::id());
        let config = dir.join(&name).with_extension("properties");
        let text = format!(
            "security.protocol=SSL\nssl.keystore.type=PEM\nssl.keystore.location={}\n\
             ssl.truststore.type=PEM\nssl.truststore.location={}\n",
            key_store.display(),
            roots.display()
        );
        fs::write(&config, text).with_context(|| format!("write {}", config.display()))?;
        let log = dir.join(&name).with_extension("log");
        let mut child = Command::new("java")
            .args(installed.java("Tools"))
            .args(["--bootstrap-server", brokers, "--command-config"])
            .arg(&config)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::from(File::create(&log)?))
            .spawn()
            .context("run java")?;
        let answers = BufReader::new(child.stdout.take().context("its output")?);
        Ok(Self {
            calls: child.stdin.take(),
            answers,
            log,
            child,
        })
    }

    /// Makes these calls, one after the other, up to the first that fails.
    ///
    /// # Errors
    /// One of them fails; the text says which, and what Kafka said.
    pub fn make(&mut self, calls: &[String]) -> Result<()> {
        for call in calls {
            let input = self.calls.as_mut().context("its input")?;
            writeln!(input, "{call}").and_then(|()| input.flush())?;
            let mut code = String::new();
            self.answers.read_line(&mut code)?;
            ensure!(
                code.trim() == "0",
                "Kafka refused `{call}`:\n{}",
                fs::read_to_string(&self.log).unwrap_or_default()
            );
        }
        Ok(())
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        drop(self.calls.take());
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
