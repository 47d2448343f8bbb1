//! A terminal without a person.

use std::fs::File;
use std::io::Write as _;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};

use anyhow::Result;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

/// A pseudo-terminal (POSIX.1, `posix_openpt`). It ends with the value.
pub(crate) struct Terminal {
    keyboard: File,
    path: PathBuf,
}

impl Terminal {
    pub(crate) fn open() -> Result<Self> {
        let keyboard = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY)?;
        grantpt(&keyboard)?;
        unlockpt(&keyboard)?;
        let name = ptsname(&keyboard, Vec::new())?.into_bytes();
        Ok(Self {
            keyboard: keyboard.into(),
            path: std::ffi::OsString::from_vec(name).into(),
        })
    }

    /// What a process reads from.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Types a line.
    pub(crate) fn enter(&mut self, line: &str) -> Result<()> {
        Ok(writeln!(self.keyboard, "{line}")?)
    }
}
