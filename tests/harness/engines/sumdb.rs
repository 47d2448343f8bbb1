//! A verifier of logs that nobody here wrote: Go's checksum database's. Its module comes through Go's
//! own tool, once, and is kept below cargo's target folder.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::Result;

use super::fetched::{self, Files, run};
use super::missing;

const FILES: Files = &[
    ("go.mod", include_str!("sumdb/go.mod")),
    ("go.sum", include_str!("sumdb/go.sum")),
    ("main.go", include_str!("sumdb/main.go")),
];

/// The program, ready to run; see `sumdb/main.go`.
#[derive(Debug)]
pub struct Sumdb(PathBuf);

impl Sumdb {
    /// Builds it, unless that was done before. None where this machine lacks Go, which is said loudly.
    ///
    /// # Errors
    /// It can't be built; Go is missing and `CI` is set.
    pub fn build() -> Result<Option<Self>> {
        let mut go = Command::new("go");
        go.arg("version")
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        if !go.status().is_ok_and(|status| status.success()) {
            missing::report("Go's checksum database", "there is no `go` on the path")?;
            return Ok(None);
        }
        let dir = fetched::once("sumdb", FILES, |dir| {
            let mut go = Command::new("go");
            go.args(["build", "-o", "sumdb", "."]).current_dir(dir);
            run(go)
        })?;
        Ok(Some(Self(dir.join("sumdb"))))
    }

    /// Verifies the log in a folder or at an address, under the key of its own name.
    pub fn command(&self, log: impl AsRef<OsStr>, vkey: &str) -> Command {
        let mut command = Command::new(&self.0);
        command.arg(log).arg(vkey);
        command
    }
}
