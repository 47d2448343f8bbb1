//! Refused whole: a problem that says what is wrong, and nothing recorded.

use anyhow::Result;
use harness::pki::{Pki, San};
use harness::site::{PARTNER_DNS, Part};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::support::Scene;
use crate::support::sender::{BATCH, SINGLE, Sender, granted, headers};

fn is(status: u16, slug: &str, reason: &str) -> (u16, String, String) {
    (status, slug.to_owned(), reason.to_owned())
}

#[tokio::test]
async fn certificates_signatures_and_timestamps() -> Result<()> {
    let scene = Scene::start().await?;
    let site = scene.site();
    let partner = Sender::new(site, &site.certificates.partner)?;
    let before = scene.traces().await?;
    let body = granted(1).to_string();

    // Certificates.
    let rogue = Pki::rogue(&site.dir.join("rogue"))?;
    let of_another_authority = rogue.issue_client("partner", &[San::dns(PARTNER_DNS)])?;
    for (name, sender) in [
        ("no certificate", Sender::bare(site)?),
        (
            "another authority's",
            Sender::new(site, &of_another_authority)?,
        ),
    ] {
        assert!(
            sender.post(SINGLE, &body).await.is_err(),
            "{name}: no connection"
        );
    }
    let other = site
        .pki
        .issue_client("other", &[San::dns("webhooks.other.example")])?;
    for certificate in [
        &other,
        &site.certificates.bff,
        &site.certificates.services[&Part::CommandSvc],
    ] {
        let answer = Sender::new(site, certificate)?.post(SINGLE, &body).await?;
        let expected = is(401, "certificate-refused", "unknown_certificate");
        assert_eq!(answer.problem()?, expected, "{certificate:?}");
    }

    // Signatures.
    let now = Timestamp::now();
    let strange = "whsec_c3RyYW5nZSBzdHJhbmdlIHN0cmFuZ2Ugc3RyYW5nZSE=";
    let mismatch = is(401, "signature-invalid", "signature_mismatch");
    let answer = partner
        .send(&body, headers(strange, SINGLE, &body, now)?)
        .await?;
    assert_eq!(answer.problem()?, mismatch, "another secret");
    let another = partner.headers(SINGLE, &granted(2).to_string(), now)?;
    assert_eq!(
        partner.send(&body, another).await?.problem()?,
        mismatch,
        "another body's"
    );
    let mut renamed = partner.headers(SINGLE, &body, now)?;
    renamed.insert("webhook-id", "msg_another".parse()?);
    assert_eq!(
        partner.send(&body, renamed).await?.problem()?,
        mismatch,
        "another id"
    );
    let spaced = format!("{body} ");
    let answer = partner
        .send(&spaced, partner.headers(SINGLE, &body, now)?)
        .await?;
    assert_eq!(answer.problem()?, mismatch, "a byte more");
    for header in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        let mut lacking = partner.headers(SINGLE, &body, now)?;
        lacking.remove(header);
        let expected = is(401, "signature-invalid", "header");
        assert_eq!(
            partner.send(&body, lacking).await?.problem()?,
            expected,
            "no {header}"
        );
    }

    // Timestamps: good signatures of another time.
    let skew = |seconds| now + SignedDuration::from_secs(seconds);
    let old = partner
        .send(&body, partner.headers(SINGLE, &body, skew(-310))?)
        .await?;
    assert_eq!(
        old.problem()?,
        is(401, "signature-invalid", "timestamp_too_old")
    );
    let early = partner
        .send(&body, partner.headers(SINGLE, &body, skew(330))?)
        .await?;
    assert_eq!(
        early.problem()?,
        is(401, "signature-invalid", "timestamp_in_the_future")
    );

    assert_eq!(scene.traces().await?, before);
    scene.finish().await
}

#[tokio::test]
async fn what_is_no_cloudevent_and_what_is_too_large() -> Result<()> {
    let scene = Scene::start().await?;
    let site = scene.site();
    let partner = Sender::new(site, &site.certificates.partner)?;
    let before = scene.traces().await?;

    let without = |name: &str| {
        let mut event = granted(1);
        event.as_object_mut().unwrap().remove(name);
        event["subject"] = json!("Anna Petrova");
        event
    };
    let mut version = granted(1);
    version["specversion"] = json!("0.3");
    let bodies: [(&str, &str, String, &str); 9] = [
        ("no JSON", SINGLE, "Anna Petrova".to_owned(), ""),
        ("nothing", SINGLE, String::new(), ""),
        ("a list", SINGLE, "[]".to_owned(), ""),
        ("no id", SINGLE, without("id").to_string(), "/id"),
        (
            "no source",
            SINGLE,
            without("source").to_string(),
            "/source",
        ),
        ("no type", SINGLE, without("type").to_string(), "/type"),
        (
            "another version",
            SINGLE,
            version.to_string(),
            "/specversion",
        ),
        ("one event as a batch", BATCH, granted(1).to_string(), ""),
        (
            "one bad in a batch",
            BATCH,
            json!([granted(1), without("id")]).to_string(),
            "/1/id",
        ),
    ];
    for (name, kind, body, field) in bodies {
        let answer = partner.post(kind, &body).await?;
        assert_eq!(answer.status, 400, "{name}: {answer:?}");
        assert!(!answer.text.contains("Anna"), "{name}: {}", answer.text);
        let problem = answer.json()?;
        assert_eq!(
            problem["type"], "urn:smarthome:problem:not-cloudevents",
            "{name}"
        );
        assert_eq!(problem["errors"][0]["field"], field, "{name}: {problem}");
    }

    let body = granted(1).to_string();
    for kind in ["application/json", "text/plain", "application/cloudevents"] {
        let answer = partner.post(kind, &body).await?;
        let expected = is(415, "unsupported-media-type", "content_type");
        assert_eq!(answer.problem()?, expected, "{kind}");
    }
    let large = " ".repeat(262_145);
    let answer = partner.post(SINGLE, &large).await?;
    assert_eq!(answer.problem()?, is(413, "body-too-large", "body_bytes"));
    let many: Value = (0..101).map(granted).collect();
    let answer = partner.post(BATCH, &many.to_string()).await?;
    assert_eq!(answer.problem()?, is(413, "body-too-large", "batch_events"));

    assert_eq!(scene.traces().await?, before);
    scene.finish().await
}
