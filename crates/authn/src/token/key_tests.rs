//! When keys are fetched, trusted and given up.
#![allow(clippy::unwrap_used)]
use std::time::Duration;

use jsonwebtoken::Algorithm;
use serde_json::{Value, json};

use super::test_issuer::{SigningKey, TestIssuer, changed};
use super::*;

const HOUR: Duration = Duration::from_secs(3600);
const INTERVAL: Duration = Duration::from_secs(10);

async fn issuer() -> TestIssuer {
    TestIssuer::start(Algorithm::ES256).await
}

fn signed_by(key: &SigningKey, issuer: &TestIssuer) -> String {
    key.sign(&key.header(), &issuer.claims())
}

async fn fetches_reach(issuer: &TestIssuer, count: usize) {
    while issuer.key_fetches() < count {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn keys_are_fetched_once_for_many_tokens() {
    let issuer = issuer().await;
    let verifier = issuer.verifier();
    let token = issuer.token(json!({}));
    let verified = (0..20).map(|_| verifier.verify(&token, None));
    for taken in futures::future::join_all(verified).await {
        taken.unwrap();
    }
    verifier.refresh().await.unwrap();
    assert_eq!(issuer.key_fetches(), 1);
}

#[tokio::test]
async fn a_new_key_is_found_and_made_up_ones_cause_no_flood() {
    let issuer = issuer().await;
    let verifier = issuer.verifier();
    verifier.refresh().await.unwrap();
    let next = SigningKey::new("second", Algorithm::EdDSA);
    issuer.publish(&[&issuer.key, &next]);
    let token = signed_by(&next, &issuer);
    let too_soon = verifier.verify(&token, None).await;
    assert_eq!(too_soon, Err(TokenError::UnknownKey), "just fetched");
    issuer.pass(INTERVAL);
    let verified = (0..20).map(|_| verifier.verify(&token, None));
    for taken in futures::future::join_all(verified).await {
        taken.unwrap();
    }
    assert_eq!(issuer.key_fetches(), 2);

    for kid in 0..20 {
        let header = changed(next.header(), json!({"kid": kid.to_string()}));
        let made_up = next.sign(&header, &issuer.claims());
        assert_eq!(
            verifier.verify(&made_up, None).await,
            Err(TokenError::UnknownKey)
        );
    }
    assert_eq!(issuer.key_fetches(), 2, "throttled");
    verifier
        .verify(&issuer.token(json!({})), None)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_withdrawn_key_is_given_up_with_the_next_fetch() {
    let issuer = issuer().await;
    let verifier = issuer.verifier();
    let token = issuer.token(json!({}));
    verifier.verify(&token, None).await.unwrap();
    issuer.publish(&[&SigningKey::new("second", Algorithm::ES256)]);
    // Past half its age a key is still trusted while the set is fetched again behind.
    issuer.pass(HOUR / 2 + INTERVAL);
    let refused = loop {
        match verifier.verify(&token, None).await {
            Ok(_) => tokio::task::yield_now().await,
            Err(refused) => break refused,
        }
    };
    assert_eq!(refused, TokenError::UnknownKey);
    assert_eq!(issuer.key_fetches(), 2);
}

#[tokio::test]
async fn known_keys_go_on_without_the_issuer_until_their_age() {
    let issuer = issuer().await;
    let verifier = issuer.verifier();
    let token = issuer.token(json!({}));
    verifier.verify(&token, None).await.unwrap();
    issuer.set_down(true);
    issuer.pass(HOUR - INTERVAL);
    verifier.verify(&token, None).await.unwrap();
    fetches_reach(&issuer, 2).await;
    // With an unknown key, nothing can be said while the issuer is away.
    let other = signed_by(&SigningKey::new("second", Algorithm::ES256), &issuer);
    issuer.pass(INTERVAL / 2);
    let refused = verifier.verify(&other, None).await.unwrap_err();
    assert!(refused.is_unavailable(), "{refused}");

    issuer.pass(INTERVAL);
    let refused = verifier.verify(&token, None).await.unwrap_err();
    assert_eq!(refused, TokenError::KeysUnavailable);
    assert!(refused.is_unavailable());
    assert!(verifier.refresh().await.is_err());

    issuer.set_down(false);
    issuer.pass(Duration::from_secs(1));
    verifier.verify(&token, None).await.unwrap();
}

#[tokio::test]
async fn an_unreachable_issuer_is_not_called_for_every_token() {
    let issuer = issuer().await;
    issuer.set_down(true);
    let verifier = issuer.verifier();
    for _ in 0..20 {
        let refused = verifier.verify(&issuer.token(json!({})), None).await;
        assert_eq!(refused, Err(TokenError::KeysUnavailable));
    }
    assert_eq!(issuer.key_fetches(), 1);
}

#[tokio::test]
async fn a_caller_that_hangs_up_doesnt_stop_the_fetch_for_the_others() {
    let issuer = issuer().await;
    let verifier = issuer.verifier();
    let token = issuer.token(json!({}));
    let hung_up = tokio::time::timeout(Duration::ZERO, verifier.verify(&token, None));
    assert!(hung_up.await.is_err());
    verifier.verify(&token, None).await.unwrap();
    assert_eq!(issuer.key_fetches(), 1);
}

#[tokio::test]
async fn keys_that_cant_be_for_this_are_left_out() {
    let issuer = issuer().await;
    let token = issuer.token(json!({}));
    let good = issuer.key.jwk.clone();
    let other = SigningKey::new("first", Algorithm::ES256).jwk;
    let without = |change: Value| vec![changed(good.clone(), change)];
    let cases = [
        ("none at all", vec![]),
        ("for encryption", without(json!({"use": "enc"}))),
        ("without an id", without(json!({"kid": null}))),
        ("for another algorithm", without(json!({"alg": "ES384"}))),
        ("for an unknown algorithm", without(json!({"alg": "X"}))),
        ("of another curve", without(json!({"crv": "P-384"}))),
        ("half a key", without(json!({"y": null}))),
        ("two with one id", vec![good.clone(), other]),
        (
            "a shared secret",
            vec![json!({"kty": "oct", "k": "c2VjcmV0", "kid": "first"})],
        ),
        ("nonsense", vec![json!("key"), json!(null)]),
    ];
    for (what, keys) in cases {
        issuer.publish_raw(keys);
        let refused = issuer.verify(&token).await.unwrap_err();
        assert_eq!(refused, TokenError::UnknownKey, "{what}");
    }
    issuer.publish_raw(vec![json!("key"), json!({"kty": "future"}), good]);
    issuer.verify(&token).await.unwrap();
}

#[tokio::test]
async fn discovery_must_be_the_issuers_own_and_https() {
    let issuer = issuer().await;
    let token = issuer.token(json!({}));
    let jwks = format!("{}/jwks", issuer.url);
    let plain = jwks.replace("https", "http");
    for metadata in [
        json!({"issuer": "https://evil.example", "jwks_uri": jwks}),
        json!({"issuer": issuer.url, "jwks_uri": plain}),
        json!({"issuer": issuer.url, "jwks_uri": "file:///etc/passwd"}),
        json!({"issuer": issuer.url}),
        json!({"jwks_uri": jwks}),
        json!([]),
        json!({"issuer": issuer.url, "jwks_uri": format!("{}/moved", issuer.url)}),
        json!({"issuer": issuer.url, "jwks_uri": format!("{}/huge", issuer.url)}),
        json!({"issuer": issuer.url, "jwks_uri": format!("{}/gone", issuer.url)}),
    ] {
        issuer.set_metadata(metadata.clone());
        let refused = issuer.verify(&token).await;
        assert_eq!(refused, Err(TokenError::KeysUnavailable), "{metadata}");
    }
    assert_eq!(issuer.key_fetches(), 0);
    let mut config = issuer.config();
    config.jwks_uri = Some(jwks.parse().unwrap());
    issuer
        .verifier_of(config)
        .verify(&token, None)
        .await
        .unwrap();
}

#[tokio::test]
async fn an_issuer_with_an_untrusted_certificate_is_not_believed() {
    let issuer = issuer().await;
    let mut config = issuer.config();
    let other = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(other.path(), crate::testing::Ca::new().pem()).unwrap();
    config.ca_file = Some(other.path().into());
    let refused = issuer
        .verifier_of(config)
        .verify(&issuer.token(json!({})), None)
        .await;
    assert_eq!(refused, Err(TokenError::KeysUnavailable));
    assert_eq!(issuer.key_fetches(), 0);

    let mut config = issuer.config();
    config.ca_file = Some(std::path::Path::new("/nowhere/ca.crt").into());
    let error = AccessTokenVerifier::new(config).err().unwrap().to_string();
    assert!(error.contains("/nowhere/ca.crt"), "{error}");
}
