//! A partner with a good attestation, and things to hand to it.

use aws_lc_rs::digest;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::DeviceId;
use jiff::{SignedDuration, Timestamp};
use partner::{AttestationPolicy, Attested, PartnerClient};
use privacy::{
    CredentialToken, HpkePrivateKey, KeyError, KeyProvider, Keyring, Plate, Purpose, TokenKey,
    TokenKeyRoots,
};

use crate::http::Asked;
use crate::partner::{Partner, Reply, json, soon};

struct Ring(Keyring);

impl KeyProvider for Ring {
    fn keyring(&self, _: Purpose) -> Result<Keyring, KeyError> {
        Ok(self.0.clone())
    }
}

pub(crate) fn token_key(complex: &str, partner: &str, version: u32) -> TokenKey {
    let ring = Keyring::generate().unwrap().rotated().unwrap();
    TokenKeyRoots::load(&Ring(ring.rotated().unwrap()))
        .unwrap()
        .token_key(
            &complex.parse().unwrap(),
            &partner.parse().unwrap(),
            version,
        )
        .unwrap()
}

pub(crate) fn plate_token(complex: &str, partner: &str, version: u32) -> CredentialToken {
    let plate = Plate::parse("A123BC77").unwrap();
    token_key(complex, partner, version).token(&plate)
}

pub(crate) fn devices() -> Vec<DeviceId> {
    vec!["sunrise.north-gate".parse().unwrap()]
}

/// An answer to the attestation call, and the key that it is signed with.
fn attestation() -> (String, Ed25519KeyPair) {
    let wrapping = HpkePrivateKey::generate().unwrap().public_key().unwrap();
    let kid = digest::digest(&digest::SHA256, wrapping.as_bytes());
    let now = Timestamp::now();
    let statement = serde_json::json!({
        "issued_at": now,
        "valid_until": now + SignedDuration::from_hours(1),
        "partner": "gatekeeper",
        "wrapping_key": {
            "kid": URL_SAFE_NO_PAD.encode(kid),
            "kem": "DHKEM(X25519,HKDF-SHA256)",
            "public": wrapping.to_string(),
        },
        "storage": {
            "algorithm": "AES-256-GCM",
            "key_rotated_at": now - SignedDuration::from_hours(1),
            "key_rotation_days": 90,
            "scope": ["credentials", "token_keys"],
        },
    })
    .to_string();
    let key = Ed25519KeyPair::generate().unwrap();
    let body = serde_json::json!({
        "statement": URL_SAFE_NO_PAD.encode(&statement),
        "signature": URL_SAFE_NO_PAD.encode(key.sign(statement.as_bytes())),
        "key_id": "a hint",
    });
    (body.to_string(), key)
}

/// A partner that answers the attestation call properly and the rest with `script`.
pub(crate) async fn attested(
    script: impl Fn(&Asked) -> Reply + Send + Sync + 'static,
) -> (Partner, PartnerClient, Attested) {
    let (body, key) = attestation();
    let partner = Partner::start(move |asked| match asked.target.as_str() {
        "/v1/security/attestation" => json(body.clone()),
        _ => script(asked),
    })
    .await;
    let client = partner.client();
    let attested = client
        .attestation(soon())
        .await
        .unwrap()
        .verify(
            client.partner(),
            key.public_key().as_ref(),
            &AttestationPolicy::default(),
            Timestamp::now(),
        )
        .unwrap();
    let token = &partner.tokens_asked()[0];
    assert_eq!(
        token.parameter("scope").as_deref(),
        Some("attestation:read")
    );
    assert_eq!(token.parameter("resource"), None);
    (partner, client, attested)
}

pub(crate) fn no_content() -> Reply {
    Reply::Answer(204, "", String::new())
}
