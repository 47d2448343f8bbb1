//! Tokens, and what they are computed from.

use aws_lc_rs::{constant_time, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::record::CredentialKind;

/// Something before a camera. It goes no further than its token.
pub(crate) trait Shown {
    /// Of which credentials it has the tokens.
    const KIND: CredentialKind;

    /// Its token under a token key.
    fn token(&self, key: &[u8]) -> Token;
}

/// A token: base64url of 32 bytes on the wire.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Token([u8; 32]);

impl Token {
    /// HMAC-SHA-256 of the parts, one after the other, under a token key.
    pub(super) fn of(key: &[u8], parts: &[&[u8]]) -> Self {
        let mut mac = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
        for part in parts {
            mac.update(part);
        }
        let mut token = [0; 32];
        token.copy_from_slice(mac.sign().as_ref());
        Self(token)
    }

    /// Whether two tokens are equal, in constant time.
    pub(crate) fn matches(&self, other: &Self) -> bool {
        constant_time::verify_slices_are_equal(&self.0, &other.0).is_ok()
    }
}

/// A text that is not a token. Never repeats it.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("expected 32 bytes in base64url without padding")]
pub(crate) struct InvalidToken;

impl TryFrom<String> for Token {
    type Error = InvalidToken;
    fn try_from(text: String) -> Result<Self, InvalidToken> {
        let bytes = BASE64URL
            .decode(Zeroizing::new(text).as_bytes())
            .map_err(|_| InvalidToken)?;
        bytes.try_into().map(Self).map_err(|_| InvalidToken)
    }
}

impl From<Token> for String {
    fn from(token: Token) -> String {
        BASE64URL.encode(token.0)
    }
}
