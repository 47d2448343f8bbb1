#![allow(clippy::unwrap_used)]
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use privacy::HpkePrivateKey;
use serde_json::{Value, json};

use super::*;

struct Partner {
    key: Ed25519KeyPair,
    wrapping: HpkePublicKey,
}

impl Partner {
    fn new() -> Self {
        Self {
            key: Ed25519KeyPair::generate().unwrap(),
            wrapping: HpkePrivateKey::generate().unwrap().public_key().unwrap(),
        }
    }

    fn statement(&self) -> Value {
        let kid = digest::digest(&digest::SHA256, self.wrapping.as_bytes());
        json!({
            "issued_at": "2026-11-24T10:00:00Z",
            "valid_until": "2026-11-25T10:00:00Z",
            "partner": "gatekeeper",
            "wrapping_key": {
                "kid": URL_SAFE_NO_PAD.encode(kid),
                "kem": "DHKEM(X25519,HKDF-SHA256)",
                "public": self.wrapping.to_string(),
            },
            "storage": {
                "algorithm": "AES-256-GCM",
                "key_rotated_at": "2026-10-01T00:00:00Z",
                "key_rotation_days": 90,
                "scope": ["commands", "credentials", "token_keys"],
            },
            "more": true,
        })
    }

    fn sign(&self, statement: &[u8]) -> Attestation {
        Attestation {
            statement: URL_SAFE_NO_PAD.encode(statement),
            signature: URL_SAFE_NO_PAD.encode(self.key.sign(statement)),
        }
    }

    fn verify(
        &self,
        change: impl FnOnce(&mut Value),
        now: &str,
    ) -> Result<Attested, AttestationRefused> {
        let mut statement = self.statement();
        change(&mut statement);
        self.sign(statement.to_string().as_bytes()).verify(
            &"gatekeeper".parse().unwrap(),
            self.key.public_key().as_ref(),
            &AttestationPolicy::default(),
            now.parse().unwrap(),
        )
    }
}

const NOON: &str = "2026-11-24T12:00:00Z";

#[test]
fn a_good_attestation_is_proof_until_it_ends() {
    let partner = Partner::new();
    let attested = partner.verify(|_| (), NOON).unwrap();
    assert_eq!(attested.partner().as_str(), "gatekeeper");
    assert_eq!(*attested.wrapping_key(), partner.wrapping);
    assert_eq!(attested.storage(), StorageAlgorithm::Aes256Gcm);
    assert_eq!(attested.until().to_string(), "2026-11-25T10:00:00Z");
    assert!(attested.in_force(NOON.parse().unwrap()));
    assert!(!attested.in_force(attested.until()));

    let gost = partner
        .verify(
            |s| {
                s["storage"]["algorithm"] = "GOST R 34.12-2015".into();
                s["storage"]["key_rotation_days"] = 55.into();
            },
            NOON,
        )
        .unwrap();
    assert_eq!(gost.storage(), StorageAlgorithm::Kuznyechik);
    assert_eq!(
        gost.until().to_string(),
        "2026-11-25T00:00:00Z",
        "the storage key's time ends first"
    );
    let long = partner
        .verify(|s| s["valid_until"] = "2027-11-24T10:00:00Z".into(), NOON)
        .unwrap();
    assert_eq!(
        long.until().to_string(),
        "2026-11-25T10:00:00Z",
        "a statement stays recent for a day only"
    );
}

#[test]
fn what_is_weak_old_or_anothers_is_refused() {
    use AttestationRefused::*;
    type Change = fn(&mut Value);
    let table: [(AttestationRefused, Change); 16] = [
        (OtherPartner, |s| s["partner"] = "other".into()),
        (Statement, |s| s["issued_at"] = "yesterday".into()),
        (Statement, |s| s["storage"] = Value::Null),
        (Statement, |s| {
            s["storage"]["key_rotation_days"] = (-1).into()
        }),
        (Old, |s| s["valid_until"] = NOON.into()),
        (Old, |s| s["issued_at"] = "2026-11-23T11:59:59Z".into()),
        (FromFuture, |s| {
            s["issued_at"] = "2026-11-24T12:01:01Z".into()
        }),
        (FromFuture, |s| {
            s["storage"]["key_rotated_at"] = "2026-11-24T12:01:01Z".into();
        }),
        (WeakStorage, |s| {
            s["storage"]["algorithm"] = "AES-128-CBC".into()
        }),
        (OldStorageKey, |s| {
            s["storage"]["key_rotation_days"] = 54.into()
        }),
        (OldStorageKey, |s| {
            s["storage"]["key_rotated_at"] = "2025-11-01T00:00:00Z".into();
            s["storage"]["key_rotation_days"] = 4_000_000_000u32.into();
        }),
        (NotCovered, |s| {
            s["storage"]["scope"] = json!(["credentials", "events"])
        }),
        (NotCovered, |s| s["storage"]["scope"] = json!([])),
        (WrappingKey, |s| {
            s["wrapping_key"]["kem"] = "DHKEM(P-256,HKDF-SHA256)".into();
        }),
        (WrappingKey, |s| s["wrapping_key"]["public"] = "AAAA".into()),
        (WrappingKey, |s| {
            s["wrapping_key"]["public"] = HpkePrivateKey::generate()
                .unwrap()
                .public_key()
                .unwrap()
                .to_string()
                .into();
        }),
    ];
    let partner = Partner::new();
    for (place, (expected, change)) in table.into_iter().enumerate() {
        let refused = partner.verify(change, NOON).unwrap_err();
        assert_eq!(refused, expected, "line {place}");
    }
}

#[test]
fn only_the_pinned_key_speaks_for_a_partner() {
    let partner = Partner::new();
    let good = partner.sign(partner.statement().to_string().as_bytes());
    let verify = |attestation: &Attestation, key: &[u8]| {
        attestation
            .verify(
                &"gatekeeper".parse().unwrap(),
                key,
                &AttestationPolicy::default(),
                NOON.parse().unwrap(),
            )
            .map(|_| ())
    };
    let pinned = partner.key.public_key().as_ref();
    assert_eq!(verify(&good, pinned), Ok(()));
    let other = Partner::new();
    assert_eq!(
        verify(&good, other.key.public_key().as_ref()),
        Err(AttestationRefused::Signature)
    );
    assert_eq!(
        verify(&good, &pinned[..31]),
        Err(AttestationRefused::PinnedKey)
    );
    assert_eq!(verify(&good, &[]), Err(AttestationRefused::PinnedKey));

    let mut changed = good.clone();
    let statement = partner.statement().to_string().replace(" ", "");
    changed.statement = URL_SAFE_NO_PAD.encode(statement.replace("gatekeeper", "gatekeepes"));
    assert_eq!(verify(&changed, pinned), Err(AttestationRefused::Signature));
    let mut changed = good.clone();
    changed.signature = URL_SAFE_NO_PAD.encode([0; 64]);
    assert_eq!(verify(&changed, pinned), Err(AttestationRefused::Signature));
    for broken in ["", "!", "AAAA"] {
        let mut changed = good.clone();
        changed.signature = broken.to_owned();
        assert_eq!(verify(&changed, pinned), Err(AttestationRefused::Signature));
    }
    // Signed, but no statement.
    assert_eq!(
        verify(&partner.sign(b"[]"), pinned),
        Err(AttestationRefused::Statement)
    );
}
