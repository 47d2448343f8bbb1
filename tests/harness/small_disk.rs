//! A disk of a few megabytes, to be filled: a file system in memory, mounted by root or through `sudo`.

use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, ErrorKind, Read as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, ensure};

/// Mounts, says so, and unmounts at the end of its input, which the kernel brings about when the test
/// process dies.
const SCRIPT: &str = r#"mount -t tmpfs -o "size=$2m,uid=$3,mode=0700" tmpfs "$1" && echo mounted && read -r _
umount -l "$1""#;

/// Unmounted when dropped, with all that is on it.
#[derive(Debug)]
pub struct SmallDisk {
    holder: Child,
    dir: PathBuf,
}

impl SmallDisk {
    /// Mounts one at `dir`, which is made where absent. None where this process may mount nothing, which
    /// is said loudly.
    ///
    /// # Errors
    /// The folder can't be made.
    pub fn mount(dir: &Path, megabytes: u32) -> Result<Option<Self>> {
        fs::create_dir_all(dir).with_context(|| format!("create {}", dir.display()))?;
        let user = rustix::process::getuid();
        let words: &[&str] = if user.is_root() {
            &["sh"]
        } else {
            &["sudo", "-n", "sh"]
        };
        let holder = Command::new(words[0])
            .args(&words[1..])
            .args(["-c", SCRIPT, "small-disk"])
            .arg(dir)
            .args([megabytes.to_string(), user.as_raw().to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn();
        let why = match holder {
            Ok(mut holder) => {
                let mut said = String::new();
                if let Some(output) = holder.stdout.take() {
                    BufReader::new(output).read_line(&mut said)?;
                }
                if said.trim() == "mounted" {
                    let dir = dir.to_owned();
                    return Ok(Some(Self { holder, dir }));
                }
                if let Some(mut errors) = holder.stderr.take() {
                    errors.read_to_string(&mut said)?;
                }
                holder.wait()?;
                said
            }
            Err(error) => error.to_string(),
        };
        let rule = "!".repeat(72);
        eprintln!(
            "{rule}\nLEFT OUT for lack of a small disk: {}\n{rule}",
            why.trim()
        );
        Ok(None)
    }

    /// Fills it to the last byte.
    ///
    /// # Errors
    /// It can't be written for another reason than that it is full.
    pub fn fill(&self) -> Result<()> {
        let mut filler = File::create(self.filler())?;
        let full = io::copy(&mut io::repeat(0), &mut filler);
        let full = full.is_err_and(|error| error.kind() == ErrorKind::StorageFull);
        ensure!(full, "{} doesn't fill", self.dir.display());
        Ok(())
    }

    /// Gives back what [`SmallDisk::fill`] took.
    ///
    /// # Errors
    /// It wasn't filled.
    pub fn free(&self) -> Result<()> {
        fs::remove_file(self.filler()).context("empty the small disk")
    }

    fn filler(&self) -> PathBuf {
        self.dir.join("filler")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        drop(self.holder.stdin.take());
        let _ = self.holder.wait();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_full_disk_takes_nothing_until_it_is_emptied() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("disk");
        let Some(disk) = SmallDisk::mount(&dir, 1).unwrap() else {
            return;
        };
        let file = dir.join("file");
        fs::write(&file, [1; 5000]).unwrap();
        disk.fill().unwrap();
        let refused = fs::write(dir.join("another"), [1]).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::StorageFull);
        disk.free().unwrap();
        fs::write(dir.join("another"), [1; 5000]).unwrap();
        drop(disk);
        assert!(!file.exists(), "it is unmounted");
    }
}
