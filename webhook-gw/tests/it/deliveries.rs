//! What a partner's engineers can find out by themselves.

use eventlog::Topic;
use rcgen::SanType;
use serde_json::{Value, json};
use service::rate::Rate;

use crate::support::{BATCH, SECRET, SINGLE, World, declared, granted, status};

async fn shown(response: reqwest::Response) -> Value {
    assert_eq!(response.status(), 200);
    let answer: Value = response.json().await.unwrap();
    declared(&answer);
    answer
}

#[tokio::test]
async fn a_partner_sees_what_became_of_its_own_deliveries() {
    let world = World::start().await;
    let partner = world.partner();
    let good = granted(1);
    partner.verdicts(SINGLE, &good).await;
    let mut bad = granted(2);
    bad["data"]["owner_name"] = json!("Anna Petrova");
    partner.verdicts(BATCH, &json!([bad, status(1)])).await;
    let strange = "whsec_c3RyYW5nZSBzdHJhbmdlIHN0cmFuZ2Ugc3RyYW5nZSE=";
    partner.post(SINGLE, &good.to_string(), strange).await;
    partner.post("text/plain", "Anna Petrova", SECRET).await;

    let answer = shown(partner.deliveries().await).await;
    assert!(!answer.to_string().contains("Anna"));
    let deliveries = answer["deliveries"].as_array().unwrap();
    let told: Vec<_> = deliveries
        .iter()
        .map(|one| (one["status"].as_u64().unwrap(), one["reason"].as_str()))
        .collect();
    assert_eq!(
        told,
        [
            (415, Some("content_type")),
            (401, Some("signature_mismatch")),
            (200, None),
            (200, None),
        ]
    );
    assert_eq!(deliveries[2]["message"], "msg_1");
    assert_eq!(
        deliveries[2]["verdicts"],
        json!([
            {
                "index": 0, "id": bad["id"], "verdict": "rejected",
                "reason": "undeclared_field", "path": "/data/owner_name",
            },
            { "index": 1, "id": deliveries[2]["verdicts"][1]["id"], "verdict": "accepted" },
        ])
    );

    let other = world.client(SanType::URI("spiffe://other/webhook".try_into().unwrap()));
    let answer = shown(other.deliveries().await).await;
    assert_eq!(answer["deliveries"], json!([]), "another partner's own");
    let stranger = world.client(SanType::DnsName(crate::support::dns("stranger.example")));
    assert_eq!(stranger.deliveries().await.status(), 401);
}

#[tokio::test]
async fn what_is_validated_is_judged_and_not_recorded() {
    let world = World::start().await;
    let partner = world.partner();
    let mut bad = granted(2);
    bad["data"]["method"] = json!("sorcery");
    let batch = json!([granted(1), bad]).to_string();
    let answer = shown(partner.validate(BATCH, &batch, SECRET).await).await;
    assert_eq!(answer["verdicts"][0]["verdict"], "accepted");
    assert_eq!(answer["verdicts"][1]["reason"], "invalid_field");
    assert_eq!(answer["verdicts"][1]["path"], "/data/method");
    let strange = "whsec_c3RyYW5nZSBzdHJhbmdlIHN0cmFuZ2Ugc3RyYW5nZSE=";
    assert_eq!(partner.validate(BATCH, &batch, strange).await.status(), 401);
    for topic in [Topic::AccessEvents, Topic::IngressRejected] {
        assert!(world.records(topic).await.is_empty(), "{topic}");
    }
    let answer = shown(partner.deliveries().await).await;
    assert_eq!(answer["deliveries"], json!([]), "nothing was delivered");
}

#[tokio::test]
async fn a_partner_that_sends_too_often_waits_and_the_others_do_not() {
    let world = World::start_with(|config| {
        config.partners[0].quota.rate = Rate::new(1, 2);
        config.deliveries_kept = 1;
    })
    .await;
    let partner = world.partner();
    for sequence in 1..=2 {
        partner.verdicts(SINGLE, &granted(sequence)).await;
    }
    let refused = partner.post(SINGLE, &granted(3).to_string(), SECRET).await;
    assert_eq!(refused.status(), 429);
    let wait: u64 = refused.headers()["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((50..=61).contains(&wait), "{wait}");
    let problem: Value = refused.json().await.unwrap();
    declared(&problem);
    assert_eq!(problem["type"], "urn:smarthome:problem:rate-limited");
    assert_eq!(problem["reason"], "rate");
    assert_eq!(world.records(Topic::AccessEvents).await.len(), 2);
    let other = world.client(SanType::URI("spiffe://other/webhook".try_into().unwrap()));
    assert_eq!(other.deliveries().await.status(), 200);
}
