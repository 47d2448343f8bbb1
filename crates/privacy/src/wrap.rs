//! Things that only somebody else can open: token keys for a partner, rejected bodies for the
//! operators. HPKE (RFC 9180) in base mode: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256,
//! AES-256-GCM.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::ComplexId;
use hpke::aead::AesGcm256;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable, Kem, OpModeR, OpModeS, Serializable};
use serde::{Deserialize, Deserializer, de};
use zeroize::Zeroizing;

use crate::error::{Malformed, SealError};
use crate::keyring::Key;

/// What rejected bodies are bound to.
const REJECTED_EVENT: &[u8] = b"smarthome rejected event v1";

/// An X25519 public key that things are sealed to. Text: base64url of its 32 bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct HpkePublicKey([u8; 32]);

impl HpkePublicKey {
    /// The key of exactly 32 bytes.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Malformed> {
        bytes.try_into().map(Self).map_err(|_| Malformed {
            kind: "HPKE public key",
            expected: "base64url of 32 bytes, without padding",
        })
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl FromStr for HpkePublicKey {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        Self::from_bytes(&URL_SAFE_NO_PAD.decode(text).unwrap_or_default())
    }
}

impl fmt::Display for HpkePublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl fmt::Debug for HpkePublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HpkePublicKey({self})")
    }
}

impl<'de> Deserialize<'de> for HpkePublicKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

/// An X25519 private key. Not shown in `Debug`; wiped when dropped.
#[derive(Debug, Clone)]
pub struct HpkePrivateKey(Key);

impl HpkePrivateKey {
    /// A new random key.
    ///
    /// # Errors
    /// [`SealError::Random`].
    pub fn generate() -> Result<Self, SealError> {
        // Any 32 random bytes are an X25519 private key (RFC 7748, section 5).
        Key::generate().map(Self).map_err(|_| SealError::Random)
    }

    /// Reads the text of a key file: base64url of the 32 bytes, white space around it ignored.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn from_text(text: &[u8]) -> Result<Self, Malformed> {
        let bytes = Zeroizing::new(
            URL_SAFE_NO_PAD
                .decode(text.trim_ascii())
                .unwrap_or_default(),
        );
        Key::from_slice(&bytes).map(Self).ok_or(Malformed {
            kind: "HPKE private key",
            expected: "base64url of 32 bytes, without padding",
        })
    }

    /// The text for a file that only its owner may read (mode 0600).
    pub fn to_text(&self) -> Zeroizing<String> {
        Zeroizing::new(URL_SAFE_NO_PAD.encode(self.0.expose()))
    }

    /// The public half.
    ///
    /// # Errors
    /// [`SealError::WeakKey`], which no key of 32 bytes gives.
    pub fn public_key(&self) -> Result<HpkePublicKey, SealError> {
        let public = X25519HkdfSha256::sk_to_pk(&self.hpke()?);
        HpkePublicKey::from_bytes(&public.to_bytes()).map_err(|_| SealError::WeakKey)
    }

    fn hpke(&self) -> Result<<X25519HkdfSha256 as Kem>::PrivateKey, SealError> {
        <X25519HkdfSha256 as Kem>::PrivateKey::from_bytes(self.0.expose())
            .map_err(|_| SealError::WeakKey)
    }
}

/// A token key that only the partner can read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrappedTokenKey {
    /// The complex that it is for.
    pub complex: ComplexId,
    /// Its version.
    pub key_version: u32,
    /// HPKE's encapsulated key.
    pub enc: [u8; 32],
    /// HPKE's ciphertext of the key.
    pub wrapped: [u8; 48],
}

/// Something that only the operators can read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// HPKE's encapsulated key.
    pub enc: Vec<u8>,
    /// HPKE's ciphertext.
    pub ciphertext: Vec<u8>,
}

pub(crate) fn wrap_token_key(
    complex: &ComplexId,
    key_version: u32,
    key: &[u8; 32],
    to: &HpkePublicKey,
) -> Result<WrappedTokenKey, SealError> {
    let info = format!("smarthome token-key v1|{complex}|{key_version}");
    let sealed = seal(to, info.as_bytes(), key, b"")?;
    let fits = (sealed.enc.try_into(), sealed.ciphertext.try_into());
    let (Ok(enc), Ok(wrapped)) = fits else {
        return Err(SealError::Malformed);
    };
    Ok(WrappedTokenKey {
        complex: complex.clone(),
        key_version,
        enc,
        wrapped,
    })
}

/// Seals a body that was refused, for the operators to look at.
///
/// # Errors
/// [`SealError::WeakKey`].
pub fn seal_to_operators(to: &HpkePublicKey, body: &[u8]) -> Result<Sealed, SealError> {
    seal(to, REJECTED_EVENT, body, b"")
}

/// Opens what [`seal_to_operators`] sealed to the public half of `key`.
///
/// # Errors
/// [`SealError::Malformed`], [`SealError::NotAuthentic`].
pub fn open_as_operators(
    key: &HpkePrivateKey,
    sealed: &Sealed,
) -> Result<Zeroizing<Vec<u8>>, SealError> {
    open(key, REJECTED_EVENT, sealed, b"")
}

fn seal(
    to: &HpkePublicKey,
    info: &[u8],
    plaintext: &[u8],
    aad: &[u8],
) -> Result<Sealed, SealError> {
    let to =
        <X25519HkdfSha256 as Kem>::PublicKey::from_bytes(&to.0).map_err(|_| SealError::WeakKey)?;
    let (enc, ciphertext) = hpke::single_shot_seal::<AesGcm256, HkdfSha256, X25519HkdfSha256>(
        &OpModeS::Base,
        &to,
        info,
        plaintext,
        aad,
    )
    .map_err(|_| SealError::WeakKey)?;
    Ok(Sealed {
        enc: enc.to_bytes().to_vec(),
        ciphertext,
    })
}

fn open(
    key: &HpkePrivateKey,
    info: &[u8],
    sealed: &Sealed,
    aad: &[u8],
) -> Result<Zeroizing<Vec<u8>>, SealError> {
    let enc = <X25519HkdfSha256 as Kem>::EncappedKey::from_bytes(&sealed.enc)
        .map_err(|_| SealError::Malformed)?;
    hpke::single_shot_open::<AesGcm256, HkdfSha256, X25519HkdfSha256>(
        &OpModeR::Base,
        &key.hpke()?,
        &enc,
        info,
        &sealed.ciphertext,
        aad,
    )
    .map(Zeroizing::new)
    .map_err(|_| SealError::NotAuthentic)
}

#[cfg(test)]
#[path = "wrap_tests.rs"]
mod tests;
