//! Tokens of plates and faces, and the keys that they are computed with.

use std::fmt;

use aws_lc_rs::{hkdf, hmac};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::vocabulary::CredentialKind;
use domain::{ComplexId, PartnerId};
use zeroize::Zeroizing;

use crate::error::{KeyError, SealError};
use crate::face::FaceReference;
use crate::keyring::{Key, Keyring};
use crate::keys::{KeyProvider, Purpose};
use crate::plate::Plate;
use crate::wrap::{HpkePublicKey, WrappedTokenKey, wrap_token_key};

/// Comes before the reference of a face.
const FACE_LABEL: &[u8] = b"smarthome face v1";

/// The secrets from which the token keys of all complexes and partners are derived.
///
/// A token key belongs to one complex and one partner and has a version. The key of version *v*
/// is HKDF-SHA-256 (RFC 5869) of the root of version *v*, with the salt `smarthome token-key v1`
/// and the info `<complex>|<partner>|<v>`. So nobody has to keep it, one partner's key tells
/// nothing about another's, and a new root version gives every complex a new, unrelated key.
#[derive(Debug)]
pub struct TokenKeyRoots(Keyring);

impl TokenKeyRoots {
    /// Takes the roots.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn load(keys: &dyn KeyProvider) -> Result<Self, KeyError> {
        keys.keyring(Purpose::TokenKey).map(Self)
    }

    /// The version under which new tokens are computed.
    pub fn newest(&self) -> u32 {
        self.0.newest().0
    }

    /// The token key of `complex` at `partner`.
    ///
    /// # Errors
    /// [`KeyError::UnknownVersion`] where there is no root of this version.
    pub fn token_key(
        &self,
        complex: &ComplexId,
        partner: &PartnerId,
        version: u32,
    ) -> Result<TokenKey, KeyError> {
        let unknown = KeyError::UnknownVersion {
            purpose: Purpose::TokenKey,
            version,
        };
        let root = self.0.get(version).ok_or(unknown)?;
        let info = format!("{complex}|{partner}|{version}");
        let key = Key::filled(|key| {
            hkdf::Salt::new(hkdf::HKDF_SHA256, b"smarthome token-key v1")
                .extract(root.expose())
                .expand(&[info.as_bytes()], hkdf::HKDF_SHA256)
                .and_then(|okm| okm.fill(key))
        })
        .map_err(|_| KeyError::Random)?;
        Ok(TokenKey {
            complex: complex.clone(),
            partner: partner.clone(),
            version,
            key,
        })
    }
}

/// The key with which a partner's cameras in one complex compute tokens.
#[derive(Debug, Clone)]
pub struct TokenKey {
    complex: ComplexId,
    partner: PartnerId,
    version: u32,
    key: Key,
}

impl TokenKey {
    /// The complex that it is for.
    pub fn complex(&self) -> &ComplexId {
        &self.complex
    }

    /// The partner that it is for.
    pub fn partner(&self) -> &PartnerId {
        &self.partner
    }

    /// Its version.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// The plate's token: HMAC-SHA-256 (RFC 2104) over its one spelling. Without the key it
    /// can't be turned back by trying all plates, which an unkeyed hash can in seconds.
    pub fn token(&self, plate: &Plate) -> CredentialToken {
        self.computed(CredentialKind::Plate, &[plate.expose().as_bytes()])
    }

    /// The token of a face: HMAC-SHA-256 over a label, a zero byte, and the reference. No plate has
    /// a zero byte in it, so a face never has the token of a plate.
    pub fn face_token(&self, face: &FaceReference) -> CredentialToken {
        let parts = [FACE_LABEL, b"\0", face.expose().as_bytes()];
        self.computed(CredentialKind::Face, &parts)
    }

    fn computed(&self, kind: CredentialKind, parts: &[&[u8]]) -> CredentialToken {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.key.expose());
        let mut mac = hmac::Context::with_key(&key);
        for part in parts {
            mac.update(part);
        }
        CredentialToken {
            complex: self.complex.clone(),
            partner: self.partner.clone(),
            kind,
            key_version: self.version,
            text: Zeroizing::new(URL_SAFE_NO_PAD.encode(mac.sign())),
        }
    }

    /// The key, wrapped so that only the holder of `to`'s private half can read it.
    ///
    /// # Errors
    /// [`SealError::WeakKey`].
    pub fn wrap(&self, to: &HpkePublicKey) -> Result<WrappedTokenKey, SealError> {
        wrap_token_key(&self.complex, self.version, self.key.expose(), to)
    }
}

