//! kill -9 in the middle of load, of one process after the other; afterwards everything must
//! add up: the log, the partner's journal, the trees, the views, and what callers were told.

mod evidence;
mod load;
mod rebuilt;
mod shown;

use std::time::Duration;

use anyhow::Result;
use harness::process::wait_until;
use harness::site::Part;
use serde_json::json;

use self::evidence::Evidence;
use self::load::Load;
use crate::support::{Ground, PATIENCE, Scene};

/// Who is killed, in this order: each alone, and at last all at once, as in a power cut.
const VICTIMS: [&[Part]; 6] = [
    &[Part::CommandSvc],
    &[Part::WebhookGw],
    &[Part::Projector],
    &[Part::Partner],
    &[Part::CommandSvc],
    &[
        Part::Partner,
        Part::CommandSvc,
        Part::WebhookGw,
        Part::Projector,
    ],
];
/// What must happen under load before the next step.
const PRESSES: usize = 12;
/// Expiry and the reconciler's pauses are well below.
const SETTLING: Duration = Duration::from_secs(120);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_adds_up_after_kill_9_of_each_process() -> Result<()> {
    let ground = Ground::prepare().await?;
    ground.configure(Part::Issuer, |config| {
        config.insert("access_token_ttl_secs".to_owned(), 900.into());
    })?;
    let mut scene = ground.build().await?;
    let load = Load::start(&scene).await?;
    let mut checkpoints = Vec::new();
    for victims in VICTIMS {
        slow_boathouse(&scene).await?;
        wait_until(PATIENCE, "openings under load", load.more_openings(PRESSES)).await?;
        // In the middle: a command is allowed and nobody knows yet what became of it.
        wait_until(PATIENCE, "a command under way", || async {
            let evidence = Evidence::read(&scene).await;
            evidence.is_ok_and(|evidence| evidence.commands.open().next().is_some())
        })
        .await?;
        checkpoints.push(rebuilt::checkpoints(&scene).await?);
        for victim in victims {
            scene.site_mut().kill9(*victim)?;
        }
        wait_until(PATIENCE, "presses meanwhile", load.more_presses(PRESSES)).await?;
        for victim in victims {
            scene.site_mut().start_part(*victim).await?;
        }
    }
    wait_until(
        PATIENCE,
        "openings after the last restart",
        load.more_openings(PRESSES),
    )
    .await?;
    let told = load.stop().await?;

    wait_until(SETTLING, "every command to be settled", || async {
        let evidence = Evidence::read(&scene).await;
        evidence.is_ok_and(|evidence| evidence.commands.open().next().is_none())
    })
    .await?;
    scene.delivered().await?;
    let evidence = Evidence::read(&scene).await?;
    evidence.adds_up(&told)?;
    evidence.crashes_were_met();
    evidence.forgeries_are_noticed(&told);
    rebuilt::trees_and_views(&scene).await?;
    rebuilt::only_grown(&scene, &checkpoints).await?;
    shown::everything_once(&scene, &evidence, &told).await?;
    scene.finish().await
}

/// One door takes its time, so that there is always a command under way. A restarted partner
/// has forgotten it.
async fn slow_boathouse(scene: &Scene) -> Result<()> {
    let slow = json!({ "mode": "slow", "ms": 1_500 });
    scene
        .partner
        .post("/devices/riverside.boathouse/failure", slow)
        .await?;
    Ok(())
}
