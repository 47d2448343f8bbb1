//! The log fails, or too much comes at once: 503 with `Retry-After`, and a retry does no harm.

use eventlog::{EventLog as _, Topic};
use reqwest::Response;
use serde_json::{Value, json};

use crate::support::{BATCH, PATIENCE, SECRET, SINGLE, World, granted, status};

async fn unavailable(response: Response, reason: &str) {
    assert_eq!(response.status(), 503);
    assert_eq!(response.headers()["retry-after"], "5");
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["type"], "urn:smarthome:problem:unavailable");
    assert_eq!(body["reason"], reason);
}

#[tokio::test]
async fn a_registry_that_may_be_out_of_date_judges_nothing() {
    let world = World::start().await;
    let (partner, body) = (world.partner(), granted(1).to_string());
    world.log.cut(true);
    world.becomes_ready(false).await;
    // What was known a moment ago may still be used for a second.
    let stale = async {
        loop {
            let answer = partner.post(SINGLE, &body, SECRET).await;
            if answer.status() != 200 {
                return answer;
            }
        }
    };
    let answer = tokio::time::timeout(PATIENCE, stale).await.unwrap();
    unavailable(answer, "registry_stale").await;
    world.log.cut(false);
    world.becomes_ready(true).await;
    assert_eq!(partner.post(SINGLE, &body, SECRET).await.status(), 200);
}

#[tokio::test]
async fn before_the_registry_is_known_nothing_is_judged() {
    let world = World::start_cut().await;
    let (partner, batch) = (world.partner(), json!([granted(1), status(1)]).to_string());
    for _ in 0..3 {
        unavailable(partner.post(BATCH, &batch, SECRET).await, "registry_stale").await;
    }
    for topic in Topic::ALL {
        let ends = world.log.memory.end_offsets(topic).await.unwrap();
        let records: u64 = ends.iter().sum();
        assert!(records == 0 || topic == Topic::RegistryEvents, "{topic}");
    }
    world.log.cut(false);
    world.becomes_ready(true).await;
    assert_eq!(partner.post(BATCH, &batch, SECRET).await.status(), 200);
}

#[tokio::test]
async fn no_answer_before_the_log_has_acknowledged_everything() {
    let world = World::start().await;
    let partner = world.partner();
    let batch = json!([granted(1), status(1)]).to_string();
    let hold = world.log.memory.hold();
    unavailable(partner.post(BATCH, &batch, SECRET).await, "not_recorded").await;
    drop(hold);
    assert!(world.records(Topic::AccessEvents).await.is_empty());
    assert_eq!(partner.post(BATCH, &batch, SECRET).await.status(), 200);
    assert_eq!(world.records(Topic::AccessEvents).await.len(), 1);
}

#[tokio::test]
async fn an_unknown_append_is_no_success_and_the_retry_can_be_told() {
    let world = World::start().await;
    let (partner, event) = (world.partner(), granted(1).to_string());
    let lost = world.log.memory.lose_acknowledgements();
    unavailable(partner.post(SINGLE, &event, SECRET).await, "not_recorded").await;
    drop(lost);
    assert_eq!(partner.post(SINGLE, &event, SECRET).await.status(), 200);
    let told = world.events(Topic::AccessEvents).await;
    let keys: Vec<_> = told
        .iter()
        .map(|event| match &event.body {
            domain::event::Body::AccessObserved(body) => {
                (body.partner_event_id.clone(), body.digest)
            }
            _ => panic!("not an access event"),
        })
        .collect();
    assert_eq!(keys.len(), 2, "both stand in the log");
    assert_eq!(
        keys[0], keys[1],
        "and every fold can tell that they are one"
    );
    assert_ne!(told[0].id, told[1].id);
}

#[tokio::test]
async fn a_rejection_that_cannot_be_recorded_is_not_answered_either() {
    let world = World::start().await;
    let mut bad = granted(1);
    bad["data"]["phone"] = json!("+7 916 123-45-67");
    let hold = world.log.memory.hold();
    let response = world.partner().post(SINGLE, &bad.to_string(), SECRET).await;
    unavailable(response, "not_recorded").await;
    drop(hold);
}

#[tokio::test]
async fn what_is_beyond_the_limit_is_refused_at_once() {
    let world = World::start().await;
    let clients = [world.partner(), world.partner(), world.partner()];
    for client in &clients {
        // Connected beforehand, so that the three requests come at the same time.
        client.verdicts(SINGLE, &granted(0)).await;
    }
    let hold = world.log.memory.hold();
    let bodies = [
        granted(1).to_string(),
        granted(2).to_string(),
        granted(3).to_string(),
    ];
    let [one, two, three] = &clients;
    let answers = tokio::join!(
        one.post(SINGLE, &bodies[0], SECRET),
        two.post(SINGLE, &bodies[1], SECRET),
        three.post(SINGLE, &bodies[2], SECRET),
    );
    drop(hold);
    let mut reasons = Vec::new();
    for answer in [answers.0, answers.1, answers.2] {
        assert_eq!(answer.status(), 503);
        let body: Value = answer.json().await.unwrap();
        reasons.push(body["reason"].as_str().unwrap().to_owned());
    }
    reasons.sort();
    assert_eq!(reasons, ["busy", "not_recorded", "not_recorded"]);
}
