//! The keyring file: data keys by version, and the key that hides record ids.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::VaultError;

/// Length of every key, in bytes.
pub(crate) const KEY_BYTES: usize = 32;
type KeyBytes = Zeroizing<[u8; KEY_BYTES]>;

/// A data key.
pub(super) struct DataKey {
    pub(super) created_at: Timestamp,
    pub(super) bytes: KeyBytes,
}

/// The keyring as read from its file.
pub(super) struct Keyring {
    path: PathBuf,
    pub(super) index_key: KeyBytes,
    pub(super) data_keys: BTreeMap<u32, DataKey>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    index_key: Zeroizing<String>,
    data_keys: Vec<FileKey>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileKey {
    version: u32,
    created_at: Timestamp,
    key: Zeroizing<String>,
}

impl Keyring {
    /// Makes a new keyring with one data key.
    pub(super) fn create(path: &Path, now: Timestamp) -> Result<Self, VaultError> {
        let mut keyring = Self {
            path: path.to_owned(),
            index_key: random()?,
            data_keys: BTreeMap::new(),
        };
        keyring.add(now)?;
        Ok(keyring)
    }

    /// Reads the file, which nobody but its owner may be able to read.
    pub(super) fn load(path: &Path) -> Result<Self, VaultError> {
        let unreadable = |error: std::io::Error| VaultError::KeyringFile(error.to_string());
        let mode = fs::metadata(path).map_err(unreadable)?.permissions().mode();
        if mode & 0o077 != 0 {
            return Err(VaultError::KeyringFile(
                "others may read it; set its mode to 0600".into(),
            ));
        }
        let text = Zeroizing::new(fs::read_to_string(path).map_err(unreadable)?);
        let malformed = || VaultError::KeyringFile("it is malformed; restore it".into());
        let file: File = serde_json::from_str(&text).map_err(|_| malformed())?;
        let mut data_keys = BTreeMap::new();
        for key in file.data_keys {
            let bytes = decode(&key.key).ok_or_else(malformed)?;
            data_keys.insert(
                key.version,
                DataKey {
                    created_at: key.created_at,
                    bytes,
                },
            );
        }
        if data_keys.is_empty() {
            return Err(malformed());
        }
        let index_key = decode(&file.index_key).ok_or_else(malformed)?;
        Ok(Self {
            path: path.to_owned(),
            index_key,
            data_keys,
        })
    }

    /// Adds a data key of the next version and writes the file before it may be used.
    pub(super) fn add(&mut self, now: Timestamp) -> Result<u32, VaultError> {
        let version = self
            .data_keys
            .keys()
            .next_back()
            .map_or(1, |newest| newest + 1);
        self.data_keys.insert(
            version,
            DataKey {
                created_at: now,
                bytes: random()?,
            },
        );
        if let Err(error) = self.save() {
            self.data_keys.remove(&version);
            return Err(error);
        }
        Ok(version)
    }

    /// Replaces the file whole: written beside it, flushed, renamed, folder flushed.
    fn save(&self) -> Result<(), VaultError> {
        let file = File {
            index_key: encode(&self.index_key),
            data_keys: self
                .data_keys
                .iter()
                .map(|(version, key)| FileKey {
                    version: *version,
                    created_at: key.created_at,
                    key: encode(&key.bytes),
                })
                .collect(),
        };
        let text = serde_json::to_string_pretty(&file).map(Zeroizing::new);
        let text = text.map_err(|error| VaultError::KeyringFile(error.to_string()))?;
        let write = || -> std::io::Result<()> {
            let beside = self.path.with_extension("new");
            let mut out = OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(&beside)?;
            out.write_all(text.as_bytes())?;
            out.sync_all()?;
            fs::rename(&beside, &self.path)?;
            let folder = self
                .path
                .parent()
                .filter(|folder| !folder.as_os_str().is_empty());
            fs::File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
        };
        write().map_err(|error| VaultError::KeyringFile(error.to_string()))
    }
}

fn random() -> Result<KeyBytes, VaultError> {
    let mut bytes = Zeroizing::new([0; KEY_BYTES]);
    rand::fill(bytes.as_mut_slice()).map_err(|_| VaultError::Crypto)?;
    Ok(bytes)
}

fn encode(key: &KeyBytes) -> Zeroizing<String> {
    Zeroizing::new(BASE64.encode(key.as_slice()))
}

fn decode(text: &str) -> Option<KeyBytes> {
    let bytes = Zeroizing::new(BASE64.decode(text).ok()?);
    Some(Zeroizing::new(bytes.as_slice().try_into().ok()?))
}
