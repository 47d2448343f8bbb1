//! Claims, binding and configuration.
#![allow(clippy::unwrap_used)]
use jiff::Timestamp;
use jsonwebtoken::Algorithm;
use serde_json::{Value, json};

use super::test_issuer::{TestIssuer, changed};
use super::*;
use crate::peer::Thumbprint;

async fn issuer() -> TestIssuer {
    TestIssuer::start(Algorithm::ES256).await
}

#[tokio::test]
async fn a_good_token_says_what_it_says() {
    for algorithm in [
        Algorithm::ES256,
        Algorithm::EdDSA,
        Algorithm::RS256,
        Algorithm::PS256,
    ] {
        let issuer = TestIssuer::start(algorithm).await;
        let claims = issuer.changed(json!({
            "aud": ["other", "smarthome"], "roles": ["auditor"], "complexes": ["sunrise", "x"],
            "auth_time": 1_700_000_000, "acr": "2", "realm_access": {"roles": ["ignored"]},
        }));
        let token = issuer.key.sign(&issuer.key.header(), &claims);
        let token = issuer.verify(&token).await.unwrap();
        assert_eq!(token.issuer.as_str(), issuer.url);
        assert_eq!(token.subject.expose(), "user-4711");
        assert_eq!(token.client_id.as_str(), "mobile-app");
        assert_eq!(Vec::from_iter(&token.scopes), ["doors", "openid"]);
        assert_eq!(Vec::from_iter(&token.roles), ["auditor"]);
        assert_eq!(token.complexes, ["sunrise", "x"]);
        assert_eq!(token.auth_time.unwrap().as_second(), 1_700_000_000);
        assert_eq!(token.acr.as_deref(), Some("2"));
        assert_eq!(
            token.expires_at.as_second(),
            claims["exp"].as_i64().unwrap()
        );
        assert_eq!(token.bound_to, None);
        assert!(!format!("{token:?}").contains("4711"), "no user id in logs");
    }
}

#[tokio::test]
async fn keycloaks_ways_are_understood() {
    let issuer = issuer().await;
    let keycloak = json!({
        "client_id": null, "azp": "auditor-console", "typ": "Bearer",
        "realm_access": {"roles": ["operator"]}, "exp": issuer.claims()["exp"].as_f64(),
    });
    let claims = issuer.changed(keycloak);
    let token = issuer.key.sign(&issuer.key.header(), &claims);
    let token = issuer.verify(&token).await.unwrap();
    assert_eq!(token.client_id.as_str(), "auditor-console");
    assert_eq!(Vec::from_iter(&token.roles), ["operator"]);

    let plain = changed(issuer.key.header(), json!({"typ": "JWT"}));
    let plain_token = issuer.key.sign(&plain, &claims);
    assert_eq!(
        issuer.verify(&plain_token).await.unwrap_err(),
        TokenError::WrongType
    );
    let mut config = issuer.config();
    config.accept_plain_jwt_typ = true;
    let lenient = issuer.verifier_of(config);
    lenient.verify(&plain_token, None).await.unwrap();
    for (header, claims) in [
        (json!({"typ": null}), json!({})),
        (json!({"typ": "logout+jwt"}), json!({})),
        (json!({"typ": "JWT"}), json!({"typ": "ID"})),
    ] {
        let header = changed(issuer.key.header(), header);
        let token = issuer.key.sign(&header, &issuer.changed(claims));
        let refused = lenient.verify(&token, None).await.unwrap_err();
        assert_eq!(refused, TokenError::WrongType, "{header}");
    }
}

#[tokio::test]
async fn every_wrong_claim_is_refused() {
    use TokenError as E;
    let issuer = issuer().await;
    let now = Timestamp::now().as_second();
    let cases = [
        (json!({"aud": "another-service"}), E::WrongAudience),
        (json!({"aud": ["smarthome2", "smart"]}), E::WrongAudience),
        (json!({"aud": []}), E::WrongAudience),
        (json!({"aud": null}), E::MissingClaim("aud")),
        (json!({"aud": 7}), E::MissingClaim("aud")),
        (json!({"iss": "https://evil.example"}), E::WrongIssuer),
        (json!({"iss": format!("{}/", issuer.url)}), E::WrongIssuer),
        (json!({"iss": null}), E::MissingClaim("iss")),
        (json!({"iss": [issuer.url]}), E::Malformed("claims")),
        (json!({"exp": now - 6}), E::Expired),
        (json!({"exp": 0}), E::Expired),
        (json!({"exp": null}), E::MissingClaim("exp")),
        (json!({"exp": "tomorrow"}), E::Malformed("claims")),
        (json!({"exp": 1e15}), E::Malformed("exp")),
        (json!({"exp": 1e300}), E::MissingClaim("exp")),
        (json!({"nbf": now + 60}), E::NotYetValid),
        (json!({"nbf": "now"}), E::Malformed("nbf")),
        (json!({"iat": now + 60}), E::NotYetValid),
        (json!({"iat": null}), E::MissingClaim("iat")),
        (json!({"sub": null}), E::MissingClaim("sub")),
        (json!({"sub": ""}), E::MissingClaim("sub")),
        (json!({"sub": 4711}), E::Malformed("claims")),
        (json!({"client_id": "another-app"}), E::ClientNotAllowed),
        (json!({"client_id": null}), E::ClientNotAllowed),
        (json!({"azp": "another-app"}), E::ClientNotAllowed),
        (json!({"azp": "auditor-console"}), E::ClientNotAllowed),
        (json!({"scope": null}), E::MissingScope),
        (json!({"scope": "doors:read indoors"}), E::MissingScope),
        (json!({"scope": ["doors"]}), E::Malformed("claims")),
        (json!({"roles": "auditor"}), E::Malformed("claims")),
        (json!({"complexes": "sunrise"}), E::Malformed("claims")),
        (json!({"auth_time": "now"}), E::Malformed("claims")),
    ];
    let verifier = issuer.verifier();
    for (change, expected) in cases {
        let token = issuer.token(change.clone());
        let refused = verifier.verify(&token, None).await.unwrap_err();
        assert_eq!(refused, expected, "{change}");
        assert!(!refused.is_unavailable());
    }
    for change in [
        json!({"exp": now - 3, "iat": now - 300}),
        json!({"nbf": now + 3, "iat": now + 3}),
        json!({"azp": "mobile-app"}),
    ] {
        let token = issuer.token(change.clone());
        verifier
            .verify(&token, None)
            .await
            .unwrap_or_else(|error| panic!("{change}: {error}"));
    }
}

