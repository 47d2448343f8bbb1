//! ID tokens.
#![allow(clippy::unwrap_used)]
use jsonwebtoken::Algorithm;
use serde_json::json;

use super::test_issuer::{TestIssuer, changed};
use super::*;

#[tokio::test]
async fn an_id_token_is_for_one_client_of_one_issuer_and_no_access_token() {
    use TokenError as E;
    let issuer = TestIssuer::start(Algorithm::ES256).await;
    let config = issuer.config();
    let ca_file = config.ca_file.as_deref();
    let verifier = IdTokenVerifier::new(&issuer.url, "console", ca_file).unwrap();
    let header = changed(issuer.key.header(), json!({"typ": "JWT"}));
    let claims = json!({"aud": "console", "nonce": "n1"});
    let good = issuer.changed(claims);
    let signed = |header: &_, changes| issuer.key.sign(header, &changed(good.clone(), changes));
    let read = verifier.verify(&signed(&header, json!({}))).await.unwrap();
    assert_eq!(
        (read.subject.expose(), read.nonce.as_deref()),
        ("user-4711", Some("n1"))
    );
    let untyped = changed(header.clone(), json!({"typ": null}));
    for (header, changes) in [
        (&untyped, json!({"azp": "console"})),
        (
            &header,
            json!({"aud": ["console", "other"], "azp": "console"}),
        ),
        (&header, json!({"aud": ["console"]})),
    ] {
        verifier.verify(&signed(header, changes)).await.unwrap();
    }
    let now = jiff::Timestamp::now().as_second();
    for (changes, expected) in [
        (json!({"aud": "other"}), E::WrongAudience),
        (json!({"aud": ["console", "other"]}), E::ClientNotAllowed),
        (json!({"azp": "other"}), E::ClientNotAllowed),
        (json!({"iss": "https://evil.example"}), E::WrongIssuer),
        (json!({"exp": now - 60}), E::Expired),
        (json!({"iat": now + 60}), E::NotYetValid),
        (json!({"sub": ""}), E::MissingClaim("sub")),
    ] {
        let error = verifier.verify(&signed(&header, changes.clone())).await;
        assert_eq!(error.unwrap_err(), expected, "{changes}");
    }
    let access = signed(&issuer.key.header(), json!({}));
    assert_eq!(verifier.verify(&access).await.unwrap_err(), E::WrongType);
    let none = changed(header, json!({"alg": "none"}));
    let none = verifier.verify(&signed(&none, json!({}))).await;
    assert_eq!(none.unwrap_err(), E::AlgorithmNotAllowed);
}
