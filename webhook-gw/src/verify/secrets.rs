//! The secrets that are agreed with each partner.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use domain::PartnerId;
use jiff::Timestamp;
use standardwebhooks::Webhook;

/// Fewest characters of base64 that make the 192 bits which Standard Webhooks asks for.
const MIN_BASE64: usize = 32;

/// A secret that can't be used. Never repeats it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// It doesn't have the form.
    #[error("not a webhook secret; it is one line, `whsec_` and base64")]
    Malformed,
    /// It can be guessed.
    #[error("the webhook secret is too short; make it from at least 24 random bytes")]
    TooShort,
}

/// A symmetric secret of Standard Webhooks.
pub struct Secret(Webhook);

impl Secret {
    /// Reads `whsec_` and base64; white space around it is no part of it.
    ///
    /// # Errors
    /// [`SecretError`].
    pub fn parse(text: &[u8]) -> Result<Self, SecretError> {
        let text = std::str::from_utf8(text).map_err(|_| SecretError::Malformed)?;
        let base64 = text
            .trim()
            .strip_prefix("whsec_")
            .ok_or(SecretError::Malformed)?;
        let secret = Webhook::new(base64).map_err(|_| SecretError::Malformed)?;
        if base64.trim_end_matches('=').len() < MIN_BASE64 {
            return Err(SecretError::TooShort);
        }
        Ok(Self(secret))
    }

    /// The signature `v1,<base64>` of a message; none for a body that isn't text.
    pub(super) fn sign(&self, id: &str, sent: Timestamp, body: &[u8]) -> Option<String> {
        self.0.sign(id, sent.as_second(), body).ok()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// The active secrets of every partner: one, or several during a rotation.
#[derive(Debug, Clone, Default)]
pub struct Secrets(HashMap<PartnerId, Arc<[Secret]>>);

impl Secrets {
    /// Of these partners.
    pub fn new(of: impl IntoIterator<Item = (PartnerId, Vec<Secret>)>) -> Self {
        let mut all = Self::default();
        for (partner, secrets) in of {
            all.set(&partner, secrets);
        }
        all
    }

    /// Puts these in place of a partner's; none takes the partner out.
    pub(super) fn set(&mut self, partner: &PartnerId, secrets: Vec<Secret>) {
        if secrets.is_empty() {
            self.0.remove(partner);
        } else {
            self.0.insert(partner.clone(), secrets.into());
        }
    }

    /// A partner's; never empty.
    pub fn of(&self, partner: &PartnerId) -> Option<&[Secret]> {
        self.0.get(partner).map(AsRef::as_ref)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn secrets_have_a_form_and_a_least_length() {
        let good = format!("whsec_{}\n", "A".repeat(32));
        assert!(Secret::parse(good.as_bytes()).is_ok());
        assert!(!format!("{:?}", Secret::parse(good.as_bytes()).unwrap()).contains('A'));
        for wrong in [
            "",
            "whsec",
            &"A".repeat(32),
            "whsec_!!!",
            "whsec_AAAA\nwhsec_AAAA",
        ] {
            assert_eq!(
                Secret::parse(wrong.as_bytes()).unwrap_err(),
                SecretError::Malformed
            );
        }
        assert_eq!(Secret::parse(b"\xff").unwrap_err(), SecretError::Malformed);
        assert_eq!(
            Secret::parse(b"whsec_MTIzNDU2Nzg=").unwrap_err(),
            SecretError::TooShort
        );
        assert_eq!(Secret::parse(b"whsec_").unwrap_err(), SecretError::TooShort);
    }
}
