//! Sealed values of `subjects.v1`: AES-256-GCM (NIST SP 800-38D) with a random nonce, under a
//! key-encryption key that stands outside the log, bound to the record's key.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use jiff::Timestamp;
use prost::Message;
use proto::events::SubjectItem;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::error::{KeyError, SealError};
use crate::face::FaceReference;
use crate::keyring::{Key, Keyring};
use crate::keys::{KeyProvider, Purpose};
use crate::plate::Plate;
use crate::subject::{Item, SubjectKey};

/// Who a subject is. Not shown in `Debug`; wiped when dropped.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Identity {
    issuer: String,
    user_id: String,
}

/// What is sealed, as JSON. Not on [`Identity`] itself: that must not be serialised elsewhere.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Plaintext<T> {
    issuer: T,
    user_id: T,
}

impl Identity {
    /// The user that `issuer` calls `user_id` (OpenID Connect Core, section 2: `iss`, `sub`).
    pub fn new(issuer: impl Into<String>, user_id: impl Into<String>) -> Self {
        Self {
            issuer: issuer.into(),
            user_id: user_id.into(),
        }
    }

    /// URL of the issuer.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The user id. Personal data: for the eyes of those who may see it, never for a log.
    pub fn expose_user_id(&self) -> &str {
        &self.user_id
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity(..)")
    }
}

/// Key-encryption keys of user ids.
#[derive(Debug)]
pub struct IdentityKeys(Keyring);

impl IdentityKeys {
    /// The versions of the keys, newest first.
    pub fn versions(&self) -> impl Iterator<Item = u32> {
        self.0.versions()
    }

    /// The version of the key that seals.
    pub fn primary(&self) -> u32 {
        self.0.primary()
    }

    /// Takes the keys.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn load(keys: &dyn KeyProvider) -> Result<Self, KeyError> {
        keys.keyring(Purpose::Identity).map(Self)
    }

    /// The value of the record `key`: an encoded `smarthome.events.v1.SubjectItem`.
    ///
    /// # Errors
    /// [`SealError::WrongItem`] unless `key` names an identity, [`SealError::Random`].
    pub fn seal(
        &self,
        key: &SubjectKey,
        identity: &Identity,
        at: Timestamp,
    ) -> Result<Vec<u8>, SealError> {
        expect(matches!(key.item, Item::Identity))?;
        // Escaped, a character takes at most six bytes; a growing buffer would leave unwiped
        // copies behind.
        let room = 6 * (identity.issuer.len() + identity.user_id.len()) + 256;
        let mut plaintext = Zeroizing::new(Vec::with_capacity(room));
        let both = Plaintext {
            issuer: identity.issuer(),
            user_id: identity.expose_user_id(),
        };
        serde_json::to_writer(&mut *plaintext, &both).map_err(|_| SealError::Malformed)?;
        seal(&self.0, key, plaintext, 64, at)
    }

    /// Opens what [`IdentityKeys::seal`] made for the same key.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn open(&self, key: &SubjectKey, value: &[u8]) -> Result<Identity, SealError> {
        expect(matches!(key.item, Item::Identity))?;
        let plaintext = open(&self.0, key, value)?;
        let both: Plaintext<String> =
            serde_json::from_slice(&plaintext).map_err(|_| SealError::Malformed)?;
        Ok(Identity::new(both.issuer, both.user_id))
    }
}

/// Key-encryption keys of number plates.
#[derive(Debug)]
pub struct PlateKeys(Keyring);

impl PlateKeys {
    /// The versions of the keys, newest first.
    pub fn versions(&self) -> impl Iterator<Item = u32> {
        self.0.versions()
    }

    /// The version of the key that seals.
    pub fn primary(&self) -> u32 {
        self.0.primary()
    }

    /// Takes the keys.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn load(keys: &dyn KeyProvider) -> Result<Self, KeyError> {
        keys.keyring(Purpose::Plate).map(Self)
    }

    /// The value of the record `key`: an encoded `smarthome.events.v1.SubjectItem`.
    ///
    /// # Errors
    /// [`SealError::WrongItem`] unless `key` names a plate, [`SealError::Random`].
    pub fn seal(
        &self,
        key: &SubjectKey,
        plate: &Plate,
        at: Timestamp,
    ) -> Result<Vec<u8>, SealError> {
        expect(matches!(key.item, Item::Plate(_)))?;
        let mut plaintext = Zeroizing::new(Vec::with_capacity(64));
        plaintext.extend_from_slice(plate.expose().as_bytes());
        seal(&self.0, key, plaintext, 16, at)
    }

    /// Opens what [`PlateKeys::seal`] made for the same key.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn open(&self, key: &SubjectKey, value: &[u8]) -> Result<Plate, SealError> {
        expect(matches!(key.item, Item::Plate(_)))?;
        let plaintext = open(&self.0, key, value)?;
        let text = std::str::from_utf8(&plaintext).map_err(|_| SealError::Malformed)?;
        Plate::parse(text).map_err(|_| SealError::Malformed)
    }
}