/// The token of a plate or a face under one key. Not shown in `Debug`: it stands for the person.
#[derive(Clone, PartialEq, Eq)]
pub struct CredentialToken {
    complex: ComplexId,
    partner: PartnerId,
    kind: CredentialKind,
    key_version: u32,
    text: Zeroizing<String>,
}

impl CredentialToken {
    /// The complex whose key it is under.
    pub fn complex(&self) -> &ComplexId {
        &self.complex
    }

    /// The partner whose key it is under.
    pub fn partner(&self) -> &PartnerId {
        &self.partner
    }

    /// What it was computed from.
    pub fn kind(&self) -> CredentialKind {
        self.kind
    }

    /// Version of the key.
    pub fn key_version(&self) -> u32 {
        self.key_version
    }

    /// base64url of the token's 32 bytes, for the partner only.
    pub fn expose(&self) -> &str {
        &self.text
    }
}

impl fmt::Debug for CredentialToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CredentialToken(v{}, ..)", self.key_version)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn roots() -> TokenKeyRoots {
        let text = r#"{"keys":[
            {"version":1,"key":"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="},
            {"version":3,"key":"AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI="}]}"#;
        TokenKeyRoots(Keyring::from_json(text.as_bytes()).unwrap())
    }

    fn key(complex: &str, partner: &str, version: u32) -> TokenKey {
        roots()
            .token_key(
                &complex.parse().unwrap(),
                &partner.parse().unwrap(),
                version,
            )
            .unwrap()
    }

    #[test]
    fn tokens_are_the_documented_ones() {
        let key = key("sunrise", "gatekeeper", 1);
        let plate = Plate::parse("а 123 вс 77").unwrap();
        assert_eq!(
            key.token(&plate).expose(),
            "TYmzQlFM-nOq5-sh7MKxLdstH-p05sO2CqgSOJpQVvw"
        );
        assert_eq!(key.token(&plate).key_version(), 1);
    }

    #[test]
    fn every_complex_partner_and_version_has_a_key_of_its_own() {
        let plate = Plate::parse("A123BC77").unwrap();
        let mut tokens: Vec<String> = [
            key("sunrise", "gatekeeper", 1),
            key("sunset", "gatekeeper", 1),
            key("sunrise", "other", 1),
            key("sunrise", "gatekeeper", 3),
        ]
        .iter()
        .map(|key| key.token(&plate).expose().to_owned())
        .collect();
        tokens.sort();
        tokens.dedup();
        assert_eq!(tokens.len(), 4);
        assert_eq!(roots().newest(), 3);
        let missing = roots().token_key(
            &"sunrise".parse().unwrap(),
            &"gatekeeper".parse().unwrap(),
            2,
        );
        assert!(matches!(
            missing,
            Err(KeyError::UnknownVersion { version: 2, .. })
        ));
    }

    #[test]
    fn a_face_never_has_the_token_of_a_plate() {
        let key = key("sunrise", "gatekeeper", 1);
        let plate = Plate::parse("A123BC77").unwrap();
        let face = |text: &str| key.face_token(&FaceReference::parse(text).unwrap());
        assert_eq!(
            face("gk-7f31").expose(),
            "u1uHJ1xJzOPV3Axeqnn6opy1rfctO2fWPGhzlAibsvA"
        );
        let same = face("A123BC77");
        assert_ne!(same.expose(), key.token(&plate).expose());
        assert_eq!(same.kind(), CredentialKind::Face);
        assert_eq!(key.token(&plate).kind(), CredentialKind::Plate);
        assert_ne!(face("gk-7f31").expose(), face("gk-7F31").expose());
    }

    #[test]
    fn nothing_shows_a_key_or_a_token() {
        let key = key("sunrise", "gatekeeper", 1);
        let token = key.token(&Plate::parse("A123BC77").unwrap());
        assert_eq!(format!("{token:?}"), "CredentialToken(v1, ..)");
        let shown = format!("{key:?} {:?}", roots());
        assert!(
            shown.contains("Key(..)") && !shown.contains("[1, 1"),
            "{shown}"
        );
    }
}
