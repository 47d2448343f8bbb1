//! Access tokens: missing, expired, forged, of others.

use anyhow::Result;
use aws_lc_rs::signature::EcdsaKeyPair;
use harness::clients::{Auditor, log_in, open_request};
use jiff::Timestamp;
use proto::access::{OpenRequest, SearchAccessRequest};
use serde_json::{Value, json};
use tonic::{Code, Request};

use crate::support::Scene;
use crate::support::status::{Told, told};
use crate::support::tokens::{Parts, forgers_key, issuers_key};

/// What is wrong with the token, the token, the reason that is given.
type Case = (&'static str, String, &'static str);

#[tokio::test]
async fn no_token_but_the_issuers_own_and_current_one_is_taken() -> Result<()> {
    let scene = Scene::start().await?;
    let tokens = log_in(scene.site(), "anna").await?;
    let good = &tokens.access_token;
    let (issuer, forger) = (issuers_key(scene.site())?, forgers_key()?);
    let parts = Parts::of(good)?;
    // The test's own signing is right: else every refusal below would prove nothing.
    let own = scene
        .bff
        .open(&parts.sign(&issuer)?, open_request("sunrise.main-door")?)
        .await;
    assert_eq!(told(own).code, Code::Ok);

    let mut cases = forged(&parts, good, &forger, &issuer)?;
    cases.extend(misissued(&parts, &issuer)?);
    if let Some(id_token) = tokens.id_token {
        cases.push(("an ID token", id_token, "TOKEN_WRONG_TYPE"));
    }
    if let Some(refresh) = tokens.refresh_token {
        cases.push(("a refresh token", refresh, "TOKEN_MALFORMED"));
    }

    let before = scene.traces().await?;
    let auditor = Auditor::connect(scene.site(), "auditor").await?;
    for (name, token, reason) in &cases {
        let expected = Told::new(Code::Unauthenticated, reason, &[]);
        let refused = scene
            .bff
            .open(token, open_request("sunrise.main-door")?)
            .await;
        if let Err(status) = &refused {
            let text = status.message();
            assert!(
                !text.contains("anna") && !text.contains(token.as_str()),
                "{name}: {text}"
            );
        }
        assert_eq!(told(refused), expected, "{name}, opening");
        let search = SearchAccessRequest {
            complex_id: "sunrise".to_owned(),
            ..SearchAccessRequest::default()
        };
        let search = harness::clients::with_token(search, token)?;
        let refused = auditor.audit.clone().search_access(search).await;
        assert_eq!(told(refused), expected, "{name}, reading");
    }
    assert_eq!(scene.traces().await?, before);
    scene.finish().await
}

/// Nobody at the issuer signed these.
fn forged(
    parts: &Parts,
    good: &str,
    forger: &EcdsaKeyPair,
    issuer: &EcdsaKeyPair,
) -> Result<Vec<Case>> {
    let vera = parts.clone().claim("sub", json!("user-2b6d-vera"));
    let (cut, _) = good.rsplit_once('.').unwrap_or_default();
    let none = parts.clone().header("alg", json!("none"));
    Ok(vec![
        ("garbage", "garbage".to_owned(), "TOKEN_MALFORMED"),
        (
            "three parts of garbage",
            "a.b.c".to_owned(),
            "TOKEN_MALFORMED",
        ),
        ("no signature", cut.to_owned(), "TOKEN_MALFORMED"),
        (
            "another's claims under a good signature",
            vera.signed_as(good),
            "TOKEN_BAD_SIGNATURE",
        ),
        ("alg none", none.unsigned(), "TOKEN_ALGORITHM_NOT_ALLOWED"),
        (
            "alg none with a signature",
            none.signed_as(good),
            "TOKEN_ALGORITHM_NOT_ALLOWED",
        ),
        (
            "alg None",
            parts.clone().header("alg", json!("None")).unsigned(),
            "TOKEN_ALGORITHM_NOT_ALLOWED",
        ),
        (
            "the public key as a shared secret",
            parts
                .clone()
                .header("alg", json!("HS256"))
                .sign_with_public_key(issuer),
            "TOKEN_ALGORITHM_NOT_ALLOWED",
        ),
        (
            "another issuer's key under this one's name",
            parts.sign(forger)?,
            "TOKEN_BAD_SIGNATURE",
        ),
        (
            "another issuer's key",
            parts
                .clone()
                .header("kid", json!("elsewhere"))
                .sign(forger)?,
            "TOKEN_UNKNOWN_KEY",
        ),
        (
            "no key id",
            parts.clone().header("kid", Value::Null).sign(issuer)?,
            "TOKEN_MALFORMED",
        ),
        (
            "an unknown extension",
            parts.clone().header("crit", json!(["b64"])).sign(issuer)?,
            "TOKEN_CRITICAL_HEADER",
        ),
        (
            "a key of its own in the header",
            parts
                .clone()
                .header("jwk", json!({"kty": "EC"}))
                .sign(forger)?,
            "TOKEN_BAD_SIGNATURE",
        ),
    ])
}

