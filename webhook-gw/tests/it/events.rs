//! What is taken, and what the log then says.

use domain::event::Body;
use domain::vocabulary::Resolution;
use eventlog::{EventLog, Topic};
use privacy::{Sealed, open_as_operators};
use serde_json::json;

use crate::support::{BATCH, RESIDENT, SECRET, SINGLE, World, granted, signed, status};

#[tokio::test]
async fn an_event_is_in_the_log_before_it_is_answered() {
    let world = World::start().await;
    let event = granted(1);
    let verdicts = world.partner().verdicts(SINGLE, &event).await;
    assert_eq!(
        verdicts,
        [json!({ "index": 0, "id": event["id"], "verdict": "accepted" })]
    );

    let records = world.records(Topic::AccessEvents).await;
    assert_eq!(records.len(), 1);
    assert_eq!(records[0].key.as_ref(), b"sunrise");
    let header = records[0].cloud_event().unwrap();
    assert_eq!(header.source, "urn:smarthome:webhook-gw");
    let told = &world.events(Topic::AccessEvents).await[0];
    assert_eq!(told.id.0, header.id);
    assert_eq!(told.actor.subject, Some(RESIDENT));
    let Body::AccessObserved(observed) = &told.body else {
        panic!("not an access event")
    };
    assert_eq!(observed.partner_event_id, event["id"].as_str().unwrap());
    assert_eq!(observed.resolution, Resolution::Resolved);
    let folded = observed.registry_position;
    let ends = world.log.end_offsets(Topic::RegistryEvents).await.unwrap();
    assert_eq!(folded.offset, ends[folded.partition as usize]);
    assert!(world.records(Topic::IngressRejected).await.is_empty());
    world.stop().await.unwrap();
}

#[tokio::test]
async fn a_batch_with_one_bad_event_takes_the_good_ones() {
    let world = World::start().await;
    let mut bad = granted(2);
    bad["data"]["owner_name"] = json!("Anna Petrova +7 916 123-45-67");
    let batch = json!([granted(1), bad, status(1), granted(3)]);
    let verdicts = world.partner().verdicts(BATCH, &batch).await;
    let told: Vec<_> = verdicts
        .iter()
        .map(|v| v["verdict"].as_str().unwrap())
        .collect();
    assert_eq!(told, ["accepted", "rejected", "accepted", "accepted"]);
    assert_eq!(
        verdicts[1],
        json!({
            "index": 1, "id": bad["id"], "verdict": "rejected",
            "reason": "undeclared_field", "path": "/data/owner_name",
        })
    );

    let sequences: Vec<u64> = world
        .events(Topic::AccessEvents)
        .await
        .into_iter()
        .map(|event| match event.body {
            Body::AccessObserved(observed) => observed.sequence.sequence,
            _ => panic!("not an access event"),
        })
        .collect();
    assert_eq!(sequences, [1, 3], "in the order of the batch");
    let statuses = world.records(Topic::DeviceStatus).await;
    assert_eq!(statuses.len(), 1);
    assert_eq!(statuses[0].key.as_ref(), b"sunrise.lobby");

    let rejected = world.records(Topic::IngressRejected).await;
    assert_eq!(rejected.len(), 1);
    assert_eq!(rejected[0].key.as_ref(), b"gatekeeper");
    let plain = format!("{rejected:?}");
    assert!(
        !plain.contains("Anna") && !plain.contains("916"),
        "the body is sealed"
    );
    let event = world.events(Topic::IngressRejected).await.remove(0);
    assert_eq!(event.complex.as_str(), "unassigned");
    let Body::IngressRejected(body) = event.body else {
        panic!("not a rejection")
    };
    assert_eq!(
        (body.reason.as_str(), body.path.as_str()),
        ("undeclared_field", "/data/owner_name")
    );
    assert_eq!(body.sequence.unwrap().sequence, 2, "the gap is closed");
    let sealed = Sealed {
        enc: body.sealed_enc,
        ciphertext: body.sealed_body,
    };
    let opened = open_as_operators(&world.operators, &sealed).unwrap();
    assert_eq!(opened.as_slice(), bad.to_string().as_bytes(), "verbatim");
}

#[tokio::test]
async fn another_partners_device_leaves_no_access_event() {
    let world = World::start().await;
    let mut foreign = granted(1);
    foreign["subject"] = json!("sunrise.south-gate");
    foreign["data"]["device"] = json!("sunrise.south-gate");
    let mut elsewhere = granted(1);
    elsewhere["subject"] = json!("moonlight.gate");
    elsewhere["data"]["device"] = json!("moonlight.gate");
    elsewhere["data"]["complex"] = json!("moonlight");
    let mut lying = granted(1);
    lying["source"] = json!("urn:smarthome:partner:other");
    let verdicts = world
        .partner()
        .verdicts(BATCH, &json!([foreign, elsewhere, lying]))
        .await;
    let reasons: Vec<_> = verdicts
        .iter()
        .map(|v| (v["reason"].as_str(), v["path"].as_str()))
        .collect();
    assert_eq!(
        reasons,
        [
            (Some("out_of_perimeter"), Some("/data/device")),
            (Some("out_of_perimeter"), Some("/data/complex")),
            (Some("wrong_source"), Some("/source")),
        ]
    );
    assert!(world.records(Topic::AccessEvents).await.is_empty());
    assert_eq!(world.records(Topic::IngressRejected).await.len(), 3);
}

#[tokio::test]
async fn the_callers_trace_goes_on_in_the_record() {
    let world = World::start().await;
    let body = granted(1).to_string();
    let mut headers = signed(SINGLE, &body, SECRET, jiff::Timestamp::now());
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    headers.insert(
        "traceparent",
        format!("00-{trace}-00f067aa0ba902b7-01").parse().unwrap(),
    );
    assert_eq!(world.partner().send(&body, headers).await.status(), 200);
    let records = world.records(Topic::AccessEvents).await;
    let carried = records[0].traceparent().unwrap();
    assert!(
        carried.starts_with(&format!("00-{trace}-")) && carried.ends_with("-01"),
        "{carried}"
    );
    assert!(
        !carried.contains("00f067aa0ba902b7"),
        "an operation of its own"
    );

    world.partner().verdicts(SINGLE, &granted(2)).await;
    let records = world.records(Topic::AccessEvents).await;
    let fresh = records[1].traceparent().unwrap();
    assert!(!fresh.contains(trace), "{fresh}");
}

#[tokio::test]
async fn what_was_taken_and_refused_is_counted_without_a_body() {
    let world = World::start().await;
    let mut bad = granted(1);
    bad["data"]["plate"] = json!("A123BC77");
    world
        .partner()
        .verdicts(BATCH, &json!([granted(2), bad]))
        .await;
    let text = service::metrics::install().unwrap().render();
    for line in [
        r#"webhook_events_total{type="access.granted",verdict="accepted"}"#,
        r#"webhook_events_total{type="access.granted",verdict="rejected"}"#,
        r#"webhook_rejections_total{reason="undeclared_field"}"#,
        r#"webhook_requests_total{status="200"}"#,
        "webhook_request_seconds_count",
    ] {
        assert!(text.contains(line), "{line} in {text}");
    }
    assert!(!text.contains("A123BC77"));
}
