//! Partners in other languages, with nothing but the public libraries of Standard Webhooks and
//! CloudEvents. These come through npm and pip, once, and are kept below cargo's target folder.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::fetched::{self, Files, is_there, run};
use super::missing;

/// What a partner could be written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// Node.js 20 or later.
    JavaScript,
    /// CPython 3.10 or later, with `venv`.
    Python,
}

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
            Self::JavaScript => fetched::npm(dir),
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
        let name = format!("sender-{}", self.name());
        let dir = fetched::once(&name, self.files(), |dir| self.fetch(dir))?;
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
}
