//! What a partner does not deliver: asked for, or recorded as missing, once; and closed whenever it
//! arrives.

use anyhow::{Context as _, Result};
use domain::event::{Body, DeliveryGap};
use domain::vocabulary::GapReason;
use eventlog::Topic;
use harness::clients::Auditor;
use harness::process::wait_for;
use harness::site::Part;
use proto::access::{
    AccessKind, AlarmKind, EpochCompleteness, GetCompletenessRequest, SearchAlarmsRequest,
};
use serde_json::{Value, json};

use crate::support::sender::{Sender, granted};
use crate::support::{Ground, PATIENCE, Scene, audit};

const GATE: &str = "sunrise.north-gate";
const DOOR: &str = "sunrise.main-door";

#[tokio::test]
async fn what_is_missing_is_asked_for_and_what_cannot_be_had_is_recorded_once() -> Result<()> {
    let ground = Ground::prepare().await?;
    ground.configure(Part::WebhookGw, |config| {
        if let Some(toml::Value::Table(backfill)) = config.get_mut("backfill") {
            backfill.insert("after".to_owned(), "300ms".into());
            backfill.insert("give_up".to_owned(), "1s".into());
        }
    })?;
    let mut scene = ground.build().await?;
    let auditor = scene.auditor().await?;

    // The partner can't be asked: that is recorded, and is not the end of it.
    let down = json!({ "mode": "down" });
    scene.partner.post("/token-endpoint", down).await?;
    pass(&scene, GATE).await?;
    withheld(&scene, GATE, "unsent", 2).await?;
    pass(&scene, GATE).await?;
    let told = gaps(&scene, GATE, 1).await?;
    assert_eq!(told[0].reason, GapReason::PartnerUnreachable);
    let open = complete(&auditor, GATE, |figure| figure.expected == 4).await?;
    assert_eq!((open.received, open.missing.len()), (2, 1));
    let (first, last) = (open.missing[0].first, open.missing[0].last);
    assert_eq!((told[0].first, told[0].last), (first, last));

    // It can again: what it kept is fetched, and is in the views as if it had been delivered.
    scene.partner.delete("/token-endpoint").await?;
    let full = complete(&auditor, GATE, |figure| figure.received == 4).await?;
    assert_eq!((full.expected, full.missing.len()), (4, 0));
    let seen = audit::search(&auditor, "sunrise").await?;
    let seen = seen
        .iter()
        .filter(|record| record.kind() == AccessKind::Observed);
    assert_eq!(seen.count(), 4);

    // It has forgotten some: that can't be had, and is said once, whoever looks again.
    withheld(&scene, GATE, "forgotten", 2).await?;
    pass(&scene, GATE).await?;
    let told = gaps(&scene, GATE, 2).await?;
    assert_eq!(told[1].reason, GapReason::PartnerHasNone);
    assert_eq!(
        (told[1].first, told[1].last),
        (full.last + 1, full.last + 2)
    );
    let open = complete(&auditor, GATE, |figure| figure.expected == 7).await?;
    assert_eq!((open.received, open.missing.len()), (5, 1));
    scene.site_mut().kill9(Part::WebhookGw)?;
    scene.site_mut().start_part(Part::WebhookGw).await?;
    pass(&scene, DOOR).await?;
    withheld(&scene, DOOR, "forgotten", 1).await?;
    withheld(&scene, DOOR, "unsent", 1).await?;
    pass(&scene, DOOR).await?;
    let other = gaps(&scene, DOOR, 1).await?;
    assert_eq!(other[0].first, other[0].last);
    gaps(&scene, GATE, 2).await?;

    // Late, one is taken and one is rejected: both have arrived.
    let partner = Sender::new(scene.site(), &scene.site().certificates.partner)?;
    let mut late = numbered(&told[1], told[1].first);
    assert_eq!(partner.verdict(&late).await?["verdict"], "accepted");
    complete(&auditor, GATE, |figure| figure.received == 6).await?;
    late = numbered(&told[1], told[1].last);
    late["data"]["plate"] = json!("A123BC77");
    assert_eq!(partner.verdict(&late).await?["verdict"], "rejected");
    let full = complete(&auditor, GATE, |figure| figure.received == 7).await?;
    assert_eq!((full.expected, full.missing.len()), (7, 0));
    let request = SearchAlarmsRequest {
        complex_id: "sunrise".to_owned(),
        kinds: vec![AlarmKind::DeliveryGap.into()],
        device_id: GATE.to_owned(),
        ..SearchAlarmsRequest::default()
    };
    let request = auditor.request(request)?;
    let alarms = auditor.audit.clone().search_alarms(request).await?;
    assert_eq!(alarms.into_inner().alarms.len(), 2);
    scene.finish().await
}

/// Somebody passes, and the partner tells.
async fn pass(scene: &Scene, device: &str) -> Result<()> {
    let path = format!("/devices/{device}/access");
    scene
        .partner
        .post(&path, json!({ "method": "pin" }))
        .await?;
    scene.delivered().await
}

/// Somebody passes so many times, and the partner doesn't tell.
async fn withheld(scene: &Scene, device: &str, how: &str, times: u32) -> Result<()> {
    scene.partner.withhold(device, how, times).await?;
    for _ in 0..times {
        pass(scene, device).await?;
    }
    Ok(())
}

/// The gaps that are recorded of a device, once there are as many; there are no more.
async fn gaps(scene: &Scene, device: &str, count: usize) -> Result<Vec<DeliveryGap>> {
    let found = wait_for(PATIENCE, "the gap to be recorded", || async {
        let events = scene.log.events(Topic::AccessEvents).await.ok()?;
        let of_device = events.into_iter().filter(|(_, event)| {
            let id = event.device.as_ref().map(|id| id.as_str());
            id == Some(device)
        });
        let gaps = of_device.filter_map(|(_, event)| match event.body {
            Body::DeliveryGap(gap) => Some(gap),
            _ => None,
        });
        let gaps: Vec<_> = gaps.collect();
        (gaps.len() >= count).then_some(gaps)
    })
    .await?;
    assert_eq!(found.len(), count, "{found:?}");
    Ok(found)
}

/// The figure of a device, once it is so.
async fn complete(
    auditor: &Auditor,
    device: &str,
    so: impl Fn(&EpochCompleteness) -> bool,
) -> Result<EpochCompleteness> {
    wait_for(PATIENCE, "the figure of the device", || async {
        let request = GetCompletenessRequest {
            complex_id: "sunrise".to_owned(),
            device_id: device.to_owned(),
            from: None,
        };
        let request = auditor.request(request).ok()?;
        let answer = auditor.audit.clone().get_completeness(request).await;
        let epochs = answer.ok()?.into_inner().epochs;
        epochs.into_iter().find(&so)
    })
    .await
    .context("completeness")
}

/// An event of the gate with a number that was missing.
fn numbered(gap: &DeliveryGap, sequence: u64) -> Value {
    let mut event = granted(0);
    event["data"]["epoch"] = gap.epoch.into();
    event["data"]["sequence"] = sequence.into();
    event
}
