//! Headers and signatures.
#![allow(clippy::unwrap_used)]
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::json;

use super::test_issuer::{SigningKey, TestIssuer, changed, encoded};
use super::*;

async fn issuer() -> TestIssuer {
    TestIssuer::start(Algorithm::ES256).await
}

#[tokio::test]
async fn every_wrong_header_is_refused() {
    use TokenError as E;
    let issuer = issuer().await;
    let cases = [
        (json!({"typ": "JWT"}), E::WrongType),
        (json!({"typ": null}), E::WrongType),
        (json!({"crit": ["exp"], "exp": 1}), E::CriticalHeader),
        (json!({"crit": []}), E::CriticalHeader),
        (json!({"kid": null}), E::Malformed("no kid")),
        (json!({"kid": 1}), E::Malformed("header")),
        (json!({"kid": "another"}), E::UnknownKey),
        (json!({"alg": null}), E::Malformed("header")),
        (json!({"alg": "none"}), E::AlgorithmNotAllowed),
        (json!({"alg": "es256"}), E::AlgorithmNotAllowed),
        (json!({"alg": "ES384"}), E::AlgorithmNotAllowed),
        (json!({"alg": "HS256"}), E::AlgorithmNotAllowed),
        // Allowed, but not with this key.
        (json!({"alg": "RS256"}), E::AlgorithmNotAllowed),
        (json!({"alg": "EdDSA"}), E::AlgorithmNotAllowed),
    ];
    let verifier = issuer.verifier();
    for (change, expected) in cases {
        let header = changed(issuer.key.header(), change.clone());
        let token = issuer.key.sign(&header, &issuer.claims());
        assert_eq!(
            verifier.verify(&token, None).await.unwrap_err(),
            expected,
            "{change}"
        );
    }
    for typ in ["application/at+jwt", "AT+JWT"] {
        let header = changed(issuer.key.header(), json!({"typ": typ}));
        let token = issuer.key.sign(&header, &issuer.claims());
        verifier.verify(&token, None).await.unwrap();
    }
    let header = r#"{"typ":"at+jwt","alg":"ES256","kid":"first","crit":null}"#;
    assert_eq!(
        verifier
            .verify(&raw(header, &issuer), None)
            .await
            .unwrap_err(),
        E::CriticalHeader
    );
    let header = r#"{"typ":"at+jwt","alg":"none","alg":"ES256","kid":"first"}"#;
    assert_eq!(
        verifier
            .verify(&raw(header, &issuer), None)
            .await
            .unwrap_err(),
        E::Malformed("header")
    );
}

/// A token with this very header.
fn raw(header: &str, issuer: &TestIssuer) -> String {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let claims = URL_SAFE_NO_PAD.encode(issuer.claims().to_string());
    let message = format!("{}.{claims}", URL_SAFE_NO_PAD.encode(header));
    let signature =
        jsonwebtoken::crypto::sign(message.as_bytes(), &issuer.key.encoding, Algorithm::ES256);
    format!("{message}.{}", signature.unwrap())
}

#[tokio::test]
async fn every_wrong_signature_is_refused() {
    use TokenError as E;
    let issuer = issuer().await;
    let verifier = issuer.verifier();
    let good = issuer.token(json!({}));
    verifier.verify(&good, None).await.unwrap();

    let none = changed(issuer.key.header(), json!({"alg": "none"}));
    let unsigned = format!("{}.", encoded(&none, &issuer.claims()));
    assert_eq!(
        verifier.verify(&unsigned, None).await,
        Err(E::AlgorithmNotAllowed)
    );

    let (message, _) = good.rsplit_once('.').unwrap();
    let stripped = format!("{message}.");
    assert_eq!(verifier.verify(&stripped, None).await, Err(E::BadSignature));

    let impostor = SigningKey::new("first", Algorithm::ES256);
    let forged = impostor.sign(&impostor.header(), &issuer.claims());
    assert_eq!(verifier.verify(&forged, None).await, Err(E::BadSignature));

    let signature = good.rsplit_once('.').unwrap().1;
    let other_claims = encoded(
        &issuer.key.header(),
        &issuer.changed(json!({"sub": "admin"})),
    );
    let spliced = format!("{other_claims}.{signature}");
    assert_eq!(verifier.verify(&spliced, None).await, Err(E::BadSignature));

    // A key in the header is never looked at.
    let own = changed(
        impostor.header(),
        json!({"jwk": impostor.jwk, "kid": "first"}),
    );
    let self_vouched = impostor.sign(&own, &issuer.claims());
    assert_eq!(
        verifier.verify(&self_vouched, None).await,
        Err(E::BadSignature)
    );
}

#[tokio::test]
async fn hmac_with_the_public_key_is_refused() {
    let issuer = TestIssuer::start(Algorithm::RS256).await;
    let public = serde_json::to_vec(&issuer.key.jwk).unwrap();
    let modulus = issuer.key.jwk["n"].as_str().unwrap();
    for secret in [&public[..], modulus.as_bytes()] {
        let confused = SigningKey {
            algorithm: Algorithm::HS256,
            encoding: EncodingKey::from_secret(secret),
            jwk: issuer.key.jwk.clone(),
        };
        for alg in ["HS256", "RS256"] {
            let header = changed(confused.header(), json!({"alg": alg}));
            let token = confused.sign_as(Algorithm::HS256, &header, &issuer.claims());
            let refused = issuer.verify(&token).await.unwrap_err();
            let expected = match alg {
                "HS256" => TokenError::AlgorithmNotAllowed,
                _ => TokenError::BadSignature,
            };
            assert_eq!(refused, expected);
        }
    }
}

#[tokio::test]
async fn algorithms_are_pinned_to_the_key_and_the_configuration() {
    let issuer = TestIssuer::start(Algorithm::RS256).await;
    // The key says RS256: PS256 with it is refused, though both are allowed and it would verify.
    let header = changed(issuer.key.header(), json!({"alg": "PS256"}));
    let token = issuer
        .key
        .sign_as(Algorithm::PS256, &header, &issuer.claims());
    assert_eq!(
        issuer.verify(&token).await,
        Err(TokenError::AlgorithmNotAllowed)
    );
    // A key that says nothing may be used with either.
    issuer.publish_raw(vec![changed(issuer.key.jwk.clone(), json!({"alg": null}))]);
    issuer.verify(&token).await.unwrap();
    // Unless the configuration has only one.
    let mut config = issuer.config();
    config.algorithms = vec![SigningAlgorithm::RS256];
    let refused = issuer.verifier_of(config).verify(&token, None).await;
    assert_eq!(refused, Err(TokenError::AlgorithmNotAllowed));
}
