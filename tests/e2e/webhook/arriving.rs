//! What arrives: automatic openings, statuses; once, whatever is repeated or restarted.

use anyhow::{Context as _, Result};
use eventlog::Topic;
use harness::fixtures::ANNAS_PLATE;
use harness::process::wait_until;
use harness::site::Part;
use proto::access::{AccessKind, AccessRecord, GetDeviceStatusRequest};
use proto::events as pb;
use serde_json::{Value, json};

use crate::support::sender::{Sender, granted};
use crate::support::{PATIENCE, Scene, audit};

fn by_plate(record: &AccessRecord) -> bool {
    record.kind() == AccessKind::Observed && record.method() == pb::Method::Plate
}

#[tokio::test]
async fn a_plate_opens_the_barrier_and_is_its_owners_in_the_audit_log() -> Result<()> {
    let scene = Scene::start().await?;
    let auditor = scene.auditor().await?;
    let passed = scene
        .partner
        .plate("sunrise.north-gate", ANNAS_PLATE)
        .await?;
    assert_eq!(passed["opened"], true);
    let record = audit::find(&auditor, "sunrise", "the car", by_plate).await?;
    assert_eq!(record.observation(), pb::Observation::Granted);
    assert_eq!(record.resolution(), pb::Resolution::Resolved);
    assert_eq!(record.automation(), pb::Automation::Automatic);
    assert_eq!(record.user_id, "user-7f3a-anna");
    assert_eq!(passed["credential_id"], record.credential_id);
    audit::verify(scene.site(), &audit::get(&auditor, &record).await?)?;
    let openings = scene.openings()?;
    assert_eq!(openings.len(), 1);
    assert_eq!(
        (openings[0].command, openings[0].method.as_str()),
        (None, "plate")
    );

    let strange = scene
        .partner
        .plate("sunrise.north-gate", "М456ОР 199")
        .await?;
    assert_eq!(strange["opened"], false);
    let record = audit::find(&auditor, "sunrise", "the strange car", |record| {
        by_plate(record) && record.observation() == pb::Observation::Denied
    })
    .await?;
    assert_eq!(record.resolution(), pb::Resolution::NotIdentified);
    assert_eq!(
        (record.user_id.as_str(), record.credential_id.as_str()),
        ("", "")
    );
    scene.finish().await
}

#[tokio::test]
async fn a_status_goes_through_and_an_older_one_does_not_replace_it() -> Result<()> {
    let scene = Scene::start().await?;
    let auditor = scene.auditor().await?;
    let device = "sunrise.intercom";
    let wait = async |what: &str, fits: &dyn Fn(&proto::access::DeviceStatus) -> bool| {
        wait_until(PATIENCE, what, || async {
            let request = GetDeviceStatusRequest {
                device_id: device.to_owned(),
            };
            let Ok(request) = auditor.request(request) else {
                return false;
            };
            let status = auditor.devices.clone().get_device_status(request).await;
            status.is_ok_and(|status| fits(status.get_ref()))
        })
        .await
    };
    let change = json!({ "online": false, "battery_percent": 12, "power": "battery" });
    scene.partner.status(device, change).await?;
    wait("the intercom to be offline", &|status| {
        !status.online && status.battery_percent == Some(12) && status.power() == pb::Power::Battery
    })
    .await?;
    scene
        .partner
        .status(device, json!({ "online": true }))
        .await?;
    wait("the intercom to be back", &|status| status.online).await?;
    scene.delivered().await?;
    let statuses = scene.log.records(Topic::DeviceStatus).await?;
    assert!(
        statuses
            .iter()
            .any(|record| record.key.as_ref() == device.as_bytes())
    );
    scene.finish().await
}

#[tokio::test]
async fn a_repeated_event_appears_once() -> Result<()> {
    let scene = Scene::start().await?;
    let site = scene.site();
    let partner = Sender::new(site, &site.certificates.partner)?;
    let auditor = scene.auditor().await?;
    let before = scene.traces().await?;
    let (event, last) = (granted(1), granted(2));
    for _ in 0..3 {
        let verdict = partner.verdict(&event).await?;
        assert_eq!(verdict["verdict"], "accepted");
    }
    partner.verdict(&last).await?;
    // Each delivery is in the log, and has its leaf; the views show the event once.
    let leaves =
        scene.traces().await?.records(Topic::AccessEvents) - before.records(Topic::AccessEvents);
    assert_eq!(leaves, 4);
    let at = |event: &Value| -> Result<jiff::Timestamp> {
        Ok(event["data"]["occurred_at"]
            .as_str()
            .context("a time")?
            .parse()?)
    };
    let is = |record: &AccessRecord, at: jiff::Timestamp| {
        record.occurred_at == Some(records::timestamp_to_wire(at))
    };
    let (first, second) = (at(&event)?, at(&last)?);
    audit::find(&auditor, "sunrise", "the last event", |record| {
        is(record, second)
    })
    .await?;
    let records = audit::search(&auditor, "sunrise").await?;
    let shown = records.iter().filter(|record| is(record, first)).count();
    assert_eq!(shown, 1, "{records:?}");
    scene.finish().await
}

#[tokio::test]
async fn what_happened_while_the_gateway_was_dead_arrives_once() -> Result<()> {
    let mut scene = Scene::start().await?;
    let auditor = scene.auditor().await?;
    scene.site_mut().kill9(Part::WebhookGw)?;
    let passed = scene
        .partner
        .plate("sunrise.north-gate", ANNAS_PLATE)
        .await?;
    assert_eq!(passed["opened"], true, "the barrier needs nobody of us");
    let event = passed["event_id"].clone();
    wait_until(PATIENCE, "two failed attempts", || async {
        let deliveries = scene.partner.get("/deliveries").await.unwrap_or_default();
        let mut all = deliveries["deliveries"].as_array().into_iter().flatten();
        let ours = all.find(|delivery| delivery["event_ids"][0] == event);
        ours.is_some_and(|ours| {
            let attempts = ours["attempts"].as_array().map_or(0, Vec::len);
            ours["state"] == "pending" && attempts >= 2
        })
    })
    .await?;
    assert!(
        audit::search(&auditor, "sunrise")
            .await?
            .iter()
            .all(|record| !by_plate(record))
    );

    scene.site_mut().start_part(Part::WebhookGw).await?;
    scene.delivered().await?;
    audit::find(&auditor, "sunrise", "the car", by_plate).await?;
    let records = audit::search(&auditor, "sunrise").await?;
    assert_eq!(records.iter().filter(|record| by_plate(record)).count(), 1);
    scene.finish().await
}
