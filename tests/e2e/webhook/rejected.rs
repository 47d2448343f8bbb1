//! Rejected one by one: a verdict that names the field and never the value, a sealed record,
//! no access event.

use anyhow::{Context as _, Result};
use domain::event::Body;
use eventlog::Topic;
use privacy::{HpkePrivateKey, Sealed, open_as_operators};
use serde_json::{Value, json};

use crate::support::Scene;
use crate::support::sender::{BATCH, Sender, granted};

type Case = (&'static str, &'static str, &'static str, fn(&mut Value));

const CASES: [Case; 8] = [
    (
        "an undeclared field",
        "undeclared_field",
        "/data/owner_name",
        |event| {
            event["data"]["owner_name"] = json!("Anna Petrova");
        },
    ),
    ("a plate", "undeclared_field", "/data/plate", |event| {
        event["data"]["plate"] = json!("A123BC77");
    }),
    (
        "an undeclared attribute",
        "undeclared_field",
        "/phone",
        |event| {
            event["phone"] = json!("+79161234567");
        },
    ),
    (
        "a device of nobody",
        "out_of_perimeter",
        "/data/device",
        |event| {
            event["subject"] = json!("sunrise.south-gate");
            event["data"]["device"] = json!("sunrise.south-gate");
        },
    ),
    (
        "a complex of nobody",
        "out_of_perimeter",
        "/data/complex",
        |event| {
            event["subject"] = json!("sunset.gate");
            event["data"]["device"] = json!("sunset.gate");
            event["data"]["complex"] = json!("sunset");
        },
    ),
    (
        "another partner's name",
        "wrong_source",
        "/source",
        |event| {
            event["source"] = json!("urn:smarthome:partner:other");
        },
    ),
    (
        "a time that is none",
        "invalid_field",
        "/data/occurred_at",
        |event| {
            event["data"]["occurred_at"] = json!("yesterday, Anna Petrova");
        },
    ),
    ("no sequence", "missing_field", "/data/sequence", |event| {
        event["data"].as_object_mut().unwrap().remove("sequence");
    }),
];

#[tokio::test]
async fn a_bad_event_is_recorded_sealed_and_is_no_access_event() -> Result<()> {
    let scene = Scene::start().await?;
    let site = scene.site();
    let partner = Sender::new(site, &site.certificates.partner)?;
    let operators = HpkePrivateKey::from_text(&std::fs::read(&site.keys.operators)?)?;
    let before = scene.traces().await?;
    for (index, (name, reason, path, change)) in CASES.into_iter().enumerate() {
        let mut event = granted(u64::try_from(index)?);
        change(&mut event);
        let verdict = partner.verdict(&event).await?;
        let expected = json!({
            "index": 0, "id": event["id"], "verdict": "rejected", "reason": reason, "path": path,
        });
        assert_eq!(verdict, expected, "{name}");

        // Durable when it was answered: nothing is waited for.
        let rejections = scene.log.events(Topic::IngressRejected).await?;
        assert_eq!(rejections.len(), index + 1, "{name}");
        let newest = rejections
            .iter()
            .find_map(|(_, rejection)| match &rejection.body {
                Body::IngressRejected(body) if event["id"] == *body.partner_event_id => Some(body),
                _ => None,
            });
        let newest = newest.with_context(|| format!("{name}: no record"))?;
        assert_eq!(
            (newest.reason.as_str(), newest.path.as_str()),
            (reason, path),
            "{name}"
        );
        let sealed = Sealed {
            enc: newest.sealed_enc.clone(),
            ciphertext: newest.sealed_body.clone(),
        };
        let opened = open_as_operators(&operators, &sealed)?;
        assert_eq!(
            opened.as_slice(),
            event.to_string().as_bytes(),
            "{name}: verbatim"
        );
        for (record, _) in &rejections {
            let plain = format!("{:?}", record.headers)
                + &String::from_utf8_lossy(record.value.as_deref().unwrap_or_default());
            assert!(
                !plain.contains("Anna") && !plain.contains("A123BC77"),
                "{name}"
            );
        }
    }

    // One bad event never keeps the good ones of its batch out.
    let mut bad = granted(20);
    bad["data"]["owner_name"] = json!("Anna Petrova");
    let batch = json!([granted(21), bad, granted(22)]).to_string();
    let answer = partner.post(BATCH, &batch).await?;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(!answer.text.contains("Anna"));
    let verdicts = answer.json()?;
    for (index, verdict) in ["accepted", "rejected", "accepted"].into_iter().enumerate() {
        assert_eq!(verdicts["verdicts"][index]["verdict"], verdict);
    }
    let after = scene.traces().await?;
    let new = |topic| after.records(topic) - before.records(topic);
    assert_eq!(new(Topic::AccessEvents), 2, "the batch's good ones");
    assert_eq!(new(Topic::IngressRejected), 9);
    scene.finish().await
}

#[tokio::test]
async fn the_partner_learns_its_verdicts() -> Result<()> {
    let scene = Scene::start().await?;
    let mut event = granted(1);
    event["data"]["owner_name"] = json!("Anna Petrova");
    let raw = json!({ "body": event.to_string(), "sign": true });
    let answer = scene.partner.post("/events/raw", raw).await?;
    assert_eq!(answer["status"], 200, "{answer}");
    let told: Value = serde_json::from_str(answer["body"].as_str().context("a body")?)?;
    assert_eq!(told["verdicts"][0]["path"], "/data/owner_name");
    let unsigned = json!({ "body": granted(2).to_string(), "sign": false });
    let answer = scene.partner.post("/events/raw", unsigned).await?;
    assert_eq!(answer["status"], 401, "{answer}");
    scene.finish().await
}
