//! A partner that is slow, greedy or withdrawn takes nothing from the others.

use std::sync::Arc;
use std::time::Duration;

use rcgen::SanType;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, HandshakeKind, RootCertStore};
use serde_json::{Value, json};
use webhook_gw::config::PartnerConfig;

use crate::support::{BATCH, PATIENCE, SECRET, SINGLE, World, dns, granted};

const HTTP_1: &str = "http/1.1";
const SHORT: Duration = Duration::from_millis(300);
const OFTEN: Duration = Duration::from_millis(20);

fn gatekeeper() -> SanType {
    SanType::DnsName(dns("gatekeeper.example"))
}

/// Asks until so it is.
async fn eventually(mut ask: impl AsyncFnMut() -> bool) {
    let so = async {
        while !ask().await {
            tokio::time::sleep(OFTEN).await;
        }
    };
    tokio::time::timeout(PATIENCE, so).await.unwrap();
}

#[tokio::test]
async fn headers_that_drip_are_cut_over_http_1_and_http_2() {
    let world = World::start_with(|config| config.listen.header_timeout = SHORT).await;
    let tls = world.tls(gatekeeper());
    let mut resting = world.raw(&tls, HTTP_1).await.unwrap();
    assert_eq!(resting.ask().await, Some(200));

    let mut slow = world.raw(&tls, HTTP_1).await.unwrap();
    assert_eq!(slow.ask().await, Some(200));
    let head = "POST /v1/events HTTP/1.1\r\nhost: localhost\r\nx-slow: ";
    slow.say(head).await.unwrap();
    slow.drip(b'a').await;

    let mut slow = world.raw(&tls, "h2").await.unwrap();
    let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    // RFC 9113, section 6.2: HEADERS of stream 1, `:method: GET`, without END_HEADERS; then a
    // CONTINUATION of which 100 bytes are announced.
    let headers = [0, 0, 1, 1, 0, 0, 0, 0, 1, 0x82];
    let continuation = [0, 0, 100, 9, 0, 0, 0, 0, 1];
    slow.say("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
    for frame in [&settings[..], &headers, &continuation] {
        slow.say(frame).await.unwrap();
    }
    slow.drip(0x84).await;

    let mut silent = world.raw(&tls, HTTP_1).await.unwrap();
    assert!(silent.answer().await.is_none(), "no request at all");

    assert_eq!(resting.ask().await, Some(200), "which only rested");
}

#[tokio::test]
async fn a_connection_too_many_of_one_partner_is_none_of_anothers() {
    let world = World::start_with(|config| {
        config.partners[0].quota.max_connections = 1;
        config.partners.push(PartnerConfig {
            id: "other".parse().unwrap(),
            secrets: config.partners[0].secrets.clone(),
            quota: config.partners[0].quota,
        });
    })
    .await;
    let tls = world.tls(gatekeeper());
    let mut first = world.raw(&tls, HTTP_1).await.unwrap();
    assert_eq!(first.ask().await, Some(200));
    // Another certificate of the same partner is still that partner's.
    let renewed = world.tls(gatekeeper());
    let mut second = world.raw(&renewed, HTTP_1).await.unwrap();
    assert_eq!(second.ask().await, None, "closed without an answer");
    let other = world.tls(SanType::URI(dns("spiffe://other/webhook")));
    let mut other = world.raw(&other, HTTP_1).await.unwrap();
    assert_eq!(other.ask().await, Some(200));
    assert_eq!(first.ask().await, Some(200), "and the first goes on");
    drop(first);
    eventually(async || {
        let mut next = world.raw(&tls, HTTP_1).await.unwrap();
        next.ask().await == Some(200)
    })
    .await;
}

#[tokio::test]
async fn tls_1_2_is_not_spoken() {
    let world = World::start().await;
    let files = world.files(gatekeeper());
    let mut roots = RootCertStore::empty();
    let root = CertificateDer::from_pem_file(&*files.server_roots).unwrap();
    roots.add(root).unwrap();
    let certificate = CertificateDer::from_pem_file(&*files.certificate).unwrap();
    let key = PrivateKeyDer::from_pem_file(files.private_key.path()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let with = |version| {
        ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(roots.clone())
            .with_client_auth_cert(vec![certificate.clone()], key.clone_key())
            .unwrap()
    };
    let refused = world.raw(&with(&rustls::version::TLS12), HTTP_1).await;
    let told = refused.err().unwrap().to_string();
    assert!(told.contains("ProtocolVersion"), "{told}");
    let mut good = world
        .raw(&with(&rustls::version::TLS13), HTTP_1)
        .await
        .unwrap();
    assert_eq!(good.ask().await, Some(200));
}

#[tokio::test]
async fn no_session_outlives_the_certificates_acceptance() {
    let world = World::start_with(|config| config.listen.reload_every = OFTEN).await;
    // Keeps whatever tickets it is given, and uses them.
    let tls = world.tls(gatekeeper());
    for _ in 0..3 {
        let mut raw = world.raw(&tls, HTTP_1).await.unwrap();
        assert_eq!(raw.ask().await, Some(200));
        let kind = raw.0.get_ref().1.handshake_kind();
        assert_eq!(kind, Some(HandshakeKind::Full));
    }
    world.registrar.suspend_gatekeeper().await;
    eventually(async || {
        let mut raw = world.raw(&tls, HTTP_1).await.unwrap();
        raw.ask().await == Some(401)
    })
    .await;
    world.distrust_clients();
    eventually(async || match world.raw(&tls, HTTP_1).await {
        Ok(mut raw) => raw.ask().await.is_none(),
        Err(_) => true,
    })
    .await;
}

#[tokio::test]
async fn secrets_are_changed_while_it_serves() {
    let world = World::start_with(|config| config.listen.reload_every = OFTEN).await;
    let (partner, next) = (
        world.partner(),
        "whsec_bmV4dCBuZXh0IG5leHQgbmV4dCBuZXh0IG5leHQ=",
    );
    let body = granted(1).to_string();
    assert_eq!(partner.post(SINGLE, &body, SECRET).await.status(), 200);
    world.agree_on(next);
    eventually(async || partner.post(SINGLE, &body, next).await.status() == 200).await;
    assert_eq!(partner.post(SINGLE, &body, SECRET).await.status(), 401);
}

#[tokio::test]
async fn a_full_queue_answers_at_once_and_takes_again_when_there_is_room() {
    let world = World::start_with(|config| {
        config.max_queued_records = Some(5);
        config.max_in_flight = 100;
    })
    .await;
    let partner = world.partner();
    let batch = json!([granted(1), granted(2), granted(3)]).to_string();
    let hold = world.log.memory.hold();
    // There is room for the three of one, and not for those of a second.
    let ask = async || partner.post(BATCH, &batch, SECRET).await;
    let (one, two, three) = tokio::join!(ask(), ask(), ask());
    drop(hold);
    let mut reasons = Vec::new();
    for answer in [one, two, three] {
        assert_eq!(answer.status(), 503);
        assert_eq!(answer.headers()["retry-after"], "5");
        let body: Value = answer.json().await.unwrap();
        reasons.push(body["reason"].as_str().unwrap().to_owned());
    }
    reasons.sort();
    assert_eq!(reasons, ["not_recorded", "queue_full", "queue_full"]);
    assert_eq!(ask().await.status(), 200);
}

#[tokio::test]
async fn a_body_without_room_is_refused_before_it_is_sent() {
    let world = World::start_with(|config| {
        config.max_queued_bytes = 20_000;
        config.max_in_flight = 100;
    })
    .await;
    let tls = world.tls(gatekeeper());
    let head = |length, more: &str| {
        format!(
            "POST /v1/events HTTP/1.1\r\nhost: localhost\r\ncontent-type: {SINGLE}\r\n\
             content-length: {length}\r\n{more}\r\n"
        )
    };
    let mut large = world.raw(&tls, HTTP_1).await.unwrap();
    let waits = head(19_999, "expect: 100-continue\r\n");
    large.say(waits).await.unwrap();
    assert_eq!(large.answer().await.unwrap().status, 100, "it has room");

    let mut small = world.raw(&tls, HTTP_1).await.unwrap();
    small.say(head(2, "")).await.unwrap();
    let refused = small.answer().await.unwrap();
    assert_eq!(refused.status, 503);
    assert!(refused.head.contains("retry-after: 5"), "{}", refused.head);
    assert!(refused.body.contains("queue_full"), "{}", refused.body);

    drop(large);
    eventually(async || {
        let mut small = world.raw(&tls, HTTP_1).await.unwrap();
        small.say(head(2, "")).await.unwrap();
        small.say("{}").await.unwrap();
        small.answer().await.unwrap().status == 401
    })
    .await;
}
