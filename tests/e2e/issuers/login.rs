//! What a login gives, and what it refuses.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use authn::token::TokenError;
use harness::engines::apps::RESIDENT;
use jiff::{SignedDuration, Timestamp};

use super::TTL;
use super::app::Client;
use super::server::{Server, Unheard, trust, verifier};

const SCOPE: &str = "openid access";

pub(crate) async fn a_login_gives_a_token_that_says_who_and_how<S: Server>(
    server: S,
) -> Result<()> {
    let before = Timestamp::from_second(Timestamp::now().as_second())?;
    let mut client = Client::new(&server, RESIDENT).await?;
    let tokens = client.log_in(SCOPE).await?;
    let token = verifier(trust(&server))?
        .verify(&tokens.access_token, None)
        .await?;
    let after = Timestamp::now();

    assert_eq!(token.issuer.as_str(), server.issuer());
    assert_eq!(token.subject.expose(), server.subject());
    assert_eq!(token.client_id.as_str(), RESIDENT.client_id);
    // Not every server counts `openid` among what an access token is for.
    let mut scopes = token.scopes;
    scopes.remove("openid");
    assert_eq!(scopes, BTreeSet::from(["access".to_owned()]));
    let auth_time = token.auth_time.context("auth_time")?;
    assert!((before..=after).contains(&auth_time), "{auth_time}");
    assert_eq!(token.acr.as_deref(), Some("1"));
    let ttl = SignedDuration::try_from(TTL)?;
    assert!((before + ttl..=after + ttl).contains(&token.expires_at));
    assert_eq!(token.bound_to, None);
    Ok(())
}

pub(crate) async fn a_refresh_token_works_once_and_its_reuse_ends_the_login<S: Server>(
    server: S,
) -> Result<()> {
    let verifier = verifier(trust(&server))?;
    let mut client = Client::new(&server, RESIDENT).await?;
    let first = client.log_in(SCOPE).await?;
    let logged_in = verifier.verify(&first.access_token, None).await?;
    let old = first.refresh_token.context("a refresh token")?;

    let second = client.refresh(&old).await?.map_err(anyhow::Error::msg)?;
    let refreshed = verifier.verify(&second.access_token, None).await?;
    assert_eq!(refreshed.subject, logged_in.subject);
    assert_eq!(refreshed.scopes, logged_in.scopes);
    // Else a stolen device would open what asks for a fresh login.
    assert_eq!(refreshed.auth_time, logged_in.auth_time);
    let new = second.refresh_token.context("the next refresh token")?;
    assert!(new != old);

    for spent in [&old, &new] {
        let refused = client.refresh(spent).await?.err();
        assert_eq!(refused.as_deref(), Some("invalid_grant"));
    }
    Ok(())
}

pub(crate) async fn a_code_is_for_whoever_asked_for_it<S: Server>(server: S) -> Result<()> {
    let mut client = Client::new(&server, RESIDENT).await?;
    let changes: [&[(&str, Option<&str>)]; 2] = [
        &[("code_challenge", None), ("code_challenge_method", None)],
        &[("code_challenge_method", Some("plain"))],
    ];
    for change in changes {
        let refused = client.authorize(SCOPE, change).await?.code.err();
        assert_eq!(refused.as_deref(), Some("invalid_request"), "{change:?}");
    }
    let another = client.authorize(SCOPE, &[]).await?.verifier;
    for verifier in [None, Some(another.as_str())] {
        let answer = client.authorize(SCOPE, &[]).await?;
        let code = answer.code.map_err(anyhow::Error::msg)?;
        let refused = client.exchange(&code, verifier).await?.err();
        let refused = refused.context("it gave tokens")?;
        let known = ["invalid_grant", "invalid_request"];
        assert!(known.contains(&refused.as_str()), "{refused}");
    }
    Ok(())
}

pub(crate) async fn an_unknown_scope_opens_nothing<S: Server>(server: S) -> Result<()> {
    let mut client = Client::new(&server, RESIDENT).await?;
    // A slip of the pen.
    let answer = client.authorize("openid acess", &[]).await?;
    match S::UNHEARD {
        Unheard::Refused => assert_eq!(answer.code.err().as_deref(), Some("invalid_scope")),
        Unheard::LeftOut => {
            let tokens = client.finish(answer).await?;
            let verifier = verifier(trust(&server))?;
            let refused = verifier.verify(&tokens.access_token, None).await;
            assert_eq!(refused, Err(TokenError::MissingScope));
        }
    }
    Ok(())
}
