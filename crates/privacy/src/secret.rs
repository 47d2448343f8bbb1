//! Secrets of guest passes.

use std::fmt;

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use crate::error::{KeyError, Malformed};

/// What a guest's link or QR code carries: 128 random bits, as text base64url without padding
/// (22 characters). Whoever has it may use the pass. Not shown in `Debug`; wiped when dropped.
#[derive(Clone)]
pub struct PassSecret {
    bytes: Zeroizing<Vec<u8>>,
    text: Zeroizing<String>,
}

impl PassSecret {
    /// A new secret.
    ///
    /// # Errors
    /// [`KeyError::Random`].
    pub fn generate() -> Result<Self, KeyError> {
        let mut bytes = Zeroizing::new(vec![0; 16]);
        aws_lc_rs::rand::fill(&mut bytes).map_err(|_| KeyError::Random)?;
        let text = Zeroizing::new(URL_SAFE_NO_PAD.encode(&*bytes));
        Ok(Self { bytes, text })
    }

    /// Reads a secret's text. A secret has one text only.
    ///
    /// # Errors
    /// [`Malformed`]. The text is not repeated.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let malformed = Malformed {
            kind: "pass secret",
            expected: "16 bytes as base64url without padding (22 characters)",
        };
        if text.len() != 22 {
            return Err(malformed);
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| malformed)?;
        Ok(Self {
            bytes: Zeroizing::new(bytes),
            text: Zeroizing::new(text.to_owned()),
        })
    }

    /// The text, for the guest only.
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// SHA-256 of the 16 bytes: what the registry keeps, and finds a pass by. No salt and no
    /// slow hash is needed for 128 random bits.
    pub fn hash(&self) -> [u8; 32] {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest::digest(&digest::SHA256, &self.bytes).as_ref());
        hash
    }
}

impl fmt::Debug for PassSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PassSecret(..)")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_secret_reads_back_with_the_same_hash() {
        let secret = PassSecret::generate().unwrap();
        assert_eq!(secret.expose().len(), 22);
        let again = PassSecret::parse(secret.expose()).unwrap();
        assert_eq!(secret.hash(), again.hash());
        assert_ne!(secret.hash(), PassSecret::generate().unwrap().hash());
        assert_eq!(format!("{secret:?}"), "PassSecret(..)");
    }

    #[test]
    fn the_hash_is_of_the_bytes() {
        let secret = PassSecret::parse("AAECAwQFBgcICQoLDA0ODw").unwrap();
        let hex: String = secret.hash().iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(
            hex,
            "be45cb2605bf36bebde684841a28f0fd43c69850a3dce5fedba69928ee3a8991"
        );
    }

    #[test]
    fn only_the_one_text_of_a_secret_is_read() {
        for wrong in [
            "",
            "AAECAwQFBgcICQoLDA0OD",
            "AAECAwQFBgcICQoLDA0ODw==",
            // The same 16 bytes with other bits left over.
            "AAECAwQFBgcICQoLDA0ODx",
            "AAECAwQFBgcICQoLDA0OD+",
        ] {
            let error = PassSecret::parse(wrong).unwrap_err();
            assert!(wrong.is_empty() || !error.to_string().contains(wrong));
        }
    }
}
