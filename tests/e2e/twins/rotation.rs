//! Another key for the records of command-svc, without a moment in which nobody serves: first
//! everybody learns to trust it, then one instance after the other signs with it.

use anyhow::{Context as _, Result};
use futures::future::try_join_all;
use harness::clients::open_request;
use harness::log::SiteLog;
use harness::process::{wait_for, wait_until};
use harness::site::{Pair, Part};
use proto::access::{OpenResponse, Outcome};
use toml::Value;

use super::{replay, scene};
use crate::support::{PATIENCE, Scene, audit};

const DEVICE: &str = "sunrise.main-door";
const INSTANCES: [Part; 2] = [Part::CommandSvcTwin, Part::CommandSvc];

/// Restarts a process with another configuration.
async fn restart(
    scene: &mut Scene,
    part: Part,
    change: impl FnOnce(&mut toml::Table),
) -> Result<()> {
    scene.site_mut().terminate(part).await?;
    scene.ground.configure(part, change)?;
    scene.site_mut().start_part(part).await
}

/// Presses once, at both instances at once: one command, one opening, one answer.
async fn press(scene: &Scene, twin: &harness::clients::Bff, token: &str) -> Result<OpenResponse> {
    let before = scene.openings()?.len();
    let request = open_request(DEVICE)?;
    let answer = |bff: harness::clients::Bff| {
        let request = request.clone();
        async move {
            wait_for(PATIENCE, "an answer", || async {
                bff.open(token, request.clone()).await.ok()
            })
            .await
        }
    };
    let answers = try_join_all([scene.bff.clone(), twin.clone()].map(answer)).await?;
    let first = answers.first().context("an answer")?;
    assert_eq!(first.outcome(), Outcome::Executed, "{first:?}");
    for answer in &answers {
        assert_eq!(answer.command_id, first.command_id);
        assert_eq!(answer.outcome(), Outcome::Executed, "{answer:?}");
    }
    assert_eq!(scene.openings()?.len(), before + 1, "one opening");
    Ok(first.clone())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_change_their_key_while_doors_open() -> Result<()> {
    let (mut scene, twin) = scene().await?;
    let token = scene.token("anna").await?;
    let mut answers = vec![press(&scene, &twin, &token).await?];

    scene.site_mut().keys.next_record_key()?;
    let keys = &scene.site().keys;
    let text = |path: &std::path::Path| Value::from(path.to_string_lossy().into_owned());
    let trusted: Vec<Value> = keys
        .record_certificates
        .iter()
        .map(|file| text(file))
        .collect();
    let (key, certificate) = (text(&keys.record_key), text(keys.record_certificate()?));
    let mut readers = vec![Part::WebhookGw, Part::Projector];
    if scene.site().pair() == Pair::Cluster {
        readers.push(Part::ProjectorServe);
    }
    readers.extend(INSTANCES);
    for part in readers {
        let trusted = trusted.clone();
        restart(&mut scene, part, |config| {
            if let Some(Value::Table(records)) = config.get_mut("records") {
                records.insert("certificates".to_owned(), trusted.into());
            }
        })
        .await?;
    }
    answers.push(press(&scene, &twin, &token).await?);

    for part in INSTANCES {
        let (key, certificate) = (key.clone(), certificate.clone());
        restart(&mut scene, part, |config| {
            if let Some(Value::Table(signer)) = config.get_mut("signer") {
                signer.insert("private_key".to_owned(), key);
                signer.insert("certificate".to_owned(), certificate);
            }
        })
        .await?;
        answers.push(press(&scene, &twin, &token).await?);
    }

    // Whoever reads the log believes the records of both keys, and those of each only if it is told
    // of both.
    let log = SiteLog::open(scene.site()).await?;
    assert!(
        scene
            .log
            .events(eventlog::Topic::AccessEvents)
            .await
            .is_err()
    );
    scene.log = log;
    assert!(replay::every_decision(&scene).await? >= answers.len());
    let auditor = scene.auditor().await?;
    for answer in &answers {
        wait_until(PATIENCE, "the outcome to be read back", || async {
            let told = scene.bff.command(&token, &answer.command_id).await;
            told.is_ok_and(|told| told.outcome() == Outcome::Executed)
        })
        .await?;
        let record = audit::find(&auditor, "sunrise", "the opening", |record| {
            record.command_id == answer.command_id
                && record.outcome() == proto::events::Outcome::Executed
        })
        .await?;
        audit::verify(scene.site(), &audit::get(&auditor, &record).await?)?;
    }
    scene.finish().await
}
