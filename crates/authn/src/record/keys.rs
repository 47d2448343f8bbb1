//! Ed25519 keys of records and of the root that vouches for them.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use aws_lc_rs::digest;
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use service::config::SecretError;
use zeroize::Zeroizing;

/// Keys or key certificates that can't be used. The text never holds key material.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The private key's file.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// A certificate's file isn't there or can't be read.
    #[error("can't read {}: {reason}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the operating system said.
        reason: std::io::Error,
    },
    /// Not an Ed25519 private key as PKCS#8 in PEM.
    #[error("no Ed25519 private key; write it as PKCS#8 in PEM")]
    PrivateKey,
    /// Text that is no public key.
    #[error("no Ed25519 public key; write its 32 bytes in base64")]
    PublicKey,
    /// Text that is no key id.
    #[error("no key id; write its 8 bytes as 16 lower-case hex digits")]
    KeyId,
    /// Text that names no speaker.
    #[error("no speaker's name; it is made of a-z, 0-9 and `-`, at most 63 long")]
    Speaker,
    /// Text that is no key certificate.
    #[error("no key certificate: {0}")]
    Certificate(String),
    /// A certificate that the pinned root didn't sign.
    #[error("the certificate of key {0} isn't signed by the pinned root; issue it again")]
    NotVouchedFor(KeyId),
    /// A period that ends before it begins, or whose ends aren't whole seconds.
    #[error("a key certificate needs whole seconds and not_before < not_after")]
    Validity,
    /// The certificate is another key's.
    #[error("the certificate is of key {certificate}, the private key is {private_key}")]
    Mismatch {
        /// Key of the certificate.
        certificate: KeyId,
        /// Key of the private key.
        private_key: KeyId,
    },
    /// Two certificates for one key.
    #[error("there are two certificates for key {0}; keep one")]
    Twice(KeyId),
    /// A topic or key with a NUL.
    #[error("a topic or record key holds a NUL byte, which a signature can't cover")]
    Name,
    /// The cryptographic library failed.
    #[error("the cryptographic library failed; nothing was signed")]
    Crypto,
}

/// Identifies a key: the first 8 bytes of SHA-256 of the raw public key; as text in hex.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(pub [u8; 8]);

/// A raw Ed25519 public key; as text in base64.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// Of its 32 bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// What identifies it.
    pub fn key_id(&self) -> KeyId {
        let hash = digest::digest(&digest::SHA256, &self.0);
        let mut id = [0; 8];
        id.copy_from_slice(&hash.as_ref()[..8]);
        KeyId(id)
    }

    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.0)
            .verify(message, signature)
            .is_ok()
    }
}

/// An Ed25519 key pair.
struct Pair(Ed25519KeyPair);

impl Pair {
    fn generate() -> Result<Self, KeyError> {
        Ed25519KeyPair::generate()
            .map(Self)
            .map_err(|_| KeyError::Crypto)
    }

    fn from_pem(pem: &[u8]) -> Result<Self, KeyError> {
        let der = PrivatePkcs8KeyDer::from_pem_slice(pem).map_err(|_| KeyError::PrivateKey)?;
        let der = Zeroizing::new(der.secret_pkcs8_der().to_vec());
        Ed25519KeyPair::from_pkcs8(&der)
            .map(Self)
            .map_err(|_| KeyError::PrivateKey)
    }

    fn to_pem(&self) -> Result<Zeroizing<String>, KeyError> {
        let der = self.0.to_pkcs8v1().map_err(|_| KeyError::Crypto)?;
        // 48 bytes of DER make 64 characters: RFC 7468 has one line.
        let text = Zeroizing::new(STANDARD.encode(der.as_ref()));
        let mut pem = Zeroizing::new(String::with_capacity(text.len() + 64));
        pem.push_str("-----BEGIN PRIVATE KEY-----\n");
        for line in text.as_bytes().chunks(64) {
            pem.extend(line.iter().map(|&byte| char::from(byte)));
            pem.push('\n');
        }
        pem.push_str("-----END PRIVATE KEY-----\n");
        Ok(pem)
    }

    fn public_key(&self) -> Result<PublicKey, KeyError> {
        let bytes = self.0.public_key().as_ref().try_into();
        bytes.map(PublicKey).map_err(|_| KeyError::Crypto)
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], KeyError> {
        let signature = self.0.try_sign(message).map_err(|_| KeyError::Crypto)?;
        signature.as_ref().try_into().map_err(|_| KeyError::Crypto)
    }
}

macro_rules! private_key {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        pub struct $name {
            pair: Pair,
            public: PublicKey,
        }

        impl $name {
            fn new(pair: Pair) -> Result<Self, KeyError> {
                let public = pair.public_key()?;
                Ok(Self { pair, public })
            }

            /// Reads PKCS#8 (RFC 5958) in PEM.
            ///
            /// # Errors
            /// [`KeyError::PrivateKey`].
            pub fn from_pem(pem: &[u8]) -> Result<Self, KeyError> {
                Self::new(Pair::from_pem(pem)?)
            }

            /// Writes PKCS#8 in PEM; wiped when it is dropped.
            ///
            /// # Errors
            /// [`KeyError::Crypto`].
            pub fn to_pem(&self) -> Result<Zeroizing<String>, KeyError> {
                self.pair.to_pem()
            }

            /// Its public half.
            pub fn public_key(&self) -> PublicKey {
                self.public
            }

            pub(super) fn sign(&self, message: &[u8]) -> Result<[u8; 64], KeyError> {
                self.pair.sign(message)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.public.key_id())
            }
        }
    };
}

private_key! {
    /// The offline root's private key, which signs key certificates and nothing else.
    RootKey
}
private_key! {
    /// A process' private key, which signs records.
    RecordKey
}

/// Makes a root.
///
/// # Errors
/// [`KeyError::Crypto`].
pub fn generate_root() -> Result<RootKey, KeyError> {
    RootKey::new(Pair::generate()?)
}

/// Makes a key for records.
///
/// # Errors
/// [`KeyError::Crypto`].
pub fn generate_key() -> Result<RecordKey, KeyError> {
    RecordKey::new(Pair::generate()?)
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for KeyId {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let digits = text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if text.len() != 16 || !digits {
            return Err(KeyError::KeyId);
        }
        u64::from_str_radix(text, 16)
            .map(|id| Self(id.to_be_bytes()))
            .map_err(|_| KeyError::KeyId)
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(self.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for PublicKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let bytes = STANDARD.decode(text).map_err(|_| KeyError::PublicKey)?;
        bytes.try_into().map(Self).map_err(|_| KeyError::PublicKey)
    }
}

macro_rules! as_text {
    ($($name:ident),*) => {$(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

as_text!(KeyId, PublicKey);
