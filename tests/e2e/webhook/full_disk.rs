//! The disk that the embedded log is on, full.

use anyhow::Result;
use harness::process::wait_until;
use harness::site::Part;

use super::storm::{Evidence, Storm, everything_once};
use crate::support::{Ground, PATIENCE};

/// Attempts that are refused one after the other: several of each device.
const STILL: usize = 30;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_takes_nothing_and_loses_nothing() -> Result<()> {
    let ground = Ground::prepare_on_small_disk(24).await?;
    let mut scene = ground.build().await?;
    let gateway = scene.site_mut().process(Part::WebhookGw)?.pid();
    let storm = Storm::start(&scene)?;
    for _ in 0..2 {
        wait_until(PATIENCE, "messages to be taken", storm.more_taken(30)).await?;
        let Some(disk) = &scene.ground.disk else {
            break;
        };
        disk.fill()?;
        wait_until(
            PATIENCE,
            "a full disk to be told",
            storm.stands_still(STILL),
        )
        .await?;
        disk.free()?;
    }
    wait_until(PATIENCE, "messages to be taken", storm.more_taken(30)).await?;
    let book = storm.stop().await?;
    let evidence = Evidence::read(&scene).await?;
    evidence.adds_up(&book)?;
    everything_once(&scene, &evidence, &book).await?;

    let process = scene.site_mut().process(Part::WebhookGw)?;
    assert_eq!(process.pid(), gateway, "it goes on by itself");
    let said = std::fs::read_to_string(process.log())?;
    let told = scene.ground.disk.is_none() || said.contains("database or disk is full");
    assert!(told, "an operator isn't told why");
    scene.finish().await
}
