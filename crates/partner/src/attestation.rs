//! How a partner says that it keeps what it holds, and whether that is believed.

use std::time::Duration;

use aws_lc_rs::{digest, signature};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::PartnerId;
use jiff::{SignedDuration, Timestamp};
use privacy::HpkePublicKey;
use serde::Deserialize;

use crate::wire;

/// A statement with its signature, as it came. Nothing in it is believed.
#[derive(Debug, Clone)]
pub struct Attestation {
    statement: String,
    signature: String,
}

/// What is demanded of an attestation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AttestationPolicy {
    /// How old a statement may be.
    #[serde(with = "service::config::duration")]
    pub max_age: Duration,
    /// How old the key that encrypts may be, whatever rotation the partner itself states.
    #[serde(with = "service::config::duration")]
    pub max_key_age: Duration,
    /// How far the partner's clock may be ahead.
    #[serde(with = "service::config::duration")]
    pub leeway: Duration,
}

impl Default for AttestationPolicy {
    fn default() -> Self {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        Self {
            max_age: DAY,
            max_key_age: DAY * 366,
            leeway: Duration::from_secs(60),
        }
    }
}

/// How a partner encrypts where it stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StorageAlgorithm {
    /// AES-256-GCM (NIST SP 800-38D).
    Aes256Gcm,
    /// GOST R 34.12-2015, Kuznyechik, in an authenticated mode.
    Kuznyechik,
}

/// Proof that a partner's attestation was verified. Only [`Attestation::verify`] makes one, and
/// without one no credential and no key is sent.
#[derive(Debug, Clone)]
pub struct Attested {
    partner: PartnerId,
    wrapping_key: HpkePublicKey,
    algorithm: StorageAlgorithm,
    until: Timestamp,
}

/// Why an attestation is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AttestationRefused {
    /// The pinned key is not an Ed25519 public key.
    #[error("the pinned attestation key is not 32 bytes; correct it in the registry")]
    PinnedKey,
    /// The signature is not the pinned key's.
    #[error("the attestation is not signed by the pinned key")]
    Signature,
    /// What was signed is no statement of the contract's.
    #[error("the attestation's statement is none of the contract's")]
    Statement,
    /// It is another partner's.
    #[error("the attestation is another partner's")]
    OtherPartner,
    /// Made in the future.
    #[error("the attestation is dated in the future; check both clocks")]
    FromFuture,
    /// Made too long ago, or not valid any more.
    #[error("the attestation is too old; the partner has to issue a new one")]
    Old,
    /// Its storage is not encrypted strongly enough.
    #[error("the partner's storage is not encrypted with AES-256-GCM or GOST R 34.12-2015")]
    WeakStorage,
    /// Its storage key should have been replaced.
    #[error("the partner's storage key is overdue for rotation")]
    OldStorageKey,
    /// What it would be given is not among what it encrypts.
    #[error("the partner does not encrypt credentials and token keys where it stores them")]
    NotCovered,
    /// Its wrapping key can't be used.
    #[error("the attested wrapping key is not one of DHKEM(X25519, HKDF-SHA256)")]
    WrappingKey,
}

/// What is handed over on the strength of an attestation.
const COVERED: [&str; 2] = ["credentials", "token_keys"];

impl Attestation {
    pub(crate) fn new(wire: wire::Attestation) -> Self {
        Self {
            statement: wire.statement,
            signature: wire.signature,
        }
    }

    /// Verifies that this is `partner`'s statement, signed (Ed25519, RFC 8032) by the key that
    /// was pinned when it was registered, recent at `now` and strong enough.
    ///
    /// # Errors
    /// [`AttestationRefused`].
    pub fn verify(
        &self,
        partner: &PartnerId,
        pinned_key: &[u8],
        policy: &AttestationPolicy,
        now: Timestamp,
    ) -> Result<Attested, AttestationRefused> {
        let statement = self.signed(pinned_key)?;
        let statement: wire::Statement =
            serde_json::from_slice(&statement).map_err(|_| AttestationRefused::Statement)?;
        if statement.partner != partner.as_str() {
            return Err(AttestationRefused::OtherPartner);
        }
        let recent_until = recent(&statement, policy, now)?;
        let (algorithm, key_until) = storage(&statement.storage, policy, now)?;
        Ok(Attested {
            partner: partner.clone(),
            wrapping_key: wrapping_key(&statement.wrapping_key)?,
            algorithm,
            until: recent_until.min(key_until),
        })
    }

