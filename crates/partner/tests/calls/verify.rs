//! What must be refused is asked for, harmlessly, and whoever does not refuse it is found out.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use partner::PartnerClient;
use partner::verify::{Check, CheckName, Kept, Target, Unclear, Verdict, verify};
use tokio::time::sleep_until;

use crate::http::Asked;
use crate::partner::{EXECUTED, Partner, Reply, json, problem, soon, sunrise, token};
use crate::pki::Pki;

fn target() -> Target {
    Target {
        perimeter: sunrise(),
        door: "sunrise.door".parse().unwrap(),
        barrier: "sunrise.gate".parse().unwrap(),
        elsewhere: "sunset.door".parse().unwrap(),
    }
}

async fn asked(client: &PartnerClient, kept: &mut Kept) -> BTreeMap<CheckName, Verdict> {
    let checks = verify(client, &target(), kept, Duration::from_millis(1), soon()).await;
    assert_eq!(checks.len(), CheckName::ALL.len());
    let pair = |Check { name, verdict }| (name, verdict);
    checks.into_iter().map(pair).collect()
}

/// The fence of a partner that keeps it.
fn cancelled(asked: &Asked) -> Option<Reply> {
    let path = asked.target.strip_suffix("/cancel")?;
    let id = path.strip_prefix("/v1/commands/")?;
    Some(json(format!(
        r#"{{"command_id":"{id}","state":"cancelled","final":true,"code":"cancelled"}}"#
    )))
}

fn is_open(asked: &Asked) -> bool {
    asked.target.ends_with("/open")
}

#[tokio::test]
async fn a_partner_that_accepts_everything_is_found_out_and_could_open_nothing() {
    let partner = Partner::start(|asked| cancelled(asked).unwrap_or_else(|| json(EXECUTED))).await;
    let checks = asked(&partner.client(), &mut Kept::default()).await;
    for (name, verdict) in &checks {
        let expected = match name {
            CheckName::OpenWithoutCertificate => "refused",
            CheckName::OpenWithExpiredToken => "not_yet",
            _ => "accepted",
        };
        assert_eq!(verdict.label(), expected, "{name:?}: {verdict}");
    }

    // Each open had expired, and was forbidden before it was sent.
    let mut forbidden = BTreeSet::new();
    let mut opens = 0;
    for call in partner.calls() {
        if let Some(id) = call.target.strip_suffix("/cancel") {
            forbidden.insert(id.rsplit('/').next().unwrap().to_owned());
        } else if is_open(&call) {
            opens += 1;
            assert!(forbidden.contains(&call.headers["idempotency-key"]));
            let body: serde_json::Value = serde_json::from_str(&call.body).unwrap();
            let expires_at: Timestamp = body["expires_at"].as_str().unwrap().parse().unwrap();
            assert!(expires_at < Timestamp::now());
        } else {
            assert_eq!(call.method, "GET", "{}", call.target);
        }
    }
    // All but the one without a certificate, and the one with a token that is to expire.
    assert_eq!(opens, 9);
}

#[tokio::test]
async fn an_opening_that_happened_all_the_same_is_told() {
    // Says that it forbids, and opens.
    let partner = Partner::start_with_tokens(|asked| token(asked, 300), {
        let opened = std::sync::Mutex::new(BTreeSet::new());
        move |asked: &Asked| {
            let id = asked.target.split('/').nth(3).unwrap_or_default();
            if is_open(asked) {
                let key = asked.headers["idempotency-key"].clone();
                opened.lock().unwrap().insert(key);
                return json(EXECUTED);
            }
            if opened.lock().unwrap().contains(id) {
                return json(format!(
                    r#"{{"command_id":"{id}","state":"executed","final":true,"result":"executed"}}"#
                ));
            }
            cancelled(asked).unwrap_or_else(|| problem(403, "insufficient-scope"))
        }
    })
    .await;
    let checks = asked(&partner.client(), &mut Kept::default()).await;
    let told = checks[&CheckName::OpenInOtherComplex].to_string();
    assert!(told.contains("OPENED"), "{told}");
}

