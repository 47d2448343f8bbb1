//! Encryption at rest: AES-256-GCM under a key for each complex, which comes from versioned data keys by
//! HKDF (RFC 5869); ids hidden by HMAC.

mod keyring;

use std::collections::BTreeMap;
use std::path::Path;

use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use aws_lc_rs::{hkdf, hmac};
use jiff::Timestamp;
use zeroize::Zeroizing;

pub(crate) use keyring::KEY_BYTES;
use keyring::Keyring;

/// Length of the nonce that stands before each ciphertext, in bytes (RFC 5116 section 5.1).
const NONCE_BYTES: usize = 12;

/// Why something can't be sealed or opened.
#[derive(Debug, Clone, thiserror::Error)]
pub enum VaultError {
    /// The keyring can't be read or written.
    #[error("keyring file: {0}")]
    KeyringFile(String),
    /// The store has records, but their keyring is missing.
    #[error("the store exists but its keyring doesn't; restore the keyring file")]
    KeyringMissing,
    /// A record was sealed under a version that the keyring lacks.
    #[error("the keyring lacks key version {0}; restore the keyring file")]
    UnknownVersion(u32),
    /// A sealed value was changed or moved, or the generator failed.
    #[error("a stored value failed authentication; restore the store from a backup")]
    Crypto,
}

/// The keys in use.
pub(crate) struct Vault {
    keyring: Keyring,
    index: hmac::Key,
    roots: BTreeMap<u32, hkdf::Prk>,
    newest: u32,
}

impl Vault {
    /// Opens the keyring; makes one only where nothing was stored yet.
    pub(crate) fn open(
        path: &Path,
        store_exists: bool,
        now: Timestamp,
    ) -> Result<Self, VaultError> {
        let keyring = match (path.exists(), store_exists) {
            (true, _) => Keyring::load(path)?,
            (false, false) => Keyring::create(path, now)?,
            (false, true) => return Err(VaultError::KeyringMissing),
        };
        let mut vault = Self {
            index: hmac::Key::new(hmac::HMAC_SHA256, keyring.index_key.as_slice()),
            roots: BTreeMap::new(),
            newest: 0,
            keyring,
        };
        vault.arm();
        Ok(vault)
    }

    fn arm(&mut self) {
        let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, b"reference-partner data key v1");
        for (version, key) in &self.keyring.data_keys {
            let root = || salt.extract(key.bytes.as_slice());
            self.roots.entry(*version).or_insert_with(root);
            self.newest = self.newest.max(*version);
        }
    }

    /// The key of a scope: a complex, or what belongs to none.
    fn cipher(&self, version: u32, scope: &[u8]) -> Result<RandomizedNonceKey, VaultError> {
        let root = self.roots.get(&version);
        let root = root.ok_or(VaultError::UnknownVersion(version))?;
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        root.expand(&[scope], hkdf::HKDF_SHA256)
            .and_then(|okm| okm.fill(key.as_mut_slice()))
            .and_then(|()| RandomizedNonceKey::new(&AES_256_GCM, key.as_slice()))
            .map_err(|_| VaultError::Crypto)
    }

    /// Adds a key version, durable before it is used, and encrypts with it from now on.
    pub(crate) fn rotate(&mut self, now: Timestamp) -> Result<u32, VaultError> {
        self.keyring.add(now)?;
        self.arm();
        Ok(self.newest)
    }

    /// The version that encrypts.
    pub(crate) fn newest(&self) -> u32 {
        self.newest
    }

    /// When the key that now encrypts was made.
    pub(crate) fn rotated_at(&self) -> Timestamp {
        self.keyring
            .data_keys
            .get(&self.newest)
            .map_or(Timestamp::UNIX_EPOCH, |key| key.created_at)
    }

    /// Seals under the newest key of a scope: nonce, ciphertext, tag. The version is bound too.
    pub(crate) fn seal(
        &self,
        scope: &[u8],
        context: &[u8],
        mut value: Vec<u8>,
    ) -> Result<(u32, Vec<u8>), VaultError> {
        let version = self.newest;
        let nonce = self
            .cipher(version, scope)?
            .seal_in_place_append_tag(aad(context, version), &mut value)
            .map_err(|_| VaultError::Crypto)?;
        let mut sealed = nonce.as_ref().to_vec();
        sealed.append(&mut value);
        Ok((version, sealed))
    }

    /// Opens what [`Vault::seal`] made in the same scope and context.
    pub(crate) fn unseal(
        &self,
        scope: &[u8],
        context: &[u8],
        version: u32,
        sealed: &[u8],
    ) -> Result<Vec<u8>, VaultError> {
        let cipher = self.cipher(version, scope)?;
        let (nonce, ciphertext) = sealed
            .split_at_checked(NONCE_BYTES)
            .ok_or(VaultError::Crypto)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| VaultError::Crypto)?;
        let mut value = ciphertext.to_vec();
        let length = cipher
            .open_in_place(nonce, aad(context, version), &mut value)
            .map_err(|_| VaultError::Crypto)?
            .len();
        value.truncate(length);
        Ok(value)
    }

    /// Hides an id: the same for the same parts, telling nothing without the index key.
    pub(crate) fn hide(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.index);
        for part in parts {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        let mut hidden = [0; 32];
        hidden.copy_from_slice(context.sign().as_ref());
        hidden
    }
}

fn aad(context: &[u8], version: u32) -> Aad<Vec<u8>> {
    Aad::from([context, &version.to_be_bytes()].concat())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_value_opens_only_in_its_place_and_survives_rotation_and_reload() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keyring.json");
        let mut vault = Vault::open(&path, false, Timestamp::now()).unwrap();
        let (version, sealed) = vault
            .seal(b"sunrise", b"credentials|1", b"secret".to_vec())
            .unwrap();
        assert_eq!(vault.rotate(Timestamp::now()).unwrap(), 2);
        let vault = Vault::open(&path, true, Timestamp::now()).unwrap();
        assert_eq!(vault.newest(), 2);
        assert_eq!(
            vault
                .unseal(b"sunrise", b"credentials|1", version, &sealed)
                .unwrap(),
            b"secret"
        );
        for (scope, context) in [
            (&b"sunrise"[..], &b"credentials|2"[..]),
            (b"moonlight", b"credentials|1"),
        ] {
            assert!(vault.unseal(scope, context, version, &sealed).is_err());
        }
        assert!(
            vault
                .unseal(b"sunrise", b"credentials|1", 2, &sealed)
                .is_err()
        );
        assert!(matches!(
            vault.unseal(b"sunrise", b"credentials|1", 9, &sealed),
            Err(VaultError::UnknownVersion(9))
        ));
    }

    #[test]
    fn a_keyring_is_not_made_up_for_an_existing_store_nor_read_if_others_can() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keyring.json");
        assert!(matches!(
            Vault::open(&path, true, Timestamp::now()),
            Err(VaultError::KeyringMissing)
        ));
        Vault::open(&path, false, Timestamp::now()).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(
            Vault::open(&path, true, Timestamp::now()),
            Err(VaultError::KeyringFile(_))
        ));
    }
}
