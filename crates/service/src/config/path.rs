//! Paths that mean the same wherever the process was started.

use std::cell::RefCell;
use std::ops::Deref;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer};

thread_local! {
    /// Folder of the configuration file that this thread is reading.
    static FOLDER: RefCell<Option<PathBuf>> = const { RefCell::new(None) };
}

/// Runs `read` with relative [`ConfigPath`]s resolved against `folder`.
pub(super) fn resolving_against<T>(folder: PathBuf, read: impl FnOnce() -> T) -> T {
    struct Restore(Option<PathBuf>);
    impl Drop for Restore {
        fn drop(&mut self) {
            FOLDER.set(self.0.take());
        }
    }
    let _restore = Restore(FOLDER.replace(Some(folder)));
    read()
}

/// A path in a configuration. A relative one is relative to the folder of the configuration file,
/// whether the file or the environment set it; outside of [`super::load`] it stays as it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ConfigPath(PathBuf);

impl<'de> Deserialize<'de> for ConfigPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let path = PathBuf::deserialize(deserializer)?;
        if path.as_os_str().is_empty() {
            return Err(serde::de::Error::custom("an empty path; name a file"));
        }
        Ok(Self(FOLDER.with_borrow(|folder| match folder {
            Some(folder) => folder.join(path),
            None => path,
        })))
    }
}

impl Deref for ConfigPath {
    type Target = Path;
    fn deref(&self) -> &Path {
        &self.0
    }
}

impl AsRef<Path> for ConfigPath {
    fn as_ref(&self) -> &Path {
        &self.0
    }
}

impl From<PathBuf> for ConfigPath {
    fn from(path: PathBuf) -> Self {
        Self(path)
    }
}

impl From<&Path> for ConfigPath {
    fn from(path: &Path) -> Self {
        Self(path.to_owned())
    }
}
