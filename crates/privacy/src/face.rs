//! References of faces: what a partner calls a face that was enrolled there.

use std::fmt;

use zeroize::Zeroizing;

use crate::error::Malformed;

/// The longest reference, in bytes.
const LONGEST: usize = 128;

/// A partner's own reference to a face that was enrolled there, opaque to this service: no picture
/// and no template, but it leads the partner to one. Not shown in `Debug`; wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct FaceReference(Zeroizing<String>);

impl FaceReference {
    /// Takes a reference as the partner gave it; only what surrounds it is cut off.
    ///
    /// # Errors
    /// [`Malformed`] unless it is 1 to 128 printable ASCII characters without spaces. The text is
    /// not repeated.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let text = text.trim();
        if (1..=LONGEST).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic()) {
            Ok(Self(Zeroizing::new(text.to_owned())))
        } else {
            Err(Malformed {
                kind: "face reference",
                expected: "the partner's own reference: 1 to 128 printable ASCII characters \
                           without spaces",
            })
        }
    }

    /// The reference. Leads to biometric personal data: for tokens, never for a log.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for FaceReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FaceReference(..)")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_reference_is_taken_as_it_is() {
        let face = FaceReference::parse(" gk-Face/7f31==\n").unwrap();
        assert_eq!(face.expose(), "gk-Face/7f31==");
        assert_eq!(format!("{face:?}"), "FaceReference(..)");
    }

    #[test]
    fn what_is_no_reference_is_refused_without_repeating_it() {
        for text in ["", "  ", "gk face", "gk\0face", "лицо", &"a".repeat(129)] {
            let error = FaceReference::parse(text).unwrap_err();
            for shown in [error.to_string(), format!("{error:?}")] {
                assert!(text.len() < 5 || !shown.contains(text), "{shown}");
            }
        }
    }
}
