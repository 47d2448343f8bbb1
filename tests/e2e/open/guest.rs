//! Opening with a guest pass.

use anyhow::{Context as _, Result};
use harness::clients::open_request;
use harness::process::wait_for;
use privacy::PassSecret;
use proto::access::Outcome;
use proto::events as pb;
use tonic::Code;

use crate::support::status::{Told, told};
use crate::support::{PATIENCE, Scene, audit};

#[tokio::test]
async fn a_pass_opens_what_and_when_it_says() -> Result<()> {
    let scene = Scene::start().await?;
    let (guest, early) = (&scene.registered.guest, &scene.registered.early_guest);
    let request = open_request("sunrise.main-door")?;
    let answer = scene.bff.open_with_pass(guest, request.clone()).await?;
    assert_eq!(answer.outcome(), Outcome::Executed);
    assert_eq!(
        scene.bff.open_with_pass(guest, request).await?,
        answer,
        "the same key again"
    );
    assert_eq!(scene.openings()?.len(), 1);

    let own = wait_for(PATIENCE, "the outcome to be read back", || async {
        let own = scene.bff.command_with_pass(guest, &answer.command_id);
        own.await.ok().filter(|own| own.completed_at.is_some())
    })
    .await?;
    assert_eq!(own.outcome(), Outcome::Executed);
    assert_eq!(own.completed_at, answer.completed_at);
    let nothing = Told::new(Code::NotFound, "NOT_FOUND", &[]);
    let others = scene.bff.command_with_pass(early, &answer.command_id);
    assert_eq!(told(others.await), nothing, "another guest's command");
    let owners = scene.token("anna").await?;
    let owners = scene.bff.command(&owners, &answer.command_id);
    assert_eq!(told(owners.await), nothing, "her guest's, not hers");

    let denied = |reason| Told::new(Code::PermissionDenied, reason, &[]);
    let refused = scene
        .bff
        .open_with_pass(early, open_request("sunrise.main-door")?)
        .await;
    assert_eq!(told(refused), denied("OUTSIDE_WINDOW"));
    let refused = scene
        .bff
        .open_with_pass(guest, open_request("sunrise.intercom")?)
        .await;
    assert_eq!(
        told(refused),
        denied("NO_GRANT"),
        "a device of the same complex"
    );
    assert_eq!(scene.openings()?.len(), 1);

    let auditor = scene.auditor().await?;
    let record = audit::find(&auditor, "sunrise", "the guest's opening", |record| {
        record.command_id == answer.command_id && record.outcome() == pb::Outcome::Executed
    })
    .await?;
    let actor = record.actor.clone().context("an actor")?;
    assert_eq!(actor.kind(), pb::ActorKind::Guest);
    assert!(!actor.subject_ref.is_empty(), "the pass");
    assert_eq!(record.user_id, "", "a guest has no user id");
    audit::verify(scene.site(), &audit::get(&auditor, &record).await?)?;
    for reason in [pb::Reason::OutsideWindow, pb::Reason::NoGrant] {
        let record = audit::find(&auditor, "sunrise", "the guest's denial", |record| {
            record.reason() == reason && record.verdict() == pb::Verdict::Deny
        })
        .await?;
        let actor = record.actor.context("an actor")?;
        assert_eq!(actor.kind(), pb::ActorKind::Guest);
    }
    scene.finish().await
}

#[tokio::test]
async fn a_guessed_secret_is_nobody() -> Result<()> {
    let scene = Scene::start().await?;
    let before = scene.traces().await?;
    let guessed = PassSecret::generate()?;
    let refused = scene
        .bff
        .open_with_pass(&guessed, open_request("sunrise.main-door")?)
        .await;
    assert_eq!(
        told(refused),
        Told::new(Code::Unauthenticated, "PASS_UNKNOWN", &[])
    );
    // A pass is good in its own complex only.
    let guest = &scene.registered.guest;
    let refused = scene
        .bff
        .open_with_pass(guest, open_request("moonlight.main-door")?)
        .await;
    assert_eq!(
        told(refused),
        Told::new(Code::Unauthenticated, "PASS_UNKNOWN", &[])
    );
    assert_eq!(scene.traces().await?, before);
    scene.finish().await
}
