//! The attestation: a signed statement of the wrapping key and of how data is kept.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_lc_rs::digest;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use jiff::{SignedDuration, Timestamp};
use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject;
use serde::{Deserialize, Serialize};

use crate::config::{self, ConfigError};
use crate::ids::PartnerId;
use crate::token_key::{KEM, WrappingKey};

/// What is encrypted at rest: everything that is kept but the journal, which names nobody.
const SCOPE: [&str; 7] = [
    "commands",
    "credentials",
    "token_keys",
    "access_tokens",
    "events",
    "outbox",
    "devices",
];

/// What can be wrong with the attestation, when it is told so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AttestationFault {
    /// There is none.
    Missing,
    /// It was made two days ago, for one.
    Expired,
    /// A key signs that nobody pinned.
    ForeignKey,
    /// Data is kept under a cipher that won't do.
    Weak,
}

/// A statement and its signature.
#[derive(Debug, Serialize)]
pub(crate) struct Attestation {
    statement: String,
    signature: String,
    key_id: String,
}

#[derive(Serialize)]
struct Statement<'a> {
    issued_at: Timestamp,
    valid_until: Timestamp,
    partner: &'a PartnerId,
    wrapping_key: Wrapping<'a>,
    storage: Storage<'a>,
}

#[derive(Serialize)]
struct Wrapping<'a> {
    kid: String,
    kem: &'a str,
    public: String,
}

#[derive(Serialize)]
struct Storage<'a> {
    algorithm: &'a str,
    key_rotated_at: Timestamp,
    key_rotation_days: u32,
    scope: &'a [&'a str],
}

/// Makes statements.
pub(crate) struct Attestor {
    key: Ed25519KeyPair,
    partner: PartnerId,
    validity: Duration,
    rotation_days: u32,
    fault: Mutex<Option<AttestationFault>>,
}

impl Attestor {
    /// Reads the signing key.
    pub(crate) fn new(config: &config::Config) -> Result<Self, ConfigError> {
        let path = &config.attestation.signing_key;
        let refused = || {
            let path = path.display();
            ConfigError::new(format!(
                "attestation.signing_key: {path} is no Ed25519 key in PKCS#8 PEM"
            ))
        };
        let der = PrivatePkcs8KeyDer::from_pem_file(path).map_err(|_| refused())?;
        let key = Ed25519KeyPair::from_pkcs8(der.secret_pkcs8_der()).map_err(|_| refused())?;
        Ok(Self {
            key,
            partner: config.partner.clone(),
            validity: config.attestation.validity,
            rotation_days: config.store.key_rotation_days,
            fault: Mutex::default(),
        })
    }

    /// Sets or clears what is wrong with it.
    pub(crate) fn set_fault(&self, fault: Option<AttestationFault>) {
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = fault;
    }

    /// What is wrong with it at present.
    pub(crate) fn fault(&self) -> Option<AttestationFault> {
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes and signs a statement.
    pub(crate) fn attest(
        &self,
        wrapping: &WrappingKey,
        key_rotated_at: Timestamp,
        now: Timestamp,
    ) -> Result<Attestation, serde_json::Error> {
        let fault = self.fault();
        let day = SignedDuration::from_hours(24);
        let (issued_at, valid_until) = match fault {
            Some(AttestationFault::Expired) => (now - day - day, now - day),
            _ => (now, now.saturating_add(self.validity).unwrap_or(now)),
        };
        let statement = serde_json::to_vec(&Statement {
            issued_at,
            valid_until,
            partner: &self.partner,
            wrapping_key: Wrapping {
                kid: thumbprint(wrapping.public()),
                kem: KEM,
                public: BASE64URL.encode(wrapping.public()),
            },
            storage: Storage {
                algorithm: match fault {
                    Some(AttestationFault::Weak) => "AES-128-ECB",
                    _ => "AES-256-GCM",
                },
                key_rotated_at,
                key_rotation_days: self.rotation_days,
                scope: &SCOPE,
            },
        })?;
        let foreign = match fault {
            Some(AttestationFault::ForeignKey) => {
                let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).ok();
                pkcs8.and_then(|key| Ed25519KeyPair::from_pkcs8(key.as_ref()).ok())
            }
            _ => None,
        };
        let signature = foreign.as_ref().unwrap_or(&self.key).sign(&statement);
        Ok(Attestation {
            signature: BASE64URL.encode(signature),
            statement: BASE64URL.encode(&statement),
            key_id: thumbprint(self.key.public_key().as_ref()),
        })
    }
}

fn thumbprint(public: &[u8]) -> String {
    BASE64URL.encode(digest::digest(&digest::SHA256, public))
}
