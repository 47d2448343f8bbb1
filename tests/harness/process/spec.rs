//! How a process is started.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;

use super::locate;

/// How a process is started. Starting it again after a kill is the same value spawned again.
#[derive(Debug, Clone)]
pub struct Spec {
    pub(super) program: PathBuf,
    pub(super) args: Vec<OsString>,
    pub(super) env: Vec<(OsString, OsString)>,
    pub(super) log: PathBuf,
    pub(super) stdin: Option<PathBuf>,
    pub(super) grace: Duration,
}

impl Spec {
    /// A binary of this workspace, built beforehand, with the file that takes its output.
    ///
    /// # Errors
    /// It isn't there; the text says how to build it.
    pub fn workspace(name: &str, log: impl Into<PathBuf>) -> Result<Self> {
        Ok(Self::program(locate::binary(name)?, log))
    }

    /// Any other program, with the file that takes its output.
    pub fn program(path: impl Into<PathBuf>, log: impl Into<PathBuf>) -> Self {
        Self {
            program: path.into(),
            args: Vec::new(),
            env: Vec::new(),
            log: log.into(),
            stdin: None,
            grace: Duration::from_secs(10),
        }
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args(self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        args.into_iter().fold(self, Self::arg)
    }

    /// Sets an environment variable on top of the test's own environment.
    #[must_use]
    pub fn env(mut self, key: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.env
            .push((key.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// What it reads from, a terminal for example (nothing unless set).
    #[must_use]
    pub fn stdin(mut self, file: impl Into<PathBuf>) -> Self {
        self.stdin = Some(file.into());
        self
    }

    /// How long the process may take to end after SIGTERM before it gets SIGKILL (10 s unless set).
    #[must_use]
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    pub(super) fn name(&self) -> String {
        let name = self.program.file_name().unwrap_or(self.program.as_os_str());
        name.to_string_lossy().into_owned()
    }
}
