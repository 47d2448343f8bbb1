//! Two instances of command-svc: whoever of them a press and its repetitions come to, a door opens
//! once.

mod mischief;
pub(crate) mod replay;
mod rotation;

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result};
use domain::CommandId;
use futures::future::join_all;
use harness::clients::{Bff, open_request};
use harness::process::wait_until;
use harness::site::Part;
use proto::access::Outcome;
use tonic::Code;
use tonic_types::StatusExt as _;

use self::mischief::Mischief;
use crate::crash::{Evidence, Load};
use crate::support::{Ground, PATIENCE, Scene};

/// Keys, and how often each is used at once: half at each instance.
const KEYS: usize = 20;
const DUPLICATES: usize = 50;
/// How often an instance is killed or paused under load, and what happens between.
const ROUNDS: usize = 6;
const PRESSES: usize = 10;
/// Longer than any command lives: whoever is paused so long finds its commands expired.
const PAUSED: Duration = Duration::from_secs(10);

async fn scene() -> Result<(Scene, Bff)> {
    let ground = Ground::prepare().await?;
    ground.configure(Part::Issuer, |config| {
        config.insert("access_token_ttl_secs".to_owned(), 900.into());
    })?;
    let mut scene = ground.build().await?;
    scene.site_mut().start_part(Part::CommandSvcTwin).await?;
    let twin = Bff::connect_twin(scene.site()).await?;
    Ok((scene, twin))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_duplicates_at_two_instances_open_once_each() -> Result<()> {
    let (scene, twin) = scene().await?;
    let token = scene.token("anna").await?;
    scene
        .bff
        .open(&token, open_request("sunrise.main-door")?)
        .await?;
    let before = scene.openings()?.len();
    let bffs = [&scene.bff, &twin];
    let mut calls = Vec::new();
    for _ in 0..KEYS {
        let request = open_request("sunrise.main-door")?;
        for number in 0..DUPLICATES {
            let (bff, token, request) = (bffs[number % 2], &token, request.clone());
            calls.push(async move {
                loop {
                    // As the contract says: what may be tried again is, with the same key.
                    match bff.open(token, request.clone()).await {
                        Err(status) if status.code() == Code::Unavailable => {
                            let wait = status.get_details_retry_info();
                            let wait = wait.and_then(|info| info.retry_delay);
                            tokio::time::sleep(wait.context("no RetryInfo")?).await;
                        }
                        answer => return anyhow::Ok((request.idempotency_key.clone(), answer?)),
                    }
                }
            });
        }
    }
    let mut told: BTreeMap<String, Vec<_>> = BTreeMap::new();
    for answer in join_all(calls).await {
        let (key, answer) = answer?;
        told.entry(key).or_default().push(answer);
    }
    assert_eq!(told.len(), KEYS);
    let openings = scene.openings()?;
    assert_eq!(openings.len() - before, KEYS, "one opening a key");
    for (key, answers) in &told {
        assert_eq!(answers.len(), DUPLICATES);
        let id: CommandId = answers[0].command_id.parse()?;
        let opened = openings
            .iter()
            .filter(|opening| opening.command == Some(id.0));
        assert_eq!(opened.count(), 1, "{key}");
        for answer in answers {
            assert_eq!(answer.command_id, answers[0].command_id, "{key}");
            assert_eq!(answer.outcome(), Outcome::Executed, "{key}: {answer:?}");
        }
    }
    scene.finish().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_adds_up_whatever_partner_and_instances_do() -> Result<()> {
    let (mut scene, twin) = scene().await?;
    let load = Load::start(&scene, &[scene.bff.clone(), twin]).await?;
    let mischief = Mischief::start(&scene);
    for round in 0..ROUNDS {
        let victim = [Part::CommandSvc, Part::CommandSvcTwin][round % 2];
        wait_until(PATIENCE, "openings under load", load.more_openings(PRESSES)).await?;
        if round < ROUNDS / 2 {
            scene.site_mut().kill9(victim)?;
            wait_until(PATIENCE, "presses meanwhile", load.more_presses(PRESSES)).await?;
            scene.site_mut().start_part(victim).await?;
        } else {
            scene.site_mut().process(victim)?.pause()?;
            tokio::time::sleep(PAUSED).await;
            scene.site_mut().process(victim)?.resume()?;
        }
    }
    mischief.stop().await?;
    wait_until(PATIENCE, "openings afterwards", load.more_openings(PRESSES)).await?;
    let told = load.stop().await?;
    let evidence = Evidence::settled(&scene).await?;
    evidence.adds_up(&told)?;
    let replayed = replay::every_decision(&scene).await?;
    eprintln!(
        "{} commands, {} openings, {replayed} decisions made again",
        evidence.ids.len(),
        scene.openings()?.len()
    );
    assert!(replayed >= evidence.ids.len());
    scene.finish().await
}
