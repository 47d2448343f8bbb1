//! Secrets, which stand in files of their own and never in the configuration.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer};
use zeroize::Zeroizing;

use super::ConfigPath;

/// Largest secret that is read, in bytes: far above any key, far below what would hurt.
const MAX_BYTES: u64 = 1 << 20;

/// A secret that wasn't read. The text names the file and never what is in it.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file isn't there or can't be read.
    #[error("can't read secret {}: {reason}", file.display())]
    Unreadable {
        /// The secret's file.
        file: PathBuf,
        /// What the operating system said.
        reason: io::Error,
    },
    /// Somebody other than the owner may use the file.
    #[error(
        "secret {} is open to others (mode {mode:03o}); run: chmod 600 {}",
        file.display(),
        file.display()
    )]
    OpenToOthers {
        /// The secret's file.
        file: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Larger than any secret is.
    #[error("secret {} is larger than {MAX_BYTES} bytes; name the right file", file.display())]
    TooLarge {
        /// The secret's file.
        file: PathBuf,
    },
}

/// A reference to a secret: the path of a file that only its owner may read.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretFile(ConfigPath);

impl SecretFile {
    /// Refers to `path`; nothing is read yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into().into())
    }

    /// The file's path.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Reads the secret; the buffer is wiped when it is dropped.
    ///
    /// # Errors
    /// [`SecretError`]; on Unix also where the file's mode lets its group or others do anything.
    pub fn read(&self) -> Result<Zeroizing<Vec<u8>>, SecretError> {
        let unreadable = |reason| SecretError::Unreadable {
            file: self.path().to_owned(),
            reason,
        };
        let file = File::open(self.path()).map_err(unreadable)?;
        let metadata = file.metadata().map_err(unreadable)?;
        self.refuse_open_to_others(&metadata)?;
        if metadata.len() > MAX_BYTES {
            return Err(SecretError::TooLarge {
                file: self.path().to_owned(),
            });
        }
        // Room for all of it at once: a growing buffer would leave unwiped copies behind.
        let room = usize::try_from(metadata.len()).unwrap_or(0) + 1;
        let mut bytes = Zeroizing::new(Vec::with_capacity(room));
        file.take(MAX_BYTES)
            .read_to_end(&mut bytes)
            .map_err(unreadable)?;
        Ok(bytes)
    }

    #[cfg(unix)]
    fn refuse_open_to_others(&self, metadata: &std::fs::Metadata) -> Result<(), SecretError> {
        use std::os::unix::fs::PermissionsExt;
        match metadata.permissions().mode() & 0o777 {
            mode if mode & 0o077 == 0 => Ok(()),
            mode => Err(SecretError::OpenToOthers {
                file: self.path().to_owned(),
                mode,
            }),
        }
    }

    #[cfg(not(unix))]
    fn refuse_open_to_others(&self, _metadata: &std::fs::Metadata) -> Result<(), SecretError> {
        Ok(())
    }
}

impl<'de> Deserialize<'de> for SecretFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        ConfigPath::deserialize(deserializer).map(Self)
    }
}

impl fmt::Debug for SecretFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretFile({})", self.path().display())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[cfg(unix)]
    #[test]
    fn only_a_file_of_its_owner_alone_is_read() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        std::fs::write(&path, b"s3cret").unwrap();
        let secret = SecretFile::new(&path);
        for mode in [0o640, 0o604, 0o620, 0o644, 0o660] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            let text = secret.read().unwrap_err().to_string();
            assert!(text.contains("chmod 600"), "{text}");
            assert!(text.contains(path.to_str().unwrap()), "{text}");
            assert!(!text.contains("s3cret"), "{text}");
        }
        for mode in [0o600, 0o400] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(*secret.read().unwrap(), b"s3cret");
        }
        assert_eq!(
            format!("{secret:?}"),
            format!("SecretFile({})", path.display())
        );
    }

    #[test]
    fn a_missing_file_is_named() {
        let text = SecretFile::new("/nowhere/key")
            .read()
            .unwrap_err()
            .to_string();
        assert!(text.contains("/nowhere/key"), "{text}");
    }
}
