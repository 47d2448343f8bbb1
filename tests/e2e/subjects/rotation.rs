//! Another lookup key, and other key-encryption keys, while two instances serve: every login keeps
//! its reference, and in the end the older keys can go.

use std::path::PathBuf;

use anyhow::Result;
use eventlog::Topic;
use harness::clients::{Bff, Operator, open_request};
use harness::fixtures::ensure_subject;
use harness::http;
use harness::process::{wait_for, wait_until};
use harness::site::Part;
use privacy::SubjectKey;
use proto::access::EnsureSubjectRequest;
use toml::Value;

use super::kit::{by_reference, export, persons};
use crate::support::{Ground, PATIENCE, Scene, audit};

const INSTANCES: [Part; 2] = [Part::CommandSvcTwin, Part::CommandSvc];

async fn scene() -> Result<Scene> {
    let ground = Ground::prepare().await?;
    for part in INSTANCES {
        ground.configure(part, |config| {
            let sweep = toml::Table::from_iter([("sweep".to_owned(), Value::from("2s"))]);
            config.insert("subjects".to_owned(), sweep.into());
        })?;
    }
    ground.configure(Part::Issuer, |config| {
        config.insert("access_token_ttl_secs".to_owned(), 900.into());
    })?;
    let mut scene = ground.build().await?;
    scene.site_mut().start_part(Part::CommandSvcTwin).await?;
    Ok(scene)
}

/// Everybody who holds one of these keys is restarted, one after the other, with a press at the one
/// that serves meanwhile.
async fn restarted(scene: &mut Scene, parts: &[Part], token: &str) -> Result<()> {
    for part in parts {
        scene.site_mut().terminate(*part).await?;
        if INSTANCES.contains(part) {
            let bff = match part {
                Part::CommandSvc => Bff::connect_twin(scene.site()).await?,
                _ => Bff::connect(scene.site()).await?,
            };
            press(&bff, token).await?;
        }
        scene.site_mut().start_part(*part).await?;
    }
    scene.bff = Bff::connect(scene.site()).await?;
    let twin = Bff::connect_twin(scene.site()).await?;
    press(&twin, token).await?;
    press(&scene.bff, token).await
}

async fn press(bff: &Bff, token: &str) -> Result<()> {
    wait_for(PATIENCE, "a door to open", || async {
        bff.open(token, open_request("sunrise.main-door").ok()?)
            .await
            .ok()
    })
    .await
    .map(|_| ())
}

/// Both instances count nothing for this version any more.
async fn unneeded(scene: &Scene, purpose: &str, version: u32) -> Result<()> {
    let admin = &scene.site().ports.admin;
    for (instance, port) in [
        (Part::CommandSvc, &admin[0]),
        (Part::CommandSvcTwin, &admin[4]),
    ] {
        let url = format!("http://{}/metrics", port.address());
        let line = format!("subject_items{{purpose=\"{purpose}\",key_version=\"{version}\"}} 0");
        wait_until(
            PATIENCE,
            &format!("{line} at {}", instance.name()),
            || async {
                let Ok(client) = http::plain() else {
                    return false;
                };
                let Ok(answer) = client.get(&url).send().await else {
                    return false;
                };
                answer.text().await.is_ok_and(|text| text.contains(&line))
            },
        )
        .await?;
    }
    Ok(())
}

/// A user whom nobody has met, met at both instances at once.
async fn newcomer(scene: &Scene, number: usize) -> Result<String> {
    let request = EnsureSubjectRequest {
        issuer: "https://issuer.example".to_owned(),
        user_id: format!("newcomer-{number}"),
    };
    let one = Operator::connect(scene.site()).await?.registry;
    let twin = Operator::connect_twin(scene.site()).await?.registry;
    let ask = |mut registry: harness::clients::Registry| {
        let request = request.clone();
        async move { registry.ensure_subject(request).await }
    };
    let (one, twin) = tokio::try_join!(ask(one), ask(twin))?;
    let (one, twin) = (one.into_inner(), twin.into_inner());
    assert_eq!(one.subject_ref, twin.subject_ref, "newcomer {number}");
    Ok(one.subject_ref)
}

