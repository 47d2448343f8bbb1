//! Stopping: what is under way ends, and nothing new begins.

use anyhow::Result;
use domain::event::Body;
use eventlog::Topic;
use harness::clients::open_request;
use harness::process::wait_until;
use harness::site::Part;
use proto::access::Outcome;
use serde_json::json;

use crate::crash::{Evidence, Load};
use crate::support::{Ground, PATIENCE, Scene};

/// Stops under load, and presses that lead to doors before each.
const STOPS: usize = 3;
const OPENINGS: usize = 20;

#[tokio::test]
async fn a_stop_lets_what_is_under_way_end() -> Result<()> {
    let mut scene = Scene::start().await?;
    let token = scene.token("vera").await?;
    let device = "riverside.boathouse";
    let slow = json!({ "mode": "slow", "ms": 1_500 });
    scene
        .partner
        .post(&format!("/devices/{device}/failure"), slow)
        .await?;
    let (bff, request) = (scene.bff.clone(), open_request(device)?);
    let press = tokio::spawn(async move { bff.open(&token, request).await });
    wait_until(PATIENCE, "the door to open", || async {
        scene.openings().is_ok_and(|openings| !openings.is_empty())
    })
    .await?;
    let ended = scene
        .site_mut()
        .process(Part::CommandSvc)?
        .terminate()
        .await?;
    assert!(ended.success(), "{ended}");
    let answer = press.await??;
    assert_eq!(answer.outcome(), Outcome::Executed, "{answer:?}");
    assert!(answer.recorded);
    let events = scene.log.events(Topic::AccessEvents).await?;
    let completed = |body: &Body| matches!(body, Body::CommandCompleted(_));
    assert!(events.iter().any(|(_, event)| completed(&event.body)));
    scene.finish().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stops_under_load_leave_nothing_behind() -> Result<()> {
    let ground = Ground::prepare().await?;
    ground.configure(Part::Issuer, |config| {
        config.insert("access_token_ttl_secs".to_owned(), 900.into());
    })?;
    let mut scene = ground.build().await?;
    let load = Load::start(&scene, &[scene.bff.clone()]).await?;
    for _ in 0..STOPS {
        let more = load.more_openings(OPENINGS);
        wait_until(PATIENCE, "openings under load", more).await?;
        let process = scene.site_mut().process(Part::CommandSvc)?;
        let ended = process.terminate().await?;
        assert!(ended.success(), "{ended}");
        // Nobody is there to bring anything to an end: it has been.
        let evidence = Evidence::read(&scene).await?;
        let open = evidence.open();
        assert!(open.is_empty(), "left behind: {open:?}");
        scene.site_mut().start_part(Part::CommandSvc).await?;
    }
    let told = load.stop().await?;
    Evidence::settled(&scene).await?.adds_up(&told)?;
    scene.finish().await
}
