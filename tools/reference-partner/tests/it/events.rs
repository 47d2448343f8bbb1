//! Webhooks and backfill.

use std::collections::HashSet;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{
    COMMAND_SVC, OPEN, Receiver, Running, Site, WEBHOOK_GW, eventually, in_seconds, problem,
};

async fn with_receiver() -> (Site, Running, Receiver) {
    let (receiver, listener, url) = Receiver::bind().await;
    let site = Site::new(Some(&url));
    receiver.serve(listener, &site.pki);
    let running = site.start().await;
    (site, running, receiver)
}

fn of_type<'a>(kind: &'a str) -> impl Fn(&crate::support::Receiver) -> Vec<Value> + 'a {
    move |receiver| {
        let events = receiver
            .received()
            .into_iter()
            .map(|message| message.json());
        events.filter(|event| event["type"] == kind).collect()
    }
}

#[tokio::test]
async fn a_remote_open_is_told_with_its_command_signed_and_only_once() {
    let (site, running, receiver) = with_receiver().await;
    let caller = site.caller(running.partner.api, COMMAND_SVC);
    let token = caller.token(OPEN, "sunrise").await;
    let command = Uuid::now_v7();
    caller
        .open(&token, "sunrise.lobby", command, in_seconds(30))
        .await;
    let message = receiver.wait(|_| true).await;
    assert!(message.verified);
    assert_eq!(message.content_type, "application/cloudevents+json");
    let event = message.json();
    assert_eq!(event["specversion"], "1.0");
    assert_eq!(event["type"], "access.granted");
    assert_eq!(event["source"], "urn:smarthome:partner:gatekeeper");
    assert_eq!(
        (&event["subject"], &event["data"]["device"]),
        (&json!("sunrise.lobby"), &json!("sunrise.lobby"))
    );
    assert_eq!(event["data"]["command_id"], command.to_string());
    assert_eq!(event["data"]["method"], "remote");
    assert_eq!(event["data"]["sequence"], 1);
    let delivery = eventually(|| async {
        let deliveries = running.get("/control/deliveries").await;
        (deliveries["deliveries"][0]["state"] == "delivered")
            .then(|| deliveries["deliveries"][0].clone())
    })
    .await;
    assert_eq!(delivery["message_id"], message.id);
    assert_eq!(delivery["verdicts"][0]["verdict"], "accepted");
    assert_eq!(receiver.received().len(), 1);
}

