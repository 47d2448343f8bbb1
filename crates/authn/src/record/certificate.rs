//! The offline root's word on who speaks with a key, and when.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::keys::{KeyError, KeyId, PublicKey, RootKey};

/// The role that a key speaks in: a process' name, such as `command-svc`.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Speaker(String);

impl Speaker {
    /// Its name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Speaker {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        Self::try_from(text.to_owned())
    }
}

impl TryFrom<String> for Speaker {
    type Error = KeyError;

    fn try_from(text: String) -> Result<Self, KeyError> {
        let plain = text
            .bytes()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'));
        if text.is_empty() || text.len() > 63 || !plain {
            return Err(KeyError::Speaker);
        }
        Ok(Self(text))
    }
}

impl From<Speaker> for String {
    fn from(speaker: Speaker) -> Self {
        speaker.0
    }
}

impl fmt::Display for Speaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Speaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Says that a key speaks as `speaker` from `not_before` until before `not_after`.
///
/// As a file it is a JSON object of these fields; times are RFC 3339, whole seconds. The root's
/// Ed25519 signature covers
///
/// ```text
/// "smarthome record key v1\0" ++ speaker ++ 0x00 ++ public key (32 bytes)
///     ++ not_before ++ not_after (Unix seconds, signed 64 bit, big-endian)
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyCertificate {
    /// Who speaks.
    pub speaker: Speaker,
    /// The key that they speak with.
    pub public_key: PublicKey,
    /// Start of validity.
    pub not_before: Timestamp,
    /// End of validity; not in it.
    pub not_after: Timestamp,
    /// The root's signature, in base64.
    #[serde(serialize_with = "to_base64", deserialize_with = "from_base64")]
    pub signature: [u8; 64],
}

/// Issues a certificate; the root does this offline.
///
/// # Errors
/// [`KeyError::Validity`] unless both times are whole seconds and in order.
pub fn issue(
    root: &RootKey,
    speaker: Speaker,
    key: PublicKey,
    not_before: Timestamp,
    not_after: Timestamp,
) -> Result<KeyCertificate, KeyError> {
    let mut certificate = KeyCertificate {
        speaker,
        public_key: key,
        not_before,
        not_after,
        signature: [0; 64],
    };
    certificate.signature = root.sign(&certificate.message()?)?;
    Ok(certificate)
}

impl KeyCertificate {
    /// Reads its JSON; the signature isn't checked.
    ///
    /// # Errors
    /// [`KeyError::Certificate`].
    pub fn from_json(json: &[u8]) -> Result<Self, KeyError> {
        serde_json::from_slice(json).map_err(|error| KeyError::Certificate(error.to_string()))
    }

    /// Writes its JSON.
    ///
    /// # Errors
    /// [`KeyError::Certificate`]; not with any certificate that was issued or read.
    pub fn to_json(&self) -> Result<String, KeyError> {
        serde_json::to_string_pretty(self).map_err(|error| KeyError::Certificate(error.to_string()))
    }

    /// Reads a file of JSON; the signature isn't checked.
    ///
    /// # Errors
    /// [`KeyError::Unreadable`], or [`KeyError::Certificate`].
    pub fn load(file: &Path) -> Result<Self, KeyError> {
        let json = std::fs::read(file).map_err(|reason| KeyError::Unreadable {
            file: file.to_owned(),
            reason,
        })?;
        Self::from_json(&json)
            .map_err(|error| KeyError::Certificate(format!("{}: {error}", file.display())))
    }

    /// Identifies the key.
    pub fn key_id(&self) -> KeyId {
        self.public_key.key_id()
    }

    /// Whether the key speaks at this time.
    pub fn covers(&self, time: Timestamp) -> bool {
        self.not_before <= time && time < self.not_after
    }

    /// Checks the root's signature.
    ///
    /// # Errors
    /// [`KeyError::NotVouchedFor`], or [`KeyError::Validity`].
    pub fn verify(&self, root: &PublicKey) -> Result<(), KeyError> {
        if root.verifies(&self.message()?, &self.signature) {
            Ok(())
        } else {
            Err(KeyError::NotVouchedFor(self.key_id()))
        }
    }

    fn message(&self) -> Result<Vec<u8>, KeyError> {
        let whole = |time: Timestamp| time.subsec_nanosecond() == 0;
        if !whole(self.not_before) || !whole(self.not_after) || self.not_before >= self.not_after {
            return Err(KeyError::Validity);
        }
        Ok([
            b"smarthome record key v1\0",
            self.speaker.as_str().as_bytes(),
            b"\0",
            self.public_key.as_bytes(),
            &self.not_before.as_second().to_be_bytes(),
            &self.not_after.as_second().to_be_bytes(),
        ]
        .concat())
    }
}

fn to_base64<S: Serializer>(signature: &[u8; 64], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&STANDARD.encode(signature))
}

fn from_base64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[u8; 64], D::Error> {
    let wrong = || serde::de::Error::custom("a signature is 64 bytes in base64");
    let text = String::deserialize(deserializer)?;
    let bytes = STANDARD.decode(text).map_err(|_| wrong())?;
    bytes.try_into().map_err(|_| wrong())
}
