//! The views of a past instant, built from the event log alone and served as docs/rebuild.md says.

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

use anyhow::{Context as _, Result, ensure};
use harness::clients::{Auditor, open_request};
use harness::process::{Process, Spec, wait_for};
use harness::site::Part;
use jiff::Timestamp;
use proto::access::AccessRecord;

use crate::support::{PATIENCE, Scene, audit, tool};

const COMPLEX: &str = "sunrise";
const DOOR: &str = "sunrise.main-door";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn auditors_are_served_the_views_as_they_stood() -> Result<()> {
    let mut scene = Scene::start().await?;
    let auditor = scene.auditor().await?;
    let first = press(&scene, &auditor).await?;
    let then = events(&auditor).await?;
    let instant = Timestamp::now();
    let second = press(&scene, &auditor).await?;
    assert!(then.contains(&first.event_id) && !then.contains(&second.event_id));

    let file = scene.site().dir.join("past.db");
    let serving = scene.site().serving();
    let config = scene.site().config(serving);
    let ended = tool::run(
        "projector",
        [
            "rebuild".as_ref(),
            "--until".as_ref(),
            instant.to_string().as_ref(),
            "--to".as_ref(),
            file.as_os_str(),
            "--config".as_ref(),
            scene.site().config(Part::Projector).as_os_str(),
        ],
        &scene.site().dir.join("logs"),
    )
    .await?;
    ensure!(ended.status.success(), "{}", ended.text);

    // In the place of the process that serves the present, by the same configuration; nobody can
    // write to what it serves.
    fs::set_permissions(&file, Permissions::from_mode(0o400))?;
    scene.site_mut().terminate(serving).await?;
    let spec = Spec::workspace(
        "projector",
        scene.site().dir.join("logs/projector-past.log"),
    )?
    .args(["serve", "--config"])
    .arg(&config)
    .env(
        "PROJECTOR__VIEWS__URL",
        format!("sqlite://{}", file.display()),
    );
    let mut past = Process::spawn(&spec)?;
    past.wait_ready(PATIENCE, "an auditor to be answered", || async {
        match scene.auditor().await {
            Ok(auditor) => events(&auditor).await.is_ok(),
            Err(_) => false,
        }
    })
    .await?;
    let auditor = scene.auditor().await?;
    assert_eq!(events(&auditor).await?, then);
    // What it shows is proven by the tree as it is now.
    let shown = audit::search(&auditor, COMPLEX).await?;
    let shown = shown.iter().find(|row| row.event_id == first.event_id);
    let proven = audit::get(&auditor, shown.context("the first press")?).await?;
    audit::verify(scene.site(), &proven)?;
    let ended = past.terminate().await?;
    ensure!(ended.success(), "{ended}");

    // The present is as it was.
    scene.site_mut().start_part(serving).await?;
    let present = events(&scene.auditor().await?).await?;
    assert!(present.is_superset(&then) && present.contains(&second.event_id));
    scene.finish().await
}

/// Presses a button, and waits until an auditor sees the decision with its outcome, and what the partner
/// tells of it.
async fn press(scene: &Scene, auditor: &Auditor) -> Result<AccessRecord> {
    let token = scene.token("anna").await?;
    let opened = scene.bff.open(&token, open_request(DOOR)?).await?;
    let decided = wait_for(PATIENCE, "both records of a press", || async {
        let mut of_press = audit::search(auditor, COMPLEX).await.ok()?;
        of_press.retain(|row| row.command_id == opened.command_id);
        let decided = of_press.iter().position(|row| row.completed_at.is_some())?;
        (of_press.len() == 2).then(|| of_press.swap_remove(decided))
    });
    decided.await
}

async fn events(auditor: &Auditor) -> Result<BTreeSet<String>> {
    let shown = audit::search(auditor, COMPLEX).await?;
    Ok(shown.into_iter().map(|row| row.event_id).collect())
}