/// The live records of a subject.
async fn live(scene: &Scene, subject: &str) -> Result<Vec<SubjectKey>> {
    let mut live = std::collections::BTreeSet::new();
    for record in scene.log.records(Topic::Subjects).await? {
        let key: SubjectKey = std::str::from_utf8(&record.key)?.parse()?;
        if key.subject.to_string() == subject {
            match record.value {
                Some(_) => live.insert(key),
                None => live.remove(&key),
            };
        }
    }
    Ok(live.into_iter().collect())
}

/// Who reads what is known of the person.
async fn still_known(scene: &Scene, anna: &str) -> Result<()> {
    let mut operator = Operator::connect(scene.site()).await?;
    let subject = ensure_subject(scene.site(), &mut operator, "anna").await?;
    assert_eq!(subject, anna);
    let persons = persons(scene, "operator").await?;
    let exported = export(&persons, by_reference(anna), "sunrise").await?;
    assert_eq!(exported.user_id, "user-7f3a-anna");
    assert_eq!(exported.complexes[0].plates[0].plate, "A123BC77");
    let auditor = scene.auditor().await?;
    audit::find(&auditor, "sunrise", "an opening with its user", |record| {
        record.user_id == "user-7f3a-anna"
    })
    .await
    .map(|_| ())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_lookup_key_changes_and_everybody_stays_who_they_are() -> Result<()> {
    let mut scene = scene().await?;
    let anna = scene.registered.subject("anna")?.to_owned();
    let token = scene.token("anna").await?;
    let first = newcomer(&scene, 0).await?;
    let before = live(&scene, &anna).await?;
    assert_eq!(before.len(), 2);
    let ring = scene.site().keys.lookup.clone();

    // Whoever serves auditors finds them by the same ring.
    scene.site().keys.rotate(&ring, Some(1))?;
    let serving = scene.site().serving();
    restarted(&mut scene, &[serving, INSTANCES[0], INSTANCES[1]], &token).await?;
    newcomer(&scene, 1).await?;
    assert_eq!(live(&scene, &anna).await?, before, "nothing moves yet");

    // One instance has the new key as primary, the other the old one.
    scene.site().keys.promote(&ring, false)?;
    restarted(&mut scene, &INSTANCES[..1], &token).await?;
    for number in 2..8 {
        newcomer(&scene, number).await?;
    }
    restarted(&mut scene, &INSTANCES[1..], &token).await?;
    unneeded(&scene, "lookup", 1).await?;
    let after = live(&scene, &anna).await?;
    assert_eq!(after.len(), 2, "{after:?}");
    assert!(before.iter().all(|old| !after.contains(old)));

    scene.site().keys.promote(&ring, true)?;
    restarted(&mut scene, &INSTANCES, &token).await?;
    assert_eq!(newcomer(&scene, 0).await?, first);
    still_known(&scene, &anna).await?;
    scene.finish().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_sealed_is_sealed_again_under_newer_keys() -> Result<()> {
    let mut scene = scene().await?;
    let anna = scene.registered.subject("anna")?.to_owned();
    let token = scene.token("anna").await?;
    let keys = &scene.site().keys;
    let rings: [PathBuf; 2] = [keys.identity.clone(), keys.plate.clone()];
    let holders = [scene.site().serving(), INSTANCES[0], INSTANCES[1]];
    for ring in &rings {
        scene.site().keys.rotate(ring, Some(1))?;
    }
    restarted(&mut scene, &holders, &token).await?;
    still_known(&scene, &anna).await?;
    for ring in &rings {
        scene.site().keys.promote(ring, false)?;
    }
    restarted(&mut scene, &holders, &token).await?;
    for purpose in ["identity", "plate"] {
        unneeded(&scene, purpose, 1).await?;
    }
    for ring in &rings {
        scene.site().keys.promote(ring, true)?;
    }
    restarted(&mut scene, &holders, &token).await?;
    still_known(&scene, &anna).await?;
    scene.finish().await
}