/// The issuer signed these, for something else or another time.
fn misissued(parts: &Parts, issuer: &EcdsaKeyPair) -> Result<Vec<Case>> {
    let now = Timestamp::now().as_second();
    let claims: [(&str, &str, Value, &str); 13] = [
        ("expired", "exp", json!(now - 6), "TOKEN_EXPIRED"),
        ("no expiry", "exp", Value::Null, "TOKEN_MISSING_CLAIM"),
        (
            "not valid yet",
            "nbf",
            json!(now + 60),
            "TOKEN_NOT_YET_VALID",
        ),
        (
            "issued in the future",
            "iat",
            json!(now + 60),
            "TOKEN_NOT_YET_VALID",
        ),
        (
            "another audience",
            "aud",
            json!("billing"),
            "TOKEN_WRONG_AUDIENCE",
        ),
        (
            "other audiences",
            "aud",
            json!(["billing", "smart"]),
            "TOKEN_WRONG_AUDIENCE",
        ),
        ("no audience", "aud", Value::Null, "TOKEN_MISSING_CLAIM"),
        (
            "another issuer",
            "iss",
            json!("https://localhost:1"),
            "TOKEN_WRONG_ISSUER",
        ),
        ("no issuer", "iss", Value::Null, "TOKEN_MISSING_CLAIM"),
        ("nobody", "sub", Value::Null, "TOKEN_MISSING_CLAIM"),
        (
            "another client",
            "client_id",
            json!("billing-app"),
            "TOKEN_CLIENT_NOT_ALLOWED",
        ),
        (
            "no client",
            "client_id",
            Value::Null,
            "TOKEN_CLIENT_NOT_ALLOWED",
        ),
        (
            "bound to another's certificate",
            "cnf",
            json!({"x5t#S256": "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2"}),
            "TOKEN_NOT_THE_HOLDER",
        ),
    ];
    let mut cases = Vec::new();
    for (name, claim, value, reason) in claims {
        cases.push((
            name,
            parts.clone().claim(claim, value).sign(issuer)?,
            reason,
        ));
    }
    for (name, typ) in [
        ("an ID token by type", json!("JWT")),
        ("no type", Value::Null),
    ] {
        let token = parts.clone().header("typ", typ).sign(issuer)?;
        cases.push((name, token, "TOKEN_WRONG_TYPE"));
    }
    Ok(cases)
}

#[tokio::test]
async fn a_request_has_one_bearer_token() -> Result<()> {
    let scene = Scene::start().await?;
    let good = scene.token("anna").await?;
    let before = scene.traces().await?;
    let missing = Told::new(Code::Unauthenticated, "TOKEN_MISSING", &[]);
    let headers: [&[String]; 6] = [
        &[],
        &[String::new()],
        &["Bearer".to_owned()],
        &["Bearer ".to_owned()],
        &[format!("Basic {good}")],
        &[format!("Bearer {good}"), format!("Bearer {good}")],
    ];
    for values in headers {
        let mut request: Request<OpenRequest> = Request::new(open_request("sunrise.main-door")?);
        for value in values {
            request
                .metadata_mut()
                .append("authorization", value.parse()?);
        }
        let refused = scene.bff.access.clone().open(request).await;
        assert_eq!(told(refused), missing, "{} values", values.len());
    }
    assert_eq!(scene.traces().await?, before);
    scene.finish().await
}
