//! Which tokens of a server are taken, and which are not.

use anyhow::{Context as _, Result};
use authn::token::TokenError;
use harness::engines::apps::{BILLING, KIOSK, RESIDENT};
use harness::process::wait_until;
use serde_json::{Value, json};

use super::app::Client;
use super::server::{Server, trust, verifier};
use crate::support::PATIENCE;
use crate::support::tokens::{Parts, forgers_key};

pub(crate) async fn what_is_meant_for_others_is_refused<S: Server>(server: S) -> Result<()> {
    let verifier = verifier(trust(&server))?;
    let mut client = Client::new(&server, RESIDENT).await?;
    for (app, scope, expected) in [
        (RESIDENT, "openid access", None),
        (RESIDENT, "openid", Some(TokenError::MissingScope)),
        (KIOSK, "openid access", Some(TokenError::ClientNotAllowed)),
        (BILLING, "openid access", Some(TokenError::WrongAudience)),
    ] {
        client.switch(app);
        let tokens = client.log_in(scope).await?;
        let refused = verifier.verify(&tokens.access_token, None).await.err();
        assert_eq!(refused, expected, "{app:?}, {scope}");
    }
    Ok(())
}

pub(crate) async fn no_other_kind_of_token_is_an_access_token<S: Server>(server: S) -> Result<()> {
    let strict = trust(&server);
    let mut client = Client::new(&server, RESIDENT).await?;
    let tokens = client.log_in("openid access").await?;
    let id_token = tokens.id_token.context("an ID token")?;
    let refresh_token = tokens.refresh_token.context("a refresh token")?;

    // For servers that can't say what a token is, and a service that is named as the app is.
    let mut lax = strict.clone();
    lax["accept_plain_jwt_typ"] = json!(true);
    lax["audience"] = json!(RESIDENT.client_id);
    lax["required_scope"] = Value::Null;
    for (what, trust, token, expected) in [
        ("ID token", &strict, &id_token, TokenError::WrongType),
        ("ID token, lax", &lax, &id_token, S::ID_TOKEN),
        ("refresh token", &strict, &refresh_token, S::REFRESH_TOKEN),
        ("refresh token, lax", &lax, &refresh_token, S::REFRESH_TOKEN),
    ] {
        let refused = verifier(trust.clone())?.verify(token, None).await.err();
        assert_eq!(refused, Some(expected), "{what}");
    }
    Ok(())
}

pub(crate) async fn an_altered_token_is_refused<S: Server>(server: S) -> Result<()> {
    let verifier = verifier(trust(&server))?;
    let mut client = Client::new(&server, RESIDENT).await?;
    let good = client.log_in("openid access").await?.access_token;
    verifier.verify(&good, None).await?;

    let parts = Parts::of(&good)?;
    let (message, signature) = good.rsplit_once('.').context("a signature")?;
    let first = if signature.starts_with('A') { "B" } else { "A" };
    let altered = format!("{message}.{first}{}", &signature[1..]);
    let another = parts.clone().claim("sub", json!("another"));
    let unsigned = parts.clone().header("alg", json!("none"));
    for (what, token, expected) in [
        ("another signature", altered, TokenError::BadSignature),
        (
            "another's claims",
            another.signed_as(&good),
            TokenError::BadSignature,
        ),
        (
            "a forger's key under the server's name",
            parts.sign(&forgers_key()?)?,
            TokenError::BadSignature,
        ),
        (
            "no signature",
            unsigned.unsigned(),
            TokenError::AlgorithmNotAllowed,
        ),
    ] {
        let refused = verifier.verify(&token, None).await.err();
        assert_eq!(refused, Some(expected), "{what}");
    }
    Ok(())
}

pub(crate) async fn a_token_ends_when_its_server_said<S: Server>(server: S) -> Result<()> {
    let verifier = verifier(trust(&server))?;
    verifier.refresh().await?;
    let mut client = Client::new(&server, RESIDENT).await?;
    let tokens = client.log_in("openid access").await?;
    verifier.verify(&tokens.access_token, None).await?;
    // Nothing but time passes; a different refusal would never become this one.
    wait_until(PATIENCE, "the token to expire", || async {
        let checked = verifier.verify(&tokens.access_token, None).await;
        checked == Err(TokenError::Expired)
    })
    .await?;

    let refresh_token = tokens.refresh_token.context("a refresh token")?;
    let next = client.refresh(&refresh_token).await?;
    let next = next.map_err(anyhow::Error::msg)?;
    verifier.verify(&next.access_token, None).await?;
    Ok(())
}
