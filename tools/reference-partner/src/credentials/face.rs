//! A face before the camera, as the recogniser tells it: by the reference that it was given at
//! enrolment. The simulation has neither pictures nor templates.

use zeroize::Zeroizing;

use super::record::CredentialKind;
use super::token::{Shown, Token};

/// Comes before a reference, so that no face has the token of a plate.
const LABEL: &[u8] = b"smarthome face v1\0";

/// The reference of a face that was recognised.
pub(crate) struct Face(pub(crate) Zeroizing<String>);

impl Shown for Face {
    const KIND: CredentialKind = CredentialKind::Face;

    fn token(&self, key: &[u8]) -> Token {
        Token::of(key, &[LABEL, self.0.as_bytes()])
    }
}

#[cfg(test)]
mod tests {
    use super::super::plate::Plate;
    use super::*;

    #[test]
    fn a_face_never_has_the_token_of_a_plate() {
        let key = [7; 32];
        let plate = Plate::normalise("A123BC777").token(&key);
        for text in ["A123BC777", "smarthome face v1A123BC777"] {
            let face = Face(Zeroizing::new(text.to_owned()));
            assert!(!face.token(&key).matches(&plate), "{text}");
            assert!(face.token(&key).matches(&face.token(&key)));
        }
    }
}
