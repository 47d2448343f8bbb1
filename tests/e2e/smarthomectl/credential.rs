//! Cars and faces added from the command line: what they are is never on it, nor in what is printed.

use std::path::Path;

use anyhow::{Context as _, Result};
use harness::process::{Process, Spec};
use uuid::Uuid;

use super::{Ended, PATIENCE, TOOL, configured};
use crate::faces;
use crate::support::Scene;

const GATE: &str = "sunrise.north-gate";
const DOOR: &str = "sunrise.main-door";
const PLATE: &str = "К456МН 199";
/// In Cyrillic letters and in Latin ones, with more than the digits, which any random id may have.
const SPELLINGS: [&str; 4] = ["К456", "456М", "K456", "456M"];

/// Runs the tool with a file as its standard input.
async fn run(scene: &Scene, config: &Path, args: &[&str], input: &Path) -> Result<Ended> {
    let log = scene
        .site()
        .dir
        .join(format!("logs/{}.out", Uuid::new_v4()));
    let spec = Spec::workspace(TOOL, &log)?
        .args(args)
        .arg("--config")
        .arg(config)
        .stdin(input);
    let mut process = Process::spawn(&spec)?;
    let status = process.wait_exit(PATIENCE).await?;
    let text = std::fs::read_to_string(&log)?;
    assert!(
        !text.contains(faces::ANNAS_FACE) && SPELLINGS.iter().all(|plate| !text.contains(plate)),
        "{text}"
    );
    Ok(Ended { status, text })
}

#[tokio::test]
async fn a_car_and_a_face_are_added_from_files() -> Result<()> {
    let scene = Scene::start().await?;
    let site = scene.site();
    let config = configured(site, "operator", &site.certificates.operator).await?;
    let file = |name: &str, text: &str| {
        let path = site.dir.join(name);
        std::fs::write(&path, text).map(|()| path)
    };
    let plate = file("plate.txt", &format!("{PLATE}\n"))?;
    let reference = file("reference.txt", faces::ANNAS_FACE)?;
    let nothing = file("nothing.txt", "\n")?;
    let anna = scene.registered.subject("anna")?;

    let add = ["credential", "add-plate", "sunrise", anna, "--device", GATE];
    let refused = run(&scene, &config, &add, &nothing).await?;
    assert_eq!(refused.status.code(), Some(1), "{}", refused.text);
    let wrong = run(&scene, &config, &add, &reference).await?;
    assert_eq!(wrong.status.code(), Some(1), "{}", wrong.text);
    let added = run(&scene, &config, &add, &plate).await?;
    assert!(added.status.success(), "{}", added.text);
    assert_eq!(scene.partner.plate(GATE, PLATE).await?["opened"], true);

    let id = Uuid::new_v4().to_string();
    let reference = reference.to_str().context("a path in UTF-8")?;
    let add = [
        "credential",
        "add-face",
        "sunrise",
        anna,
        "--device",
        DOOR,
        "--id",
        &id,
    ];
    let add = [&add[..], &["--consent", "2026-01-12", "--file", reference]].concat();
    let refused = run(&scene, &config, &add, &nothing).await?;
    assert_eq!(refused.status.code(), Some(1));
    let to_do = "record it in the complex: face_basis";
    assert!(refused.text.contains(to_do), "{}", refused.text);
    faces::record_basis(&scene, "sunrise", true).await?;
    let added = run(&scene, &config, &add, &nothing).await?;
    assert!(
        added.status.success() && added.text.contains(&id),
        "{}",
        added.text
    );
    let seen = scene.partner.face(DOOR, faces::ANNAS_FACE).await?;
    assert_eq!(seen["credential_id"], serde_json::json!(id));
    scene.finish().await
}
