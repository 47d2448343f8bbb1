//! Files of snapshots: private to their owner, whole or not there, never more than some.

use std::fs::{File, OpenOptions};
use std::io::Result;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

const PREFIX: &str = "registry-";
const SUFFIX: &str = ".snapshot";
/// What is not finished yet.
const PART: &str = ".part";

/// Makes the folder.
pub(super) fn prepare(dir: &Path) -> Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}

/// Writes a file that is there only once all of it is on the disk.
pub(super) fn create(dir: &Path, write: impl FnOnce(&File) -> Result<()>) -> Result<PathBuf> {
    // What a crash left behind.
    for left in of_kind(dir, PART)? {
        std::fs::remove_file(left)?;
    }
    // Names sort by time; one that is taken is counted up.
    let mut number = Timestamp::now().as_millisecond();
    let path = loop {
        let path = dir.join(format!("{PREFIX}{number:016}{SUFFIX}"));
        if !path.try_exists()? {
            break path;
        }
        number += 1;
    };
    let part = path.with_extension(&PART[1..]);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(&part)?;
    write(&file)?;
    file.sync_all()?;
    std::fs::rename(&part, &path)?;
    File::open(dir)?.sync_all()?;
    Ok(path)
}

/// Removes the oldest, so that `kept` are left; never `newest`.
pub(super) fn remove_old(dir: &Path, newest: &Path, kept: usize) -> Result<()> {
    let others = newest_first(dir)?;
    let others = others.into_iter().filter(|path| path != newest);
    others.skip(kept - 1).try_for_each(std::fs::remove_file)
}

/// All that are whole.
pub(super) fn newest_first(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut found = of_kind(dir, SUFFIX)?;
    found.sort_unstable_by(|one, other| other.cmp(one));
    Ok(found)
}

/// Opens one for reading.
pub(super) fn open(path: &Path) -> Result<File> {
    let file = File::open(path)?;
    if !file.metadata()?.is_file() {
        return Err(std::io::Error::other("not a file"));
    }
    Ok(file)
}

fn of_kind(dir: &Path, suffix: &str) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_str().unwrap_or_default();
        if name.starts_with(PREFIX) && name.ends_with(suffix) {
            found.push(entry.path());
        }
    }
    Ok(found)
}
