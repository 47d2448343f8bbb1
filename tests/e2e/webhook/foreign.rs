//! Messages of partners that use the public libraries of other languages.

use anyhow::{Context as _, Result};
use domain::event::Body;
use eventlog::Topic;
use harness::engines::senders::Language;
use serde_json::{Value, json};

use crate::support::Scene;
use crate::support::sender::granted;

#[tokio::test]
async fn javascript_is_understood() -> Result<()> {
    understood(Language::JavaScript).await
}

#[tokio::test]
async fn python_is_understood() -> Result<()> {
    understood(Language::Python).await
}

async fn understood(language: Language) -> Result<()> {
    let scene = Scene::start().await?;
    let site = scene.site();
    let secret = std::fs::read_to_string(&site.keys.webhook)?;
    let wish = |events: Value, batch: bool, secret: &str| {
        json!({
            "url": format!("https://localhost:{}/v1/events", site.ports.webhook.number()),
            "ca": site.pki.bundle(),
            "certificate": site.certificates.partner.certificate,
            "private_key": site.certificates.partner.private_key,
            "secret": secret.trim(),
            "id": format!("msg_{}", uuid::Uuid::new_v4()),
            "events": events,
            "batch": batch,
        })
    };
    let mut bad = granted(3);
    bad["data"]["owner_name"] = json!("Anna Petrova");
    let single = json!([granted(1)]);
    let batch = json!([granted(2), bad, granted(4)]);
    let Some((status, verdicts)) = send(&scene, language, wish(single, false, &secret)).await?
    else {
        return scene.finish().await;
    };
    assert_eq!((status, verdicts), (200, vec!["accepted".to_owned()]));
    let sent = send(&scene, language, wish(batch, true, &secret)).await?;
    let (status, verdicts) = sent.context("the language was there")?;
    assert_eq!(status, 200);
    assert_eq!(verdicts, ["accepted", "rejected", "accepted"]);
    let strange = "whsec_c3RyYW5nZSBzdHJhbmdlIHN0cmFuZ2Ugc3RyYW5nZSE=";
    let forged = send(&scene, language, wish(json!([granted(5)]), false, strange)).await?;
    assert_eq!(forged.context("the language was there")?.0, 401);

    let mut sequences = Vec::new();
    for (_, event) in scene.log.events(Topic::AccessEvents).await? {
        if let Body::AccessObserved(observed) = event.body {
            sequences.push(observed.sequence.sequence - 1_000_000);
        }
    }
    assert_eq!(sequences, [1, 2, 4]);
    scene.finish().await
}

/// Status, and the verdict on each event.
async fn send(
    scene: &Scene,
    language: Language,
    wish: Value,
) -> Result<Option<(u64, Vec<String>)>> {
    let file = scene.site().dir.join("message.json");
    std::fs::write(&file, wish.to_string())?;
    let sent = tokio::task::spawn_blocking(move || language.send(&file)).await??;
    let Some(answer) = sent else {
        return Ok(None);
    };
    let body: Value = serde_json::from_str(answer["body"].as_str().context("a body")?)?;
    let verdicts = body["verdicts"].as_array().into_iter().flatten();
    let verdicts = verdicts.map(|one| one["verdict"].as_str().unwrap_or_default().to_owned());
    let status = answer["status"].as_u64().context("a status")?;
    Ok(Some((status, verdicts.collect())))
}
