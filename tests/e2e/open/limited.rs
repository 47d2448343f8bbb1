//! Passes for so many openings: exact, whatever comes at once, fails or crashes.

use anyhow::{Context as _, Result};
use domain::event::Body;
use eventlog::Topic;
use futures::future::join_all;
use harness::clients::{Bff, open_request};
use harness::process::{wait_for, wait_until};
use harness::site::Part;
use jiff::{SignedDuration, Timestamp};
use privacy::PassSecret;
use proto::access::{OpenRequest, OpenResponse, Outcome};
use records::timestamp_to_wire;
use tonic::{Code, Status};

use crate::support::status::{Told, told};
use crate::support::{PATIENCE, Scene, registry};
use crate::twins::replay;

const DOOR: &str = "sunrise.main-door";

async fn press(scene: &Scene, pass: &PassSecret) -> Result<Result<OpenResponse, Status>> {
    Ok(scene.bff.open_with_pass(pass, open_request(DOOR)?).await)
}

fn exhausted() -> Told {
    Told::new(Code::PermissionDenied, "USES_EXHAUSTED", &[])
}

/// How many uses were asked for, and given back.
async fn uses(scene: &Scene) -> Result<(usize, usize)> {
    let events = scene.log.events(Topic::RegistryEvents).await?;
    let count = |wanted: fn(&Body) -> bool| {
        let bodies = events.iter().map(|(_, event)| &event.body);
        bodies.filter(|body| wanted(body)).count()
    };
    Ok((
        count(|body| matches!(body, Body::PassUseConsumed(_))),
        count(|body| matches!(body, Body::PassUseReturned(_))),
    ))
}

#[tokio::test]
async fn one_use_pressed_twenty_times_at_once_opens_once() -> Result<()> {
    let mut scene = Scene::start().await?;
    scene.site_mut().start_part(Part::CommandSvcTwin).await?;
    let twin = Bff::connect_twin(scene.site()).await?;
    let pass = registry::pass(&scene, 1).await?;
    // The other instance has to have read of the pass.
    wait_until(PATIENCE, "the pass at the other instance", || async {
        let intercom = open_request("sunrise.intercom").unwrap();
        told(twin.open_with_pass(&pass, intercom).await).reason == "NO_GRANT"
    })
    .await?;
    let bffs = [&scene.bff, &twin];
    let requests = (0..20).map(|_| open_request(DOOR));
    let requests = requests.collect::<Result<Vec<_>>>()?;
    let presses = requests.into_iter().zip(bffs.iter().cycle());
    let presses = presses.map(|(request, bff)| bff.open_with_pass(&pass, request));
    let mut opened = 0;
    for press in join_all(presses).await {
        match press {
            Ok(answer) if answer.outcome() == Outcome::Executed => opened += 1,
            Ok(answer) => {
                assert_eq!(answer.outcome(), Outcome::NotExecuted, "{answer:?}");
                assert_eq!(answer.reason, "USES_EXHAUSTED");
            }
            Err(status) => assert_eq!(Told::from(&status), exhausted()),
        }
    }
    assert_eq!(opened, 1);
    assert_eq!(scene.openings()?.len(), 1);
    assert_eq!(told(press(&scene, &pass).await?), exhausted());

    // What was used stays used where nothing is remembered but the log.
    scene.site_mut().kill9(Part::CommandSvc)?;
    scene.site_mut().start_part(Part::CommandSvc).await?;
    let refused = wait_for(PATIENCE, "an answer", || async {
        let told = told(press(&scene, &pass).await.ok()?);
        (told.code != Code::Unavailable).then_some(told)
    })
    .await?;
    assert_eq!(refused, exhausted());
    assert_eq!(scene.openings()?.len(), 1);
    let (_, returned) = uses(&scene).await?;
    assert_eq!(returned, 0, "who has no use gives none back");
    assert!(replay::every_decision(&scene).await? >= 20);
    scene.finish().await
}

#[tokio::test]
async fn a_use_that_opened_nothing_comes_back() -> Result<()> {
    let scene = Scene::start().await?;
    let pass = registry::pass(&scene, 2).await?;
    for (mode, outcome) in [
        ("reject", Outcome::Rejected),
        ("offline", Outcome::NotExecuted),
        ("reject", Outcome::Rejected),
    ] {
        scene.partner.fail(DOOR, mode, 1).await?;
        let answer = press(&scene, &pass).await??;
        assert_eq!(answer.outcome(), outcome, "{answer:?}");
    }
    assert_eq!(uses(&scene).await?, (3, 3));
    for _ in 0..2 {
        let answer = press(&scene, &pass).await??;
        assert_eq!(answer.outcome(), Outcome::Executed);
    }
    assert_eq!(told(press(&scene, &pass).await?), exhausted());
    assert_eq!(scene.openings()?.len(), 2);
    assert_eq!(uses(&scene).await?, (5, 3));
    assert_eq!(replay::every_decision(&scene).await?, 6);
    scene.finish().await
}

#[tokio::test]
async fn a_crash_after_the_use_was_taken_gives_it_back() -> Result<()> {
    let mut scene = Scene::start().await?;
    let pass = registry::pass(&scene, 1).await?;
    scene.partner.fail(DOOR, "hang_before_open", 1).await?;
    let soon = Timestamp::now() + SignedDuration::from_secs(4);
    let request = OpenRequest {
        expires_at: Some(timestamp_to_wire(soon)),
        ..open_request(DOOR)?
    };
    let (bff, secret) = (scene.bff.clone(), pass.clone());
    let hanging = tokio::spawn(async move { bff.open_with_pass(&secret, request).await });
    wait_until(PATIENCE, "the command to be at the partner", || async {
        scene.traces().await.is_ok_and(|left| left.commands == 1)
    })
    .await?;
    assert_eq!(
        uses(&scene).await?,
        (1, 0),
        "taken before anything was sent"
    );
    scene.site_mut().kill9(Part::CommandSvc)?;
    assert!(hanging.await?.is_err(), "nobody is there to answer");
    scene.site_mut().start_part(Part::CommandSvc).await?;

    // Nobody but the reconciler knows of it now.
    let answer = wait_for(PATIENCE, "the use to be there again", || async {
        press(&scene, &pass).await.ok()?.ok()
    })
    .await?;
    assert_eq!(answer.outcome(), Outcome::Executed, "{answer:?}");
    assert_eq!(uses(&scene).await?, (2, 1));
    assert_eq!(told(press(&scene, &pass).await?), exhausted());
    let openings = scene.openings()?;
    let command = openings.first().context("an opening")?;
    assert_eq!(
        (openings.len(), command.command.map(|id| id.to_string())),
        (1, Some(answer.command_id.clone()))
    );
    scene.finish().await
}
