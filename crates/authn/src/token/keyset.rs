//! An issuer's published keys (RFC 7517).

use std::collections::HashMap;
use std::time::Instant;

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;

use super::config::SigningAlgorithm;

/// More keys than any issuer has in use.
const MAX_KEYS: usize = 64;

/// A key and the algorithms that it is for.
pub(super) struct VerificationKey {
    pub(super) key: DecodingKey,
    pub(super) algorithms: Vec<Algorithm>,
}

/// The keys of one fetch.
pub(super) struct KeySet {
    keys: HashMap<String, VerificationKey>,
    /// When the fetch began.
    pub(super) fetched: Instant,
}

#[derive(Deserialize)]
struct Document {
    keys: Vec<serde_json::Value>,
}

impl KeySet {
    /// Reads a key set. A key that can't be used here (for encryption, of an unknown kind, with a
    /// shared secret, without an id, or with an id that another has too) is left out.
    pub(super) fn parse(
        json: &[u8],
        allowed: &[SigningAlgorithm],
        fetched: Instant,
    ) -> Result<Self, String> {
        let document: Document =
            serde_json::from_slice(json).map_err(|_| "not a JSON Web Key Set".to_owned())?;
        if document.keys.len() > MAX_KEYS {
            return Err(format!("more than {MAX_KEYS} keys"));
        }
        let mut keys = HashMap::new();
        let mut twice = Vec::new();
        for value in document.keys {
            let Some((kid, key)) = usable(value, allowed) else {
                continue;
            };
            if keys.insert(kid.clone(), key).is_some() {
                twice.push(kid);
            }
        }
        for kid in twice {
            tracing::warn!(
                kid,
                "the issuer publishes two keys with one id; neither is used"
            );
            keys.remove(&kid);
        }
        Ok(Self { keys, fetched })
    }

    pub(super) fn get(&self, kid: &str) -> Option<&VerificationKey> {
        self.keys.get(kid)
    }

    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }
}

fn usable(
    value: serde_json::Value,
    allowed: &[SigningAlgorithm],
) -> Option<(String, VerificationKey)> {
    let jwk: Jwk = serde_json::from_value(value).ok()?;
    if !matches!(
        jwk.common.public_key_use,
        None | Some(PublicKeyUse::Signature)
    ) {
        return None;
    }
    let of_its_kind: &[Algorithm] = match &jwk.algorithm {
        AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => {
            &[Algorithm::ES256]
        }
        AlgorithmParameters::RSA(_) => &[Algorithm::RS256, Algorithm::PS256],
        AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => {
            &[Algorithm::EdDSA]
        }
        _ => return None,
    };
    let algorithms: Vec<Algorithm> = allowed
        .iter()
        .map(|allowed| allowed.jws())
        .filter(|algorithm| of_its_kind.contains(algorithm))
        .filter(|algorithm| match jwk.common.key_algorithm {
            Some(own) => own == KeyAlgorithm::from(*algorithm),
            None => true,
        })
        .collect();
    let key = DecodingKey::from_jwk(&jwk).ok()?;
    let kid = jwk.common.key_id.filter(|_| !algorithms.is_empty())?;
    Some((kid, VerificationKey { key, algorithms }))
}
