//! The storage of the audit log's tiles, full.

use std::fs;

use anyhow::{Context as _, Result};
use harness::clients::{Auditor, open_request};
use harness::process::wait_until;
use harness::site::Part;
use harness::small_disk::SmallDisk;
use proto::access::{AccessRecord, OpenResponse, Outcome};

use crate::crash::{Evidence, rebuilt};
use crate::support::{Ground, PATIENCE, Scene, audit};

const DOOR: &str = "sunrise.main-door";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn full_tiles_move_no_head_and_hold_up_nobody_else() -> Result<()> {
    let mut ground = Ground::prepare_embedded().await?;
    let dir = ground.site.dir.join("disk");
    ground.disk = SmallDisk::mount(&dir, 16)?;
    if ground.disk.is_none() {
        return ground.finish().await;
    }
    std::os::unix::fs::symlink(&dir, ground.site.tiles())?;
    let mut scene = ground.build().await?;
    let projector = scene.site_mut().process(Part::Projector)?.pid();
    let said = scene.site_mut().process(Part::Projector)?.log().to_owned();
    let auditor = scene.auditor().await?;
    for (who, door) in [
        ("boris", "moonlight.main-door"),
        ("vera", "riverside.boathouse"),
    ] {
        let token = scene.token(who).await?;
        scene.bff.open(&token, open_request(door)?).await?;
    }
    let before = opened(&scene, &auditor).await?;

    let disk = scene.ground.disk.as_ref().context("a disk")?;
    disk.fill()?;
    let token = scene.token("anna").await?;
    let signed = fs::read(checkpoint(&scene))?;
    let unseen = scene.bff.open(&token, open_request(DOOR)?).await?;
    assert_eq!(unseen.outcome(), Outcome::Executed, "doors go on");
    wait_until(PATIENCE, "an operator to be told", || async {
        let said = fs::read_to_string(&said).unwrap_or_default();
        said.lines()
            .any(|line| line.contains("trying again") && line.contains("No space left"))
    })
    .await?;
    // Nothing is signed of it, and nothing of it is shown; what was there is proven as before.
    assert_eq!(fs::read(checkpoint(&scene))?, signed);
    let shown = audit::search(&auditor, "sunrise").await?;
    assert!(!shown.iter().any(|row| is_of(row, &unseen)));
    let answer = audit::get(&auditor, &before).await?;
    audit::verify(scene.site(), &answer)?;

    disk.free()?;
    let found = audit::find(&auditor, "sunrise", "it once there is room", |row| {
        is_of(row, &unseen)
    });
    let answer = audit::get(&auditor, &found.await?).await?;
    audit::verify(scene.site(), &answer)?;
    Evidence::settled(&scene).await?;
    rebuilt::trees_and_views(&scene).await?;
    let process = scene.site_mut().process(Part::Projector)?;
    assert_eq!(process.pid(), projector, "it goes on by itself");
    scene.finish().await
}

fn is_of(row: &AccessRecord, answer: &OpenResponse) -> bool {
    row.command_id == answer.command_id && row.outcome == i32::from(Outcome::Executed)
}

/// Opens a door, and waits until that is shown.
async fn opened(scene: &Scene, auditor: &Auditor) -> Result<AccessRecord> {
    let token = scene.token("anna").await?;
    let answer = scene.bff.open(&token, open_request(DOOR)?).await?;
    audit::find(auditor, "sunrise", "an opening", |row| is_of(row, &answer)).await
}

fn checkpoint(scene: &Scene) -> std::path::PathBuf {
    scene
        .site()
        .tiles()
        .join("access.events.v1/sunrise/checkpoint")
}