#[tokio::test]
async fn without_a_fence_nothing_is_tried_and_nothing_proven() {
    for fence in [
        || problem(503, "unavailable"),
        || problem(404, "unknown-command"),
        || json(r#"{"state":"in_progress"}"#),
    ] {
        let partner = Partner::start(move |asked| match asked.method.as_str() {
            "POST" => fence(),
            _ => problem(403, "insufficient-scope"),
        })
        .await;
        let checks = asked(&partner.client(), &mut Kept::default()).await;
        assert!(!partner.calls().iter().any(is_open));
        let verdict = &checks[&CheckName::OpenInOtherComplex];
        assert_eq!(*verdict, Verdict::Unclear(Unclear::NoFence));
        let listed = &checks[&CheckName::ListInOtherComplex];
        assert_eq!(listed.label(), "refused");
    }
}

#[tokio::test]
async fn a_server_that_lets_a_connection_without_a_certificate_stand_is_asked_over_it() {
    for (answer, expected) in [
        (403, "refused"),
        (200, "accepted"),
        (410, "accepted"),
        (503, "unclear"),
    ] {
        let pki = Pki::new();
        let config = pki.lax_server();
        let partner = Partner::start_as(pki, config, move |asked: &Asked| {
            if asked.is_token() {
                return token(asked, 300);
            }
            if let Some(cancelled) = cancelled(asked) {
                return cancelled;
            }
            match (asked.certificate.is_empty(), answer) {
                (false, _) | (true, 403) => problem(403, "insufficient-scope"),
                (true, 410) => problem(410, "expired"),
                (true, 503) => problem(503, "unavailable"),
                (true, _) => json(EXECUTED),
            }
        })
        .await;
        let checks = asked(&partner.client(), &mut Kept::default()).await;
        let bare = &checks[&CheckName::OpenWithoutCertificate];
        assert_eq!(bare.label(), expected, "{bare}");
        let sent: Vec<_> = partner.calls();
        let sent = sent.iter().filter(|call| call.certificate.is_empty());
        assert!(sent.clone().all(is_open) && sent.count() == 1);
    }
}

#[tokio::test]
async fn a_token_is_kept_until_it_has_expired_and_then_asked_about() {
    let partner = Partner::start_with_tokens(
        |asked| token(asked, 1),
        |asked| cancelled(asked).unwrap_or_else(|| problem(401, "token-invalid")),
    )
    .await;
    let (client, mut kept) = (partner.client(), Kept::default());
    let first = asked(&client, &mut kept).await;
    assert!(matches!(
        first[&CheckName::OpenWithExpiredToken],
        Verdict::NotYet { at: Some(_) }
    ));
    sleep_until(kept.due().unwrap()).await;
    let before = partner.calls().len();
    let second = asked(&client, &mut kept).await;
    let expired = &second[&CheckName::OpenWithExpiredToken];
    assert_eq!(expired.to_string(), "401 token_invalid");
    assert_eq!(
        kept.due(),
        None,
        "another one is kept, but nobody has to wait for it"
    );
    assert!(partner.calls().len() > before);

    // A token of another certificate is refused for that, and proves nothing.
    partner.pki().client();
    client.tls().reload_now().unwrap();
    let third = asked(&client, &mut kept).await;
    assert_eq!(third[&CheckName::OpenWithExpiredToken].label(), "not_yet");
}

#[tokio::test]
async fn a_partner_that_is_away_has_proven_nothing() {
    let partner = Partner::start(|_| Reply::RawAndReset(Vec::new())).await;
    let checks = asked(&partner.client(), &mut Kept::default()).await;
    for (name, verdict) in checks {
        let expected = match name {
            CheckName::OpenWithExpiredToken => "not_yet",
            _ => "unclear",
        };
        assert_eq!(verdict.label(), expected, "{name:?}: {verdict}");
    }
}
