//! Partners in other languages, with nothing but the public libraries of Standard Webhooks and
//! CloudEvents. These come through npm and pip, once, and are kept below cargo's target folder.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::fetched::{self, is_there, run};
use super::missing;

/// What a partner could be written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// Node.js 20 or later.
    JavaScript,
    /// CPython 3.10 or later, with `venv`.
    Python,
}

type Files = &'static [(&'static str, &'static str)];

impl Language {
    fn name(self) -> &'static str {
        match self {
            Self::JavaScript => "javascript",
            Self::Python => "python",
        }
    }

    fn files(self) -> Files {
        match self {
            Self::JavaScript => &[
                ("package.json", include_str!("senders/package.json")),
                (
                    "package-lock.json",
                    include_str!("senders/package-lock.json"),
                ),
                (".npmrc", include_str!("senders/.npmrc")),
                ("sender.mjs", include_str!("senders/sender.mjs")),
            ],
            Self::Python => &[
                ("requirements.txt", include_str!("senders/requirements.txt")),
                ("sender.py", include_str!("senders/sender.py")),
            ],
        }
    }

    /// The first of its tools that isn't there.
    fn lacking(self) -> Option<&'static str> {
        let tools: &[&str] = match self {
            Self::JavaScript => &["node", "npm"],
            Self::Python => &["python3"],
        };
        tools.iter().copied().find(|tool| !is_there(tool))
    }

    /// Fetches the libraries into `dir`.
    fn fetch(self, dir: &Path) -> Result<()> {
        match self {
            Self::JavaScript => {
                let mut npm = Command::new("npm");
                npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
                npm.current_dir(dir);
                run(npm)
            }
            Self::Python => {
                let mut venv = Command::new("python3");
                venv.args(["-m", "venv", "venv"]).current_dir(dir);
                run(venv)?;
                let mut pip = Command::new(dir.join("venv/bin/python"));
                pip.args(["-m", "pip", "install", "--quiet", "--require-hashes"]);
                pip.args(["--only-binary", ":all:", "-r", "requirements.txt"]);
                pip.current_dir(dir);
                run(pip)
            }
        }
    }

    fn program(self, dir: &Path) -> Command {
        let (program, script) = match self {
            Self::JavaScript => (PathBuf::from("node"), "sender.mjs"),
            Self::Python => (dir.join("venv/bin/python"), "sender.py"),
        };
        let mut command = Command::new(program);
        command.arg(dir.join(script));
        command
    }

    /// Sends what `wish` says, as `senders/sender.*` explain; status and body of the answer. None where
    /// this machine lacks the language, which is said loudly.
    ///
    /// # Errors
    /// The libraries can't be had, or there is no answer.
    pub fn send(self, wish: &Path) -> Result<Option<Value>> {
        if let Some(tool) = self.lacking() {
            missing::report(self.name(), &format!("there is no `{tool}` on the path"))?;
            return Ok(None);
        }
        let dir = self.install()?;
        let output = self.program(&dir).arg(wish).output()?;
        let text = String::from_utf8_lossy(&output.stdout);
        let answer = serde_json::from_str(&text).with_context(|| {
            let errors = String::from_utf8_lossy(&output.stderr);
            format!(
                "{} ended with {}:\n{text}{errors}",
                self.name(),
                output.status
            )
        })?;
        Ok(Some(answer))
    }

    /// Fetches the libraries unless they are there. Others who want them wait.
    fn install(self) -> Result<PathBuf> {
        let mut hash = Sha256::new();
        for (_, text) in self.files() {
            hash.update(text.as_bytes());
        }
        let digest = hash.finalize();
        let digits = digest.iter().take(4).map(|byte| format!("{byte:02x}"));
        let name = format!("sender-{}-{}", self.name(), digits.collect::<String>());
        let dir = fetched::folder(&name)?;
        let engines = dir.parent().context("a folder of engines")?;
        fs::create_dir_all(engines)?;
        let lock = File::create(dir.with_added_extension("lock"))?;
        lock.lock().context("wait for another installation")?;
        // An environment of Python can't be moved once it is made, so the mark comes last.
        let done = dir.join("done");
        if !done.is_file() {
            let _ = fs::remove_dir_all(&dir);
            fs::create_dir_all(&dir)?;
            for (name, text) in self.files() {
                fs::write(dir.join(name), text)?;
            }
            self.fetch(&dir)
                .with_context(|| format!("fetch libraries of {}", self.name()))?;
            File::create(done)?;
        }
        Ok(dir)
    }
}
