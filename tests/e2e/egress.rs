//! What left to partners is on record, signed, and told to whoever may change the complex.

use anyhow::{Context as _, Result};
use domain::event::Body;
use eventlog::Topic;
use harness::clients::{Operator, open_request};
use harness::process::wait_for;
use harness::site::{PARTNER, Part};
use jiff::{SignedDuration, Timestamp};
use proto::access::{EgressRecord, EgressReportRequest};
use records::timestamp_to_wire;
use serde_json::json;

use crate::smarthomectl::configured;
use crate::support::{Ground, PATIENCE, Scene, tool};

const DOOR: &str = "sunrise.main-door";

/// A site whose command-svc records what it sends that often.
async fn scene(interval: &str) -> Result<Scene> {
    let ground = Ground::prepare().await?;
    let egress = toml::Value::try_from(json!({ "interval": interval }))?;
    ground.configure(Part::CommandSvc, |config| {
        config.insert("egress".to_owned(), egress);
    })?;
    ground.build().await
}

async fn open(scene: &Scene) -> Result<()> {
    let anna = scene.token("anna").await?;
    scene.bff.open(&anna, open_request(DOOR)?).await?;
    Ok(())
}

async fn report(scene: &Scene, complex: &str, to: Timestamp) -> Result<Vec<EgressRecord>> {
    let mut registry = Operator::connect(scene.site()).await?.registry;
    let mut request = EgressReportRequest {
        complex_id: complex.to_owned(),
        from: Some(timestamp_to_wire(Timestamp::UNIX_EPOCH)),
        to: Some(timestamp_to_wire(to)),
        page_token: String::new(),
    };
    let mut records = Vec::new();
    loop {
        let page = registry.egress_report(request.clone()).await?.into_inner();
        records.extend(page.records);
        if page.next_page_token.is_empty() {
            return Ok(records);
        }
        request.page_token = page.next_page_token;
    }
}

/// How often a field of a call was sent.
fn count(records: &[EgressRecord], call: &str, name: &str) -> u64 {
    let calls = records.iter().flat_map(|record| &record.calls);
    let fields = calls
        .filter(|one| one.call == call)
        .flat_map(|call| &call.fields);
    let of_field = fields.filter(|field| field.name == name);
    of_field.map(|field| field.count).sum()
}

#[tokio::test]
async fn each_open_is_in_the_report_of_its_complex() -> Result<()> {
    let scene = scene("200ms").await?;
    let before = Timestamp::now();
    for _ in 0..2 {
        open(&scene).await?;
    }
    let sunrise = wait_for(PATIENCE, "two opens on record", || async {
        let records = report(&scene, "sunrise", Timestamp::MAX).await.ok()?;
        (count(&records, "open", "device") == 2).then_some(records)
    })
    .await?;
    assert_eq!(count(&sunrise, "open", "authorization"), 2);
    let requests = sunrise.iter().flat_map(|record| &record.calls);
    let opens = requests.filter(|call| call.call == "open");
    assert_eq!(opens.map(|call| call.requests).sum::<u64>(), 2);
    let record = sunrise.first().context("a record")?;
    assert_eq!(record.partner_id, PARTNER);
    let fields = sunrise.iter().flat_map(|record| &record.calls);
    let device = fields
        .flat_map(|call| &call.fields)
        .find(|field| field.name == "device")
        .context("the device")?;
    assert_eq!(
        (device.place.as_str(), device.purpose.as_str()),
        ("path", "to open it")
    );
    assert_eq!(device.basis, "no personal data");
    // Neither in another complex's, nor before it happened.
    let moonlight = report(&scene, "moonlight", Timestamp::MAX).await?;
    assert_eq!(count(&moonlight, "open", "device"), 0);
    let earlier = report(&scene, "sunrise", before - SignedDuration::from_hours(1)).await?;
    assert!(earlier.is_empty(), "{earlier:?}");

    let site = scene.site();
    let config = configured(site, "operator", &site.certificates.operator).await?;
    let config = config.to_str().context("a path in UTF-8")?;
    let args = [
        "egress",
        "sunrise",
        "--from",
        "2026-01-01T00:00:00Z",
        "--each",
        "--config",
        config,
    ];
    let told = tool::run("smarthomectl", args, &site.dir.join("logs")).await?;
    assert_eq!(told.status.code(), Some(0), "{}", told.text);
    for text in [
        "gatekeeper  open: 2 requests",
        "id of a door, intercom, gate or barrier; to open it; no personal data",
        "(registry.events.v1 ",
    ] {
        assert!(told.text.contains(text), "{text:?} in {}", told.text);
    }
    scene.finish().await
}

#[tokio::test]
async fn what_was_sent_is_recorded_at_the_stop_and_nothing_where_nothing_was() -> Result<()> {
    let mut scene = scene("1h").await?;
    open(&scene).await?;
    scene.site_mut().terminate(Part::CommandSvc).await?;
    let records = scene.log.events(Topic::RegistryEvents).await?;
    let summaries: Vec<_> = records
        .iter()
        .filter_map(|(_, event)| match &event.body {
            Body::EgressSummary(summary) => Some((event.complex.as_str(), summary)),
            _ => None,
        })
        .collect();
    let mut complexes: Vec<_> = summaries.iter().map(|(complex, _)| *complex).collect();
    complexes.sort_unstable();
    complexes.dedup();
    assert_eq!(
        complexes.len(),
        summaries.len(),
        "one an interval: {complexes:?}"
    );
    let (_, sunrise) = summaries
        .iter()
        .find(|(complex, _)| *complex == "sunrise")
        .context("sunrise")?;
    assert!(sunrise.until > sunrise.from);
    let open = sunrise.calls.iter().find(|call| call.call == "open");
    assert_eq!(open.context("the open")?.requests, 1);
    for (complex, summary) in &summaries {
        assert!(!summary.calls.is_empty(), "{complex}");
        let sent = summary.calls.iter().all(|call| call.requests > 0);
        assert!(sent, "{complex}: {summary:?}");
    }
    scene.finish().await
}
