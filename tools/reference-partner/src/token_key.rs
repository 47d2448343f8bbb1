//! Token keys: unwrapped from HPKE (RFC 9180), kept encrypted, the two newest of each complex.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use hpke::aead::AesGcm256;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable, Kem, OpModeR, Serializable};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::ids::ComplexId;
use crate::store::{Key, StoreError, Table, Tx};

/// Name of the HPKE KEM in the attestation.
pub(crate) const KEM: &str = "DHKEM(X25519,HKDF-SHA256)";
/// Length of a token key, in bytes.
const KEY_BYTES: usize = 32;
/// Versions held of each complex: two during a change.
const HELD: usize = 2;

/// A token key as kept.
#[derive(Clone, Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
pub(crate) struct TokenKey {
    pub(crate) version: u32,
    bytes: Vec<u8>,
}

impl TokenKey {
    /// The key's bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// A token key as put.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WrappedTokenKey {
    key_version: u32,
    enc: String,
    wrapped: String,
}

/// What came of a put.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum PutKey {
    /// The versions now held, oldest first.
    Held(Vec<u32>),
    /// The version holds another key, or is older than those held.
    Conflict,
    /// It can't be unwrapped.
    NotUnwrapped,
}

/// The partner's wrapping key pair, as kept.
#[derive(Clone, Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
pub(crate) struct WrappingKey {
    private: Vec<u8>,
    public: Vec<u8>,
}

impl WrappingKey {
    /// The kept key pair; made when there is none.
    pub(crate) fn open(tx: &Tx<'_>) -> Result<Self, StoreError> {
        let key = Key::plain(b"wrapping");
        if let Some(pair) = tx.get(Table::KeyPairs, "", &key)? {
            return Ok(pair);
        }
        let (private, public) = X25519HkdfSha256::gen_keypair();
        let pair = Self {
            private: private.to_bytes().to_vec(),
            public: public.to_bytes().to_vec(),
        };
        tx.put(Table::KeyPairs, "", &key, None, &pair)?;
        Ok(pair)
    }

    /// The public key's 32 bytes.
    pub(crate) fn public(&self) -> &[u8] {
        &self.public
    }

    fn unwrap(&self, info: &[u8], enc: &[u8], wrapped: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let private = <X25519HkdfSha256 as Kem>::PrivateKey::from_bytes(&self.private).ok()?;
        let enc = <X25519HkdfSha256 as Kem>::EncappedKey::from_bytes(enc).ok()?;
        let mode = OpModeR::Base;
        hpke::single_shot_open::<AesGcm256, HkdfSha256, X25519HkdfSha256>(
            &mode, &private, &enc, info, wrapped, b"",
        )
        .ok()
        .map(Zeroizing::new)
    }
}

impl WrappedTokenKey {
    /// Whether the version is one that the contract allows.
    pub(crate) fn is_valid(&self) -> bool {
        self.key_version > 0
    }

    /// Unwraps and keeps the key.
    pub(crate) fn put(
        &self,
        tx: &Tx<'_>,
        complex: &ComplexId,
        pair: &WrappingKey,
    ) -> Result<PutKey, StoreError> {
        let version = self.key_version;
        let info = format!("smarthome token-key v1|{complex}|{version}");
        let decoded = BASE64URL
            .decode(&self.enc)
            .ok()
            .zip(BASE64URL.decode(&self.wrapped).ok());
        let bytes = decoded.and_then(|(enc, wrapped)| pair.unwrap(info.as_bytes(), &enc, &wrapped));
        let Some(bytes) = bytes.filter(|bytes| bytes.len() == KEY_BYTES) else {
            return Ok(PutKey::NotUnwrapped);
        };
        let mut keys = held(tx, complex)?;
        if let Some(same) = keys.iter().find(|key| key.version == version) {
            if same.bytes != *bytes {
                return Ok(PutKey::Conflict);
            }
        } else if keys.last().is_some_and(|newest| newest.version > version) {
            return Ok(PutKey::Conflict);
        } else {
            let key = TokenKey {
                version,
                bytes: bytes.to_vec(),
            };
            tx.put(
                Table::TokenKeys,
                complex.as_str(),
                &place(version),
                None,
                &key,
            )?;
            keys.push(key);
        }
        while keys.len() > HELD {
            let oldest = keys.remove(0);
            tx.delete(Table::TokenKeys, complex.as_str(), &place(oldest.version))?;
        }
        Ok(PutKey::Held(keys.iter().map(|key| key.version).collect()))
    }
}

fn place(version: u32) -> Key {
    Key::plain(&version.to_be_bytes())
}

/// The token keys held of a complex, oldest first.
pub(crate) fn held(tx: &Tx<'_>, complex: &ComplexId) -> Result<Vec<TokenKey>, StoreError> {
    let found = tx.scan(
        Table::TokenKeys,
        complex.as_str(),
        &Key::plain(b""),
        HELD + 1,
    )?;
    Ok(found.into_iter().map(|(_, key)| key).collect())
}