#[tokio::test]
async fn garbage_is_malformed() {
    let issuer = issuer().await;
    let good = issuer.token(json!({}));
    let cut = &good[..good.find('.').unwrap()];
    for garbage in [
        "",
        ".",
        "..",
        "...",
        "a.b.c",
        cut,
        &format!("{good}.x"),
        &format!("x{good}"),
        "é.é.é",
        &"a".repeat(20_000),
        "e30.e30.e30",
        &good.replace('.', ":"),
    ] {
        let refused = issuer.verify(garbage).await.unwrap_err();
        assert!(
            matches!(refused, TokenError::Malformed(_)),
            "{garbage:.40}: {refused}"
        );
    }
    assert_eq!(issuer.key_fetches(), 0, "nothing was worth a call");
}

#[tokio::test]
async fn a_bound_token_is_taken_from_its_holder_only() {
    let issuer = issuer().await;
    let verifier = issuer.verifier();
    let (holder, other) = (Thumbprint([1; 32]), Thumbprint([2; 32]));
    let bound = |cnf: Value| issuer.token(json!({"cnf": cnf}));
    let token = bound(json!({"x5t#S256": holder.to_string()}));
    let taken = verifier.verify(&token, Some(&holder)).await.unwrap();
    assert_eq!(taken.bound_to, Some(holder));
    let refused = Err(TokenError::NotTheHolder);
    assert_eq!(verifier.verify(&token, Some(&other)).await, refused);
    assert_eq!(verifier.verify(&token, None).await, refused);
    for cnf in [
        json!({}),
        json!({"jkt": "abc"}),
        json!({"x5t#S256": "short"}),
        json!({"x5t#S256": 1}),
        json!({"x5t#S256": holder.to_string(), "jkt": "abc"}),
    ] {
        assert_eq!(verifier.verify(&bound(cnf), Some(&holder)).await, refused);
    }
    assert_eq!(
        verifier.verify(&bound(json!("text")), Some(&holder)).await,
        Err(TokenError::Malformed("claims"))
    );
    // A token for anybody is taken from anybody.
    verifier
        .verify(&issuer.token(json!({})), Some(&other))
        .await
        .unwrap();
}

#[test]
fn the_authorization_header_is_read_as_rfc_6750_has_it() {
    for good in ["Bearer abc", "bearer abc", "BEARER  abc"] {
        assert_eq!(bearer(good), Ok("abc"), "{good}");
    }
    for wrong in [
        "",
        "abc",
        "Bearer",
        "Bearer ",
        "Basic abc",
        "Bearer a b",
        "DPoP abc",
    ] {
        assert_eq!(bearer(wrong), Err(TokenError::Missing), "{wrong}");
    }
}

#[test]
fn a_configuration_that_takes_nobody_or_anybody_is_refused() {
    let good = json!({
        "issuer": "https://id.example/realms/home", "audience": "a", "allowed_clients": ["c"],
    });
    let checked = |change: Value| {
        let config: Result<IssuerConfig, _> = serde_json::from_value(changed(good.clone(), change));
        config
            .map_err(|error| error.to_string())?
            .validate()
            .map_err(|error| error.to_string())
    };
    checked(json!({})).unwrap();
    checked(json!({"issuer": "http://localhost:1", "insecure": true})).unwrap();
    for (change, key) in [
        (json!({"issuer": "http://id.example"}), "insecure = true"),
        (json!({"issuer": "id.example"}), "`issuer`"),
        (json!({"issuer": "https://id.example?x=1"}), "`issuer`"),
        (
            json!({"issuer": "ftp://id.example", "insecure": true}),
            "`issuer`",
        ),
        (json!({"jwks_uri": "http://id.example/jwks"}), "`jwks_uri`"),
        (json!({"audience": ""}), "`audience`"),
        (json!({"allowed_clients": []}), "`allowed_clients`"),
        (json!({"algorithms": []}), "`algorithms`"),
        (json!({"algorithms": ["HS256"]}), "HS256"),
        (json!({"algorithms": ["none"]}), "none"),
        (json!({"max_key_age": "15s"}), "`max_key_age`"),
        (json!({"audiance": "a"}), "audiance"),
    ] {
        let text = checked(change.clone()).unwrap_err();
        assert!(text.contains(key), "{change}: {text}");
    }
}
