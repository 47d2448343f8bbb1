//! Keys that change, and servers that go away.

use std::cell::Cell;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use authn::token::{AccessTokenVerifier, TokenError};
use harness::engines::apps::RESIDENT;
use harness::engines::relay::Relay;
use harness::process::{Port, free_port, wait_for, wait_until};
use serde_json::{Value, json};

use super::app::Client;
use super::server::{Server, trust, verifier};
use crate::support::PATIENCE;
use crate::support::tokens::Parts;

const SCOPE: &str = "openid access";
/// How long keys are trusted where a test waits for their end.
const KEY_AGE: Duration = Duration::from_secs(3);

pub(crate) async fn after_a_rotation_one_fetch_brings_the_new_key<S: Server>(
    mut server: S,
) -> Result<()> {
    let mut client = Client::new(&server, RESIDENT).await?;
    let old = client.log_in(SCOPE).await?.access_token;
    let (front, back, mut trust) = relayed(&client, trust(&server))?;
    let relay = Relay::open(front.address(), back).await?;
    trust["refetch_interval"] = json!("100ms");
    let verifier = verifier(trust)?;
    verifier.verify(&old, None).await?;

    server.rotate().await?;
    let new = client.log_in(SCOPE).await?.access_token;
    assert!(Parts::of(&new)?.header["kid"] != Parts::of(&old)?.header["kid"]);
    wait_until(PATIENCE, "the new key", || async {
        verifier.verify(&new, None).await.is_ok()
    })
    .await?;
    // From here on nothing can be fetched: both keys are known.
    drop(relay);
    verifier.verify(&new, None).await?;
    verifier.verify(&old, None).await?;
    Ok(())
}

pub(crate) async fn a_withdrawn_key_ends_in_time<S: Server>(mut server: S) -> Result<()> {
    let mut client = Client::new(&server, RESIDENT).await?;
    let token = client.log_in(SCOPE).await?.access_token;
    let mut trust = trust(&server);
    trust["max_key_age"] = json!("3s");
    trust["refetch_interval"] = json!("100ms");
    let verifier = verifier(trust)?;
    verifier.verify(&token, None).await?;

    server.rotate().await?;
    server.withdraw().await?;
    let withdrawn = Instant::now();
    let (refused, last) = until_refused(&verifier, &token).await?;
    assert_eq!(refused, TokenError::UnknownKey);
    assert!(last.is_none_or(|at| at <= withdrawn + KEY_AGE));
    Ok(())
}

pub(crate) async fn without_the_server_its_keys_go_on_to_their_limit<S: Server>(
    server: S,
) -> Result<()> {
    let mut client = Client::new(&server, RESIDENT).await?;
    let token = client.log_in(SCOPE).await?.access_token;
    let (front, back, mut trust) = relayed(&client, trust(&server))?;
    let relay = Relay::open(front.address(), back).await?;
    trust["max_key_age"] = json!("3s");
    trust["refetch_interval"] = json!("100ms");
    let verifier = verifier(trust)?;

    // The keys' age counts from some moment between these two.
    let before = Instant::now();
    verifier.refresh().await?;
    let after = Instant::now();
    drop(relay);
    let (refused, last) = until_refused(&verifier, &token).await?;
    assert_eq!(refused, TokenError::KeysUnavailable);
    assert!(Instant::now() >= before + KEY_AGE, "it ended too early");
    assert!(last.context("it never went on")? <= after + KEY_AGE);

    let _relay = Relay::open(front.address(), back).await?;
    wait_until(PATIENCE, "the server to be asked again", || async {
        verifier.verify(&token, None).await.is_ok()
    })
    .await
}

/// Where a relay to the server is to stand, and the service's configuration with the keys behind it.
fn relayed(client: &Client, mut trust: Value) -> Result<(Port, SocketAddr, Value)> {
    let front = free_port()?;
    let mut keys = client.keys().clone();
    let back = keys.port().context("a port")?;
    ensure!(keys.set_port(Some(front.number())).is_ok(), "{keys}");
    trust["jwks_uri"] = json!(keys);
    Ok((front, (Ipv4Addr::LOCALHOST, back).into(), trust))
}

/// The first refusal of a token, and when the last check began that took it.
async fn until_refused(
    verifier: &AccessTokenVerifier,
    token: &str,
) -> Result<(TokenError, Option<Instant>)> {
    let taken = Cell::new(None);
    let refused = wait_for(PATIENCE, "a refusal", || async {
        let begun = Instant::now();
        let checked = verifier.verify(token, None).await;
        if checked.is_ok() {
            taken.set(Some(begun));
        }
        checked.err()
    });
    Ok((refused.await?, taken.get()))
}
