//! A perimeter that is closed: what happened before it may still come, what happened after may not.

use anyhow::Result;
use eventlog::Topic;
use harness::process::wait_until;
use harness::site::PARTNER;
use jiff::Timestamp;
use proto::access::AccessKind;
use proto::events::change::Entity;
use proto::events::{self as pb};
use serde_json::{Value, json};

use crate::support::sender::{BATCH, Sender, granted};
use crate::support::{PATIENCE, Scene, audit, registry};

const DEVICE: &str = "riverside.pier-gate";

/// Somebody was let in at riverside's gate at `at`.
fn event(sequence: u64, at: Timestamp) -> Value {
    let mut event = granted(sequence);
    event["subject"] = json!(DEVICE);
    event["data"]["device"] = json!(DEVICE);
    event["data"]["complex"] = json!("riverside");
    event["data"]["occurred_at"] = json!(at.to_string());
    event
}

async fn close(scene: &Scene) -> Result<()> {
    let (version, perimeter) = registry::find(scene, "riverside", |entity| match entity {
        Entity::Perimeter(perimeter) if perimeter.partner_id == PARTNER => Some(perimeter),
        _ => None,
    })
    .await?;
    let closed = pb::Perimeter {
        closed: true,
        ..perimeter
    };
    registry::put(scene, "riverside", version, Entity::Perimeter(closed)).await
}

#[tokio::test]
async fn what_happened_before_a_perimeter_was_closed_may_still_come() -> Result<()> {
    let scene = Scene::start().await?;
    let site = scene.site();
    let partner = Sender::new(site, &site.certificates.partner)?;
    let before = Timestamp::now();
    close(&scene).await?;
    let mut sequence = 0;
    wait_until(PATIENCE, "the gateway to know it", || {
        sequence += 1;
        let probe = event(sequence, Timestamp::now());
        let partner = &partner;
        async move {
            let said = partner.verdict(&probe).await;
            said.is_ok_and(|said| said["verdict"] == "rejected")
        }
    })
    .await?;
    let traces = scene.traces().await?;

    let (early, late) = (event(1_001, before), event(1_002, Timestamp::now()));
    let batch = json!([early, late]).to_string();
    let answer = partner.post(BATCH, &batch).await?;
    assert_eq!(answer.status, 200, "{answer:?}");
    let expected = json!([
        { "index": 0, "id": early["id"], "verdict": "accepted" },
        {
            "index": 1, "id": late["id"], "verdict": "rejected",
            "reason": "out_of_perimeter", "path": "/data/complex",
        },
    ]);
    assert_eq!(answer.json()?["verdicts"], expected);
    let after = scene.traces().await?;
    for topic in [Topic::AccessEvents, Topic::IngressRejected] {
        assert_eq!(after.records(topic) - traces.records(topic), 1, "{topic}");
    }

    // It is shown as of its own time.
    let auditor = scene.auditor().await?;
    let record = audit::find(&auditor, "riverside", "the early event", |record| {
        record.kind() == AccessKind::Observed
            && record.occurred_at == Some(records::timestamp_to_wire(before))
    })
    .await?;
    audit::verify(scene.site(), &audit::get(&auditor, &record).await?)?;
    scene.finish().await
}