/// Key-encryption keys of references of faces.
#[derive(Debug)]
pub struct FaceKeys(Keyring);

impl FaceKeys {
    /// Takes the keys.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn load(keys: &dyn KeyProvider) -> Result<Self, KeyError> {
        keys.keyring(Purpose::Face).map(Self)
    }

    /// The versions of the keys, newest first.
    pub fn versions(&self) -> impl Iterator<Item = u32> {
        self.0.versions()
    }

    /// The version that seals.
    pub fn primary(&self) -> u32 {
        self.0.primary()
    }

    /// The value of the record `key`: an encoded `smarthome.events.v1.SubjectItem`.
    ///
    /// # Errors
    /// [`SealError::WrongItem`] unless `key` names a face, [`SealError::Random`].
    pub fn seal(
        &self,
        key: &SubjectKey,
        face: &FaceReference,
        at: Timestamp,
    ) -> Result<Vec<u8>, SealError> {
        expect(matches!(key.item, Item::Face(_)))?;
        // Room for the padding and the tag, too.
        let mut plaintext = Zeroizing::new(Vec::with_capacity(face.expose().len() + 96));
        plaintext.extend_from_slice(face.expose().as_bytes());
        seal(&self.0, key, plaintext, 64, at)
    }

    /// Opens what [`FaceKeys::seal`] made for the same key.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn open(&self, key: &SubjectKey, value: &[u8]) -> Result<FaceReference, SealError> {
        expect(matches!(key.item, Item::Face(_)))?;
        let plaintext = open(&self.0, key, value)?;
        let text = std::str::from_utf8(&plaintext).map_err(|_| SealError::Malformed)?;
        FaceReference::parse(text).map_err(|_| SealError::Malformed)
    }
}

fn expect(item: bool) -> Result<(), SealError> {
    item.then_some(()).ok_or(SealError::WrongItem)
}

/// Seals `plaintext`, padded with spaces to a multiple of `block` bytes so that its length says
/// little about it.
fn seal(
    ring: &Keyring,
    key: &SubjectKey,
    mut plaintext: Zeroizing<Vec<u8>>,
    block: usize,
    at: Timestamp,
) -> Result<Vec<u8>, SealError> {
    let (version, kek) = ring.newest();
    let kek = aead(kek.ok_or(SealError::UnknownVersion(version))?)?;
    let padded = plaintext.len().next_multiple_of(block);
    plaintext.resize(padded, b' ');
    let mut nonce = [0; NONCE_LEN];
    aws_lc_rs::rand::fill(&mut nonce).map_err(|_| SealError::Random)?;
    kek.seal_in_place_append_tag(
        Nonce::assume_unique_for_key(nonce),
        Aad::from(key.to_string()),
        &mut *plaintext,
    )
    .map_err(|_| SealError::Random)?;
    let item = SubjectItem {
        subject_ref: key.subject.to_string(),
        item: key.item.to_string(),
        kek_version: version,
        nonce: nonce.to_vec(),
        sealed: std::mem::take(&mut *plaintext),
        created_at: Some(prost_types::Timestamp {
            seconds: at.as_second(),
            nanos: at.subsec_nanosecond(),
        }),
    };
    Ok(item.encode_to_vec())
}

fn open(ring: &Keyring, key: &SubjectKey, value: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
    let item = decode(key, value)?;
    let kek = ring.get(item.kek_version);
    let kek = aead(kek.ok_or(SealError::UnknownVersion(item.kek_version))?)?;
    let nonce = Nonce::try_assume_unique_for_key(&item.nonce).map_err(|_| SealError::Malformed)?;
    let mut plaintext = Zeroizing::new(item.sealed);
    let length = kek
        .open_in_place(nonce, Aad::from(key.to_string()), &mut plaintext)
        .map_err(|_| SealError::NotAuthentic)?
        .len();
    plaintext.truncate(length);
    Ok(plaintext)
}

/// The value of the record `key`, if that is what it says it is.
pub(crate) fn decode(key: &SubjectKey, value: &[u8]) -> Result<SubjectItem, SealError> {
    SubjectItem::decode(value)
        .ok()
        .filter(|item| {
            item.subject_ref == key.subject.to_string() && item.item == key.item.to_string()
        })
        .ok_or(SealError::Malformed)
}

fn aead(kek: &Key) -> Result<LessSafeKey, SealError> {
    let key = UnboundKey::new(&AES_256_GCM, kek.expose()).map_err(|_| SealError::Random)?;
    Ok(LessSafeKey::new(key))
}

#[cfg(test)]
#[path = "seal_tests.rs"]
mod tests;
