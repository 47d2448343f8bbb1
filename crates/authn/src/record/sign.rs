//! Signs records.

use serde::Deserialize;
use service::config::{ConfigPath, SecretFile};

use super::certificate::KeyCertificate;
use super::keys::{KeyError, KeyId, RecordKey};
use super::wire;

/// Where a process' record key is.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordSignerConfig {
    /// The private key (PKCS#8 in PEM).
    pub private_key: SecretFile,
    /// Its certificate (JSON).
    pub certificate: ConfigPath,
}

/// Signs what only this process may say.
#[derive(Debug)]
pub struct RecordSigner {
    key: RecordKey,
    certificate: KeyCertificate,
}

impl RecordSigner {
    /// Loads key and certificate. Whether readers believe it is for
    /// [`super::RecordVerifier::vouch_for`] to say.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn load(config: &RecordSignerConfig) -> Result<Self, KeyError> {
        let key = RecordKey::from_pem(&config.private_key.read()?)?;
        Self::new(key, KeyCertificate::load(&config.certificate)?)
    }

    /// Of a key and its certificate.
    ///
    /// # Errors
    /// [`KeyError::Mismatch`].
    pub fn new(key: RecordKey, certificate: KeyCertificate) -> Result<Self, KeyError> {
        if key.public_key() != certificate.public_key {
            return Err(KeyError::Mismatch {
                certificate: certificate.key_id(),
                private_key: key.public_key().key_id(),
            });
        }
        Ok(Self { key, certificate })
    }

    /// Identifies the key.
    pub fn key_id(&self) -> KeyId {
        self.certificate.key_id()
    }

    /// The key's certificate, whose end is when this process falls silent.
    pub fn certificate(&self) -> &KeyCertificate {
        &self.certificate
    }

    /// Appends the signature to an encoded message whose field 15 is unset. `topic` and `key` are
    /// the record's, exactly as it will be appended.
    ///
    /// # Errors
    /// [`KeyError::Name`] for a topic or key with a NUL, [`KeyError::Crypto`].
    pub fn seal(&self, topic: &str, key: &str, mut unsigned: Vec<u8>) -> Result<Vec<u8>, KeyError> {
        let message = wire::message(topic, key, &unsigned).ok_or(KeyError::Name)?;
        let signature = self.key.sign(&message)?;
        wire::append(&mut unsigned, self.key_id().0, &signature);
        Ok(unsigned)
    }
}
