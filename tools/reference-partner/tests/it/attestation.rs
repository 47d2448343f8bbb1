//! The attestation.

use aws_lc_rs::digest;
use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use serde_json::{Value, json};

use crate::credentials::{Scene, decode, scene};
use crate::support::Site;

#[tokio::test]
async fn the_attestation_verifies_and_its_wrapping_key_survives_a_restart() {
    let first = scene(Site::new(None)).await;
    let attestation = first.attestation().await;
    let pem = std::fs::read_to_string(first.site.path("attestation.pem")).unwrap();
    let public = rcgen::PublicKeyData::der_bytes(&rcgen::KeyPair::from_pem(&pem).unwrap()).to_vec();
    let statement = decode(&attestation["statement"]);
    UnparsedPublicKey::new(&ED25519, &public)
        .verify(&statement, &decode(&attestation["signature"]))
        .unwrap();
    assert_eq!(
        decode(&attestation["key_id"]),
        digest::digest(&digest::SHA256, &public).as_ref()
    );
    let statement: Value = serde_json::from_slice(&statement).unwrap();
    assert_eq!(statement["partner"], "gatekeeper");
    assert_eq!(statement["storage"]["algorithm"], "AES-256-GCM");
    let Scene { site, running, .. } = first;
    running.partner.stop().await;
    let second = scene(site).await;
    let again: Value =
        serde_json::from_slice(&decode(&second.attestation().await["statement"])).unwrap();
    assert_eq!(again["wrapping_key"], statement["wrapping_key"]);
    second.running.post("/control/rotate-keys", json!({})).await;
    let rotated: Value =
        serde_json::from_slice(&decode(&second.attestation().await["statement"])).unwrap();
    assert_ne!(
        rotated["storage"]["key_rotated_at"],
        statement["storage"]["key_rotated_at"]
    );
}
