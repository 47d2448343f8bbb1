//! From a plate before the camera to its token. The plate goes no further than here.

use aws_lc_rs::{constant_time, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// A plate in the one form that tokens are computed from.
pub(crate) struct Plate(Zeroizing<String>);

impl Plate {
    /// Upper case, no white space, Cyrillic letters that look like Latin ones as Latin.
    pub(crate) fn normalise(text: &str) -> Self {
        let upper = text
            .chars()
            .filter(|c| !c.is_whitespace())
            .flat_map(char::to_uppercase);
        Self(Zeroizing::new(upper.map(latin).collect()))
    }

    /// HMAC-SHA-256 of the plate under a token key.
    pub(crate) fn token(&self, key: &[u8]) -> Token {
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), self.0.as_bytes());
        let mut token = [0; 32];
        token.copy_from_slice(tag.as_ref());
        Token(token)
    }
}

fn latin(letter: char) -> char {
    match letter {
        'А' => 'A',
        'В' => 'B',
        'Е' => 'E',
        'К' => 'K',
        'М' => 'M',
        'Н' => 'H',
        'О' => 'O',
        'Р' => 'P',
        'С' => 'C',
        'Т' => 'T',
        'У' => 'Y',
        'Х' => 'X',
        other => other,
    }
}

/// A token: base64url of 32 bytes on the wire.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Token([u8; 32]);

impl Token {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_plate_have_one_token() {
        let key = [7; 32];
        let token = Plate::normalise("A123BC777").token(&key);
        for text in ["А123ВС777", "а123вс 777", " a 123 bc 777 ", "A123BC777"] {
            assert!(Plate::normalise(text).token(&key).matches(&token), "{text}");
        }
        assert!(!Plate::normalise("A123BC77").token(&key).matches(&token));
        assert!(
            !Plate::normalise("A123BC777")
                .token(&[8; 32])
                .matches(&token)
        );
    }

    #[test]
    fn every_letter_of_russian_plates_is_latin_afterwards() {
        assert_eq!(Plate::normalise("авекмнорстух").0.as_str(), "ABEKMHOPCTYX");
    }
}
