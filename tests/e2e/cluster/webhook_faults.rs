//! What the partner's events come through: brokers lost, paused, stopped and out of space, and a right
//! that is taken away, while all its devices send.

use anyhow::{Context as _, Result, ensure};
use harness::engines::kafka::Operator;
use harness::process::wait_until;
use harness::site::Part;

use super::kafka;
use crate::support::{Ground, PATIENCE, Scene};
use crate::webhook::storm::{Evidence, Storm, everything_once};

const BROKERS: [usize; 3] = [0, 1, 2];
/// Messages by which it is seen that all goes on: several of each device.
const ON: usize = 30;
/// Attempts that are refused one after the other: several of each device.
const STILL: usize = 30;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_happens_to_the_log_the_partners_events_are_there_once() -> Result<()> {
    let Some(ground) = Ground::prepare_alone_on_small_disk(3, 300).await? else {
        return Ok(());
    };
    ground.configure(Part::Issuer, |config| {
        config.insert("access_token_ttl_secs".to_owned(), 900.into());
    })?;
    let mut scene = ground.build().await?;
    let gateway = scene.site_mut().process(Part::WebhookGw)?.pid();
    let storm = Storm::start(&scene)?;
    goes_on(&storm, "three brokers").await?;

    kafka(&mut scene)?.kill9(0)?;
    goes_on(&storm, "one of three brokers lost").await?;
    kafka(&mut scene)?.kill9(1)?;
    stands_still(&storm, "two of three brokers lost").await?;
    kafka(&mut scene)?.restart_all(&[0, 1]).await?;
    goes_on(&storm, "three brokers again").await?;

    for broker in BROKERS {
        kafka(&mut scene)?.pause(broker)?;
    }
    stands_still(&storm, "all brokers paused").await?;
    for broker in BROKERS {
        kafka(&mut scene)?.resume(broker)?;
    }
    goes_on(&storm, "all brokers awake").await?;

    kafka(&mut scene)?.stop_all().await?;
    stands_still(&storm, "all brokers stopped").await?;
    kafka(&mut scene)?.restart_all(&BROKERS).await?;
    goes_on(&storm, "all brokers started").await?;

    a_right_is_taken_away(&mut scene, &storm).await?;
    a_disk_is_full(&mut scene, &storm).await?;

    let pid = scene.site_mut().process(Part::WebhookGw)?.pid();
    assert_eq!(pid, gateway, "the gateway goes on by itself");
    let book = storm.stop().await?;
    let evidence = Evidence::read(&scene).await?;
    evidence.adds_up(&book)?;
    everything_once(&scene, &evidence, &book).await?;
    scene.finish().await
}

async fn goes_on(storm: &Storm, when: &str) -> Result<()> {
    eprintln!("{}: {when}", jiff::Timestamp::now());
    wait_until(PATIENCE, when, storm.more_taken(ON)).await
}

async fn stands_still(storm: &Storm, when: &str) -> Result<()> {
    eprintln!("{}: {when}", jiff::Timestamp::now());
    wait_until(PATIENCE, when, storm.stands_still(STILL)).await
}

/// The gateway may not write access events any more, until it may again.
async fn a_right_is_taken_away(scene: &mut Scene, storm: &Storm) -> Result<()> {
    let right = "--allow-principal User:webhook-gw --operation Write --topic access.events.v1";
    let dir = scene.site().dir.clone();
    let roots = scene.site().pki.bundle().to_owned();
    let kafka = kafka(scene)?;
    let brokers = kafka.addresses().join(",");
    let mut operator = Operator::start(&brokers, &roots, &kafka.admin().combined, &dir)?;

    let before = log(scene)?.len();
    operator.make(&[format!("acls --remove --force {right}")])?;
    stands_still(storm, "a right taken away").await?;
    let said = log(scene)?.split_off(before);
    for words in ["access.events.v1", "grant it with kafka-acls"] {
        ensure!(
            said.contains(words),
            "the gateway doesn't say {words}: {said}"
        );
    }
    let refusals = r#"webhook_refusals_total{reason="not_recorded"}"#;
    let metrics = metrics(scene).await?;
    ensure!(metrics.contains(refusals), "{metrics}");

    operator.make(&[format!("acls --add {right}")])?;
    goes_on(storm, "the right given back").await
}

/// No broker has room for another record, until it has.
async fn a_disk_is_full(scene: &mut Scene, storm: &Storm) -> Result<()> {
    let Some(disk) = scene.ground.disk.take() else {
        return Ok(());
    };
    disk.fill()?;
    stands_still(storm, "no space left").await?;
    disk.free()?;
    scene.ground.disk = Some(disk);
    for broker in BROKERS {
        // One that can't write ends by itself.
        let _ = kafka(scene)?.kill9(broker);
    }
    kafka(scene)?.restart_all(&BROKERS).await?;
    goes_on(storm, "space again").await
}

fn log(scene: &mut Scene) -> Result<String> {
    let process = scene.site_mut().process(Part::WebhookGw)?;
    std::fs::read_to_string(process.log()).context("the gateway's log")
}

async fn metrics(scene: &Scene) -> Result<String> {
    let port = &scene.site().ports.admin[1];
    let url = format!("http://{}/metrics", port.address());
    Ok(harness::http::plain()?
        .get(url)
        .send()
        .await?
        .text()
        .await?)
}
