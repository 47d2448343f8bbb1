//! kill -9 in the middle of load, of one process after the other; afterwards everything must
//! add up: the log, the partner's journal, the trees, the views, and what callers were told.

mod evidence;
mod load;
pub(crate) mod rebuilt;
mod shown;
mod victim;

use anyhow::Result;
use harness::process::wait_until;
use harness::site::Part;
use serde_json::json;

pub(crate) use self::evidence::Evidence;
pub(crate) use self::load::Load;
pub(crate) use self::victim::Victim;
use crate::support::{Ground, PATIENCE, Scene};

/// Who is killed, in this order: each alone, and at last all at once, as in a power cut.
const VICTIMS: [&[Victim]; 6] = [
    &[Victim::Part(Part::CommandSvc)],
    &[Victim::Part(Part::WebhookGw)],
    &[Victim::Part(Part::Projector)],
    &[Victim::Part(Part::Partner)],
    &[Victim::Part(Part::CommandSvc)],
    &[
        Victim::Part(Part::Partner),
        Victim::Part(Part::CommandSvc),
        Victim::Part(Part::WebhookGw),
        Victim::Part(Part::Projector),
    ],
];
/// What must happen under load before the next step.
const PRESSES: usize = 12;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_adds_up_after_kill_9_of_each_process() -> Result<()> {
    everything_adds_up(Ground::prepare().await?, &VICTIMS).await
}

/// Kills these, one group after the other, under load, and checks everything.
pub(crate) async fn everything_adds_up(ground: Ground, crashes: &[&[Victim]]) -> Result<()> {
    ground.configure(Part::Issuer, |config| {
        config.insert("access_token_ttl_secs".to_owned(), 900.into());
    })?;
    let mut scene = ground.build().await?;
    let load = Load::start(&scene, std::slice::from_ref(&scene.bff)).await?;
    let mut checkpoints = Vec::new();
    for victims in crashes {
        slow_boathouse(&scene).await?;
        wait_until(PATIENCE, "openings under load", load.more_openings(PRESSES)).await?;
        // In the middle: a command is allowed and nobody knows yet what became of it.
        wait_until(PATIENCE, "a command under way", || async {
            let evidence = Evidence::read(&scene).await;
            evidence.is_ok_and(|evidence| evidence.commands.open().next().is_some())
        })
        .await?;
        checkpoints.push(rebuilt::checkpoints(&scene).await?);
        for victim in *victims {
            victim.kill9(scene.site_mut())?;
        }
        wait_until(PATIENCE, "presses meanwhile", load.more_presses(PRESSES)).await?;
        victim::revive(victims, scene.site_mut()).await?;
    }
    wait_until(
        PATIENCE,
        "openings after the last restart",
        load.more_openings(PRESSES),
    )
    .await?;
    let told = load.stop().await?;

    let evidence = Evidence::settled(&scene).await?;
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
