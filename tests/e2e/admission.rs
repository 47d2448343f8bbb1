//! Who is refused before anything is decided, and what is left of it.

use anyhow::{Context as _, Result};
use domain::event::Body;
use eventlog::Topic;
use harness::clients::open_request;
use harness::process::wait_until;
use harness::site::Part;
use proto::access::{OpenResponse, Outcome};
use serde_json::json;
use toml::{Table, Value};
use tonic::{Code, Status};

use crate::support::status::{Told, says_when};
use crate::support::{Ground, PATIENCE, Scene};

/// A site whose command-svc has these limits.
async fn limited(limits: &str) -> Result<Scene> {
    let ground = Ground::prepare().await?;
    let limits: Table = limits.parse()?;
    ground.configure(Part::CommandSvc, |config| {
        let present = config.get_mut("limits").and_then(Value::as_table_mut);
        present.unwrap().extend(limits);
    })?;
    ground.build().await
}

async fn press(scene: &Scene, token: &str, device: &str) -> Result<Result<OpenResponse, Status>> {
    Ok(scene.bff.open(token, open_request(device)?).await)
}

#[tokio::test]
async fn whoever_presses_too_often_waits_and_nobody_else() -> Result<()> {
    let mut scene = limited("rates = { subject = { per_minute = 1, burst = 2 } }").await?;
    let (anna, boris) = (scene.token("anna").await?, scene.token("boris").await?);
    for _ in 0..2 {
        press(&scene, &anna, "sunrise.main-door").await??;
    }
    let before = scene.traces().await?;
    for _ in 0..3 {
        let refused = press(&scene, &anna, "sunrise.main-door").await?;
        let status = refused.err().context("a third press in a minute")?;
        let told = Told::new(Code::ResourceExhausted, "RATE_LIMITED", &[]);
        assert_eq!(Told::from(&status), told);
        assert!(says_when(&status));
    }
    assert_eq!(scene.traces().await?, before, "no record, no call");
    let answer = press(&scene, &boris, "moonlight.main-door").await??;
    assert_eq!(answer.outcome(), Outcome::Executed, "{answer:?}");

    // Summed up by the minute, under her reference and not her name.
    scene.site_mut().terminate(Part::CommandSvc).await?;
    let events = scene.log.events(Topic::IngressRejected).await?;
    let summaries = events.iter().filter_map(|(_, event)| match &event.body {
        Body::AdmissionSummary(summary) => Some(summary),
        _ => None,
    });
    let summaries: Vec<_> = summaries.collect();
    assert!((1..=2).contains(&summaries.len()), "{summaries:?}");
    let count: u64 = summaries.iter().map(|summary| summary.count).sum();
    assert_eq!(count, 3, "{summaries:?}");
    let decisions = scene.log.events(Topic::AccessEvents).await?;
    let pressed = decisions
        .iter()
        .find_map(|(_, event)| event.actor.subject)
        .context("anna's reference")?;
    for summary in summaries {
        assert_eq!(summary.reason, "RATE_LIMITED");
        assert_eq!(summary.limited.to_string(), pressed.to_string());
    }
    scene.finish().await
}

#[tokio::test]
async fn a_partner_holds_up_no_more_than_it_may() -> Result<()> {
    let scene = limited("partner = { in_flight = 1 }").await?;
    let (anna, vera) = (scene.token("anna").await?, scene.token("vera").await?);
    let slow = json!({ "mode": "slow", "ms": 2_000, "times": 1 });
    let device = "riverside.boathouse";
    let failure = format!("/devices/{device}/failure");
    scene.partner.post(&failure, slow).await?;
    let (bff, request) = (scene.bff.clone(), open_request(device)?);
    let under_way = tokio::spawn(async move { bff.open(&vera, request).await });
    wait_until(PATIENCE, "the door to open", || async {
        scene.openings().is_ok_and(|openings| !openings.is_empty())
    })
    .await?;
    let before = scene.log.ends(Topic::AccessEvents).await?;
    let refused = press(&scene, &anna, "sunrise.main-door").await?;
    let status = refused.err().context("a second place at the partner")?;
    assert_eq!(
        Told::from(&status),
        Told::new(Code::Unavailable, "PARTNER_BUSY", &[])
    );
    assert!(says_when(&status));
    assert_eq!(scene.log.ends(Topic::AccessEvents).await?, before);
    // Whoever has no right is denied as ever, and learns nothing of the partner.
    let denied = press(&scene, &anna, "riverside.pier-gate").await?;
    let status = denied.err().context("no right")?;
    assert_eq!(Told::from(&status).reason, "NO_GRANT");

    let answer = under_way.await??;
    assert_eq!(answer.outcome(), Outcome::Executed, "{answer:?}");
    let answer = press(&scene, &anna, "sunrise.main-door").await??;
    assert_eq!(answer.outcome(), Outcome::Executed, "{answer:?}");
    scene.finish().await
}

#[tokio::test]
async fn a_partner_that_fails_is_left_alone_until_it_answers() -> Result<()> {
    let limits = r#"partner = { window = 3, failures = 2, pause = "1s" }"#;
    let mut scene = limited(limits).await?;
    let anna = scene.token("anna").await?;
    let device = "sunrise.main-door";
    scene.site_mut().terminate(Part::Partner).await?;
    for _ in 0..3 {
        let answer = press(&scene, &anna, device).await??;
        assert_eq!(answer.outcome(), Outcome::NotExecuted, "{answer:?}");
    }
    let refused = press(&scene, &anna, device).await?;
    let status = refused.err().context("the partner does not answer")?;
    assert_eq!(
        Told::from(&status),
        Told::new(Code::Unavailable, "PARTNER_FAILING", &[])
    );
    assert!(says_when(&status));

    scene.site_mut().start_part(Part::Partner).await?;
    wait_until(PATIENCE, "a press to open", || async {
        let answer = press(&scene, &anna, device).await;
        matches!(answer, Ok(Ok(answer)) if answer.outcome() == Outcome::Executed)
    })
    .await?;
    // It is believed again: nobody is refused.
    for _ in 0..3 {
        let answer = press(&scene, &anna, device).await??;
        assert_eq!(answer.outcome(), Outcome::Executed, "{answer:?}");
    }
    scene.finish().await
}
