//! Where keys come from.

use std::fmt;

use serde::Deserialize;
use service::config::SecretFile;

use crate::error::KeyError;
use crate::keyring::Keyring;

/// What a key is for. Each purpose has keys of its own, so that a process holds only those that
/// its job needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Finding a user's records without naming the user.
    Lookup,
    /// Sealing user ids.
    Identity,
    /// Sealing number plates.
    Plate,
    /// Deriving the keys of tokens.
    TokenKey,
    /// Sealing references of faces: keys of their own, so that they can be destroyed with all
    /// faces at once, and nobody needs them who has none.
    Face,
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Purpose::Lookup => "lookup",
            Purpose::Identity => "identity",
            Purpose::Plate => "plate",
            Purpose::TokenKey => "token_key",
            Purpose::Face => "face",
        })
    }
}

/// Gives out keys: from files here, from a key service where there is one.
pub trait KeyProvider: Send + Sync {
    /// All keys for `purpose`.
    ///
    /// # Errors
    /// [`KeyError`], [`KeyError::NotConfigured`] where this process may not hold them.
    fn keyring(&self, purpose: Purpose) -> Result<Keyring, KeyError>;
}

/// Key files, each the text of a [`Keyring`] that only its owner may read. A process names only
/// those that it may hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KeyFiles {
    /// Keys of [`Purpose::Lookup`].
    pub lookup: Option<SecretFile>,
    /// Keys of [`Purpose::Identity`].
    pub identity: Option<SecretFile>,
    /// Keys of [`Purpose::Plate`].
    pub plate: Option<SecretFile>,
    /// Keys of [`Purpose::TokenKey`].
    pub token_key: Option<SecretFile>,
    /// Keys of [`Purpose::Face`].
    pub face: Option<SecretFile>,
}

impl KeyProvider for KeyFiles {
    fn keyring(&self, purpose: Purpose) -> Result<Keyring, KeyError> {
        let file = match purpose {
            Purpose::Lookup => &self.lookup,
            Purpose::Identity => &self.identity,
            Purpose::Plate => &self.plate,
            Purpose::TokenKey => &self.token_key,
            Purpose::Face => &self.face,
        };
        let file = file.as_ref().ok_or(KeyError::NotConfigured { purpose })?;
        Keyring::from_json(&file.read()?).map_err(|error| match error {
            KeyError::Keyring(why) => KeyError::File {
                file: file.path().to_owned(),
                why,
            },
            other => other,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_file_must_belong_to_its_owner_alone_and_hold_a_ring() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lookup.json");
        let files = KeyFiles {
            lookup: Some(SecretFile::new(&path)),
            ..KeyFiles::default()
        };
        let write = |text: &str, mode: u32| {
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            files.keyring(Purpose::Lookup)
        };
        let text = Keyring::generate().unwrap().to_json();
        assert!(matches!(write(&text, 0o644), Err(KeyError::Secret(_))));
        assert_eq!(write(&text, 0o600).unwrap().versions().count(), 1);
        let error = write("{\"keys\":\"s3cret\"}", 0o600).unwrap_err();
        assert!(error.to_string().contains("lookup.json"), "{error}");
        assert!(!error.to_string().contains("s3cret"), "{error}");
        assert!(matches!(
            files.keyring(Purpose::Plate),
            Err(KeyError::NotConfigured { .. })
        ));
    }
}
