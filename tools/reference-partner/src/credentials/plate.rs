//! From a plate before the camera to its token. The plate goes no further than here.

use zeroize::Zeroizing;

use super::record::CredentialKind;
use super::token::{Shown, Token};

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
}

impl Shown for Plate {
    const KIND: CredentialKind = CredentialKind::Plate;

    fn token(&self, key: &[u8]) -> Token {
        Token::of(key, &[self.0.as_bytes()])
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