    /// The bytes that were signed; they are not parsed before.
    fn signed(&self, pinned_key: &[u8]) -> Result<Vec<u8>, AttestationRefused> {
        if pinned_key.len() != 32 {
            return Err(AttestationRefused::PinnedKey);
        }
        let decode = |text: &str| {
            URL_SAFE_NO_PAD
                .decode(text)
                .map_err(|_| AttestationRefused::Signature)
        };
        let (statement, signature) = (decode(&self.statement)?, decode(&self.signature)?);
        signature::UnparsedPublicKey::new(&signature::ED25519, pinned_key)
            .verify(&statement, &signature)
            .map_err(|_| AttestationRefused::Signature)?;
        Ok(statement)
    }
}

/// Until when the statement is recent.
fn recent(
    statement: &wire::Statement,
    policy: &AttestationPolicy,
    now: Timestamp,
) -> Result<Timestamp, AttestationRefused> {
    let until = after(statement.issued_at, policy.max_age).min(statement.valid_until);
    if statement.issued_at > after(now, policy.leeway) {
        Err(AttestationRefused::FromFuture)
    } else if now >= until {
        Err(AttestationRefused::Old)
    } else {
        Ok(until)
    }
}

/// How the partner encrypts, and until when its key is young enough.
fn storage(
    storage: &wire::Storage,
    policy: &AttestationPolicy,
    now: Timestamp,
) -> Result<(StorageAlgorithm, Timestamp), AttestationRefused> {
    let algorithm = match storage.algorithm.as_str() {
        "AES-256-GCM" => StorageAlgorithm::Aes256Gcm,
        "GOST R 34.12-2015" => StorageAlgorithm::Kuznyechik,
        _ => return Err(AttestationRefused::WeakStorage),
    };
    if !COVERED
        .iter()
        .all(|covered| storage.scope.iter().any(|scope| scope == covered))
    {
        return Err(AttestationRefused::NotCovered);
    }
    if storage.key_rotated_at > after(now, policy.leeway) {
        return Err(AttestationRefused::FromFuture);
    }
    let rotation = Duration::from_secs(24 * 60 * 60) * storage.key_rotation_days.min(36_500);
    let until = after(storage.key_rotated_at, rotation.min(policy.max_key_age));
    if now >= until {
        return Err(AttestationRefused::OldStorageKey);
    }
    Ok((algorithm, until))
}

fn wrapping_key(key: &wire::WrappingKey) -> Result<HpkePublicKey, AttestationRefused> {
    let refused = AttestationRefused::WrappingKey;
    if key.kem != "DHKEM(X25519,HKDF-SHA256)" {
        return Err(refused);
    }
    let public: HpkePublicKey = key.public.parse().map_err(|_| refused)?;
    let hash = digest::digest(&digest::SHA256, public.as_bytes());
    if key.kid != URL_SAFE_NO_PAD.encode(hash) {
        return Err(refused);
    }
    Ok(public)
}

/// `length` after `instant`, or the end of time.
fn after(instant: Timestamp, length: Duration) -> Timestamp {
    SignedDuration::try_from(length)
        .ok()
        .and_then(|length| instant.checked_add(length).ok())
        .unwrap_or(Timestamp::MAX)
}

impl Attested {
    /// Whose attestation it was.
    pub fn partner(&self) -> &PartnerId {
        &self.partner
    }

    /// The key that token keys are wrapped to.
    pub fn wrapping_key(&self) -> &HpkePublicKey {
        &self.wrapping_key
    }

    /// How the partner encrypts where it stores.
    pub fn storage(&self) -> StorageAlgorithm {
        self.algorithm
    }

    /// The instant from which it is not relied upon: the end of its validity, of its being
    /// recent, or of its storage key's time, whichever comes first.
    pub fn until(&self) -> Timestamp {
        self.until
    }

    /// Whether it is relied upon at `now`.
    pub fn in_force(&self, now: Timestamp) -> bool {
        now < self.until
    }
}

#[cfg(test)]
#[path = "attestation_tests.rs"]
mod tests;
