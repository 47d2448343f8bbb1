//! One key, one command, one opening.

use anyhow::Result;
use futures::future::try_join_all;
use harness::clients::open_request;
use proto::access::{OpenRequest, Operation, Outcome};
use tonic::Code;

use crate::support::Scene;
use crate::support::status::{Told, told};

#[tokio::test]
async fn the_same_key_again_gets_the_same_answer_and_opens_nothing() -> Result<()> {
    let scene = Scene::start().await?;
    let token = scene.token("anna").await?;
    let request = open_request("sunrise.main-door")?;
    let first = scene.bff.open(&token, request.clone()).await?;
    let before = scene.traces().await?;
    assert_eq!(before.openings, 1);
    // A retry may come with another deadline and another login.
    let again = OpenRequest {
        expires_at: open_request("sunrise.main-door")?.expires_at,
        ..request.clone()
    };
    assert_eq!(scene.bff.open(&token, again).await?, first);
    let fresh = scene.token("anna").await?;
    assert_eq!(scene.bff.open(&fresh, request.clone()).await?, first);
    assert_eq!(scene.traces().await?.openings, 1);

    // The same key of another person, in another complex, is another command.
    let boris = scene.token("boris").await?;
    let other = OpenRequest {
        idempotency_key: request.idempotency_key.clone(),
        ..open_request("moonlight.main-door")?
    };
    let other = scene.bff.open(&boris, other).await?;
    assert_eq!(other.outcome(), Outcome::Executed);
    assert_ne!(other.command_id, first.command_id);
    assert_eq!(scene.traces().await?.openings, 2);
    scene.finish().await
}

#[tokio::test]
async fn the_same_key_for_something_else_is_refused() -> Result<()> {
    let scene = Scene::start().await?;
    let token = scene.token("anna").await?;
    let request = open_request("sunrise.main-door")?;
    scene.bff.open(&token, request.clone()).await?;
    let before = scene.traces().await?;
    let reused = Told::new(Code::AlreadyExists, "KEY_REUSED", &[]);
    let elsewhere = OpenRequest {
        device_id: "sunrise.intercom".to_owned(),
        ..request.clone()
    };
    assert_eq!(
        told(scene.bff.open(&token, elsewhere).await),
        reused,
        "another device"
    );
    let otherwise = OpenRequest {
        operation: Operation::OpenBarrier.into(),
        ..request
    };
    assert_eq!(
        told(scene.bff.open(&token, otherwise).await),
        reused,
        "another operation"
    );
    let after = scene.traces().await?;
    assert_eq!(
        (after.commands, after.openings),
        (before.commands, before.openings)
    );

    // At the same time: whichever is decided first rules.
    let door = open_request("sunrise.main-door")?;
    let intercom = OpenRequest {
        device_id: "sunrise.intercom".to_owned(),
        ..door.clone()
    };
    let (one, other) = tokio::join!(
        scene.bff.open(&token, door),
        scene.bff.open(&token, intercom)
    );
    let mut tellings = [told(one), told(other)];
    tellings.sort_by_key(|told| told.reason.len());
    assert_eq!(tellings, [Told::new(Code::Ok, "", &[]), reused]);
    assert_eq!(scene.traces().await?.openings, before.openings + 1);
    scene.finish().await
}

#[tokio::test]
async fn fifty_at_once_open_once() -> Result<()> {
    let scene = Scene::start().await?;
    let token = scene.token("anna").await?;
    let request = open_request("sunrise.main-door")?;
    let all = (0..50).map(|_| scene.bff.open(&token, request.clone()));
    let answers = try_join_all(all).await?;
    assert_eq!(answers[0].outcome(), Outcome::Executed);
    for answer in &answers {
        assert_eq!(answer, &answers[0]);
    }
    let openings = scene.openings()?;
    assert_eq!(openings.len(), 1, "{openings:?}");
    scene.finish().await
}
