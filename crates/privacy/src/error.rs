//! What can go wrong. No text repeats a secret or anything about a person.

use std::path::PathBuf;

use service::config::SecretError;

use crate::keys::Purpose;

/// Keys that can't be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// This process was given no key for the purpose.
    #[error("no key file for {purpose} keys; name one in the configuration under `{purpose}`")]
    NotConfigured {
        /// What for.
        purpose: Purpose,
    },
    /// The file can't be read, or others may read it too.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The file is not a key file.
    #[error("{}: {why}", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// What is wrong, and what to write instead.
        why: &'static str,
    },
    /// A text is not a key ring.
    #[error("not a key ring: {0}")]
    Keyring(&'static str),
    /// The ring has no key of this version.
    #[error("no {purpose} key of version {version}; put it back into its file")]
    UnknownVersion {
        /// What for.
        purpose: Purpose,
        /// Which was wanted.
        version: u32,
    },
    /// The system's random number generator failed.
    #[error("the system gave no random numbers; try again")]
    Random,
}

/// Something that can't be sealed or opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The record key is one of another kind of item.
    #[error("this record key names another kind of item; use the keys of that kind")]
    WrongItem,
    /// The value isn't a sealed item, or not the one that its record key names.
    #[error("the value is no sealed item of its record key; the record is damaged")]
    Malformed,
    /// The key that it was sealed under isn't held.
    #[error("sealed under key version {0}, which is not held; put it back into the key file")]
    UnknownVersion(u32),
    /// This process has no keys of this kind.
    #[error("this process has no keys for this kind of item; configure them")]
    NoKeys,
    /// It was changed, moved to another key, or sealed for another purpose.
    #[error("can't be opened: changed, moved, or sealed under another key")]
    NotAuthentic,
    /// The public key is not one that anything can be sealed to.
    #[error("the public key is weak; ask its owner for another")]
    WeakKey,
    /// The system's random number generator failed.
    #[error("the system gave no random numbers; try again")]
    Random,
}

/// A text that is not what it should be. The text itself is not repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a valid {kind}: expected {expected}")]
pub struct Malformed {
    /// What was wanted.
    pub kind: &'static str,
    /// What it looks like.
    pub expected: &'static str,
}