#[tokio::test]
async fn what_is_not_taken_is_sent_again_the_same_and_what_is_refused_is_not() {
    let (_site, running, receiver) = with_receiver().await;
    receiver.plan(503, Some("1"));
    receiver.plan(401, None);
    let sent = std::time::Instant::now();
    running
        .post("/control/devices/sunrise.lobby/forced", json!({}))
        .await;
    let delivery = eventually(|| async {
        let deliveries = running.get("/control/deliveries").await;
        (deliveries["deliveries"][0]["state"] == "delivered")
            .then(|| deliveries["deliveries"][0].clone())
    })
    .await;
    assert!(
        sent.elapsed().as_millis() >= 1000,
        "Retry-After was not honoured"
    );
    let statuses: Vec<_> = delivery["attempts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|a| a["status"].clone())
        .collect();
    assert_eq!(statuses, [503, 401, 200]);
    let received = receiver.received();
    assert!(received.iter().all(|message| message.verified
        && message.id == received[0].id
        && message.body == received[0].body));

    receiver.plan(400, None);
    running
        .post("/control/devices/sunrise.lobby/held", json!({}))
        .await;
    eventually(|| async {
        let deliveries = running.get("/control/deliveries").await;
        (deliveries["deliveries"][0]["state"] == "failed").then_some(())
    })
    .await;
    assert_eq!(receiver.received().len(), 4);
}

#[tokio::test]
async fn undelivered_events_survive_a_restart() {
    let (receiver, listener, url) = Receiver::bind().await;
    let site = Site::new(Some(&url));
    let running = site.start().await;
    let told = running
        .post("/control/devices/sunrise.north-gate/fob", json!({}))
        .await;
    running.partner.stop().await;
    receiver.serve(listener, &site.pki);
    let _running = site.start().await;
    let message = receiver.wait(|_| true).await;
    assert_eq!(message.json()["id"], told["event_id"]);
    assert_eq!(message.json()["data"]["method"], "fob");
}

#[tokio::test]
async fn waiting_events_go_as_one_batch() {
    let (receiver, listener, url) = Receiver::bind().await;
    let site = Site::new(Some(&url));
    let text = std::fs::read_to_string(&site.config)
        .unwrap()
        .replace("batch_max = 1", "batch_max = 50");
    std::fs::write(&site.config, text).unwrap();
    let running = site.start().await;
    for _ in 0..6 {
        running
            .post("/control/devices/sunrise.lobby/forced", json!({}))
            .await;
    }
    running.partner.stop().await;
    receiver.serve(listener, &site.pki);
    let _running = site.start().await;
    let events = eventually(|| async {
        let received = receiver.received();
        let all: HashSet<String> = received
            .iter()
            .flat_map(|message| match message.json() {
                Value::Array(events) => events,
                single => vec![single],
            })
            .map(|event| event["data"]["sequence"].to_string())
            .collect();
        (all.len() == 6).then_some(received)
    })
    .await;
    assert!(events.iter().all(|message| message.verified));
    assert!(
        events
            .iter()
            .any(|message| message.content_type == "application/cloudevents-batch+json")
    );
}

#[tokio::test]
async fn statuses_are_told_snapshotted_and_ordered() {
    let (site, running, receiver) = with_receiver().await;
    let gateway = site.caller(running.partner.api, WEBHOOK_GW);
    let token = gateway.token("devices:read events:read", "sunrise").await;
    let path = "/v1/complexes/sunrise/devices";
    let (_, before) = gateway.call(Method::GET, path, &token, None).await;
    assert_eq!(before["devices"][0]["device"], "sunrise.lobby");
    assert_eq!(before["devices"][0]["door_position"], "closed");
    let change = json!({"online": false, "power": "battery", "battery_percent": 12, "tamper": null, "door_position": "unknown"});
    running
        .post("/control/devices/sunrise.lobby/status", change)
        .await;
    receiver.wait(|_| true).await;
    let events = of_type("device.status")(&receiver);
    let data = &events[0]["data"];
    assert_eq!(
        (&data["online"], &data["power"], &data["battery_percent"]),
        (&json!(false), &json!("battery"), &json!(12))
    );
    assert_eq!(
        (&data["tamper"], &data["lock_state"]),
        (&Value::Null, &json!("locked"))
    );
    let (_, after) = gateway.call(Method::GET, path, &token, None).await;
    let lobby = &after["devices"][0];
    assert_eq!(
        (&lobby["sequence"], &lobby["epoch"]),
        (&json!(1), &data["epoch"])
    );
    assert_eq!(lobby["battery_percent"], 12);

    let lost = running
        .post("/control/devices/sunrise.lobby/counter-loss", json!({}))
        .await;
    assert!(lost["epoch"].as_u64() > data["epoch"].as_u64());
    running
        .post("/control/devices/sunrise.lobby/forced", json!({}))
        .await;
    receiver
        .wait(|message| message.json()["type"] == "door.forced_open")
        .await;
    let forced = of_type("door.forced_open")(&receiver);
    assert_eq!(
        (&forced[0]["data"]["epoch"], &forced[0]["data"]["sequence"]),
        (&lost["epoch"], &json!(1))
    );
}

#[tokio::test]
async fn backfill_gives_every_event_once_by_cursor() {
    let site = Site::new(None);
    let running = site.start().await;
    let gateway = site.caller(running.partner.api, WEBHOOK_GW);
    let token = gateway.token("events:read", "sunrise").await;
    let mut told = Vec::new();
    for _ in 0..5 {
        told.push(
            running
                .post(
                    "/control/devices/sunrise.lobby/access",
                    json!({"method": "pin", "granted": false}),
                )
                .await["event_id"]
                .clone(),
        );
    }
    running
        .post("/control/devices/moonrise.lobby/forced", json!({}))
        .await;
    let (mut found, mut next) = (Vec::new(), String::new());
    loop {
        let path = format!("/v1/complexes/sunrise/events?limit=2{next}");
        let (status, page) = gateway.call(Method::GET, &path, &token, None).await;
        assert_eq!(status, StatusCode::OK);
        let events = page["events"].as_array().unwrap();
        found.extend(events.iter().map(|event| event["id"].clone()));
        next = format!("&after={}", page["next"].as_str().unwrap());
        if events.is_empty() {
            break;
        }
    }
    assert_eq!(found, told);
    let elsewhere = gateway.token("events:read", "moonrise").await;
    let path = format!("/v1/complexes/moonrise/events?limit=2{next}");
    let (status, answer) = gateway.call(Method::GET, &path, &elsewhere, None).await;
    assert_eq!(
        (status, &answer["type"]),
        (StatusCode::BAD_REQUEST, &problem("invalid-request")),
        "a cursor of another complex"
    );
}

#[tokio::test]
async fn what_is_withheld_is_not_sent_and_kept_only_if_it_is_not_forgotten() {
    let (site, running, receiver) = with_receiver().await;
    for (how, times) in [("unsent", 1), ("forgotten", 2)] {
        let body = json!({"how": how, "times": times});
        let path = "/control/devices/sunrise.lobby/withhold";
        running.post(path, body).await;
        for _ in 0..times {
            let path = "/control/devices/sunrise.lobby/forced";
            running.post(path, json!({})).await;
        }
    }
    let path = "/control/devices/sunrise.lobby/held";
    running.post(path, json!({})).await;
    let told = receiver.wait(|_| true).await.json();
    assert_eq!(
        (&told["type"], &told["data"]["sequence"]),
        (&json!("door.held_open"), &json!(4))
    );
    let gateway = site.caller(running.partner.api, WEBHOOK_GW);
    let token = gateway.token("events:read", "sunrise").await;
    let path = "/v1/complexes/sunrise/events";
    let (_, page) = gateway.call(Method::GET, path, &token, None).await;
    let kept = page["events"].as_array().unwrap().iter();
    let kept: Vec<_> = kept.map(|event| &event["data"]["sequence"]).collect();
    assert_eq!(kept, [&json!(1), &json!(4)]);
}

#[tokio::test]
async fn raw_bytes_are_sent_once_and_the_answer_is_told() {
    let (_site, running, receiver) = with_receiver().await;
    let answer = running
        .post(
            "/control/events/raw",
            json!({"body": "not an event", "sign": false}),
        )
        .await;
    assert_eq!(answer["status"], 401);
    let headers = json!({"content-type": "text/plain", "webhook-timestamp": "1"});
    running
        .post(
            "/control/events/raw",
            json!({"body_base64": "eHg=", "headers": headers, "sign": true}),
        )
        .await;
    let old = receiver.wait(|message| message.body == b"xx").await;
    assert_eq!(
        (old.content_type.as_str(), old.verified),
        ("text/plain", false)
    );
    let signed = running
        .post("/control/events/raw", json!({"body": "[]", "sign": true}))
        .await;
    assert_eq!(signed["status"], 200);
    assert_eq!(receiver.received().len(), 3);
}
