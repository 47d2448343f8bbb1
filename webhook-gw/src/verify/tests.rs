#![allow(clippy::unwrap_used)]
use axum::http::HeaderValue;
use jiff::SignedDuration;
use rcgen::{CertificateParams, KeyPair, SanType};
use standardwebhooks::Webhook;

use super::*;
use crate::testing::{at, fold, partner, registry};

const OLD: &str = "whsec_b2xkIG9sZCBvbGQgb2xkIG9sZCBvbGQgb2xkIG9sZCE=";
const NEW: &str = "whsec_bmV3IG5ldyBuZXcgbmV3IG5ldyBuZXcgbmV3IG5ldyE=";
const STRANGE: &str = "whsec_c3RyYW5nZSBzdHJhbmdlIHN0cmFuZ2Ugc3RyYW5nZSE=";
const BODY: &str = r#"{"specversion":"1.0"}"#;
const NOW: &str = "2026-11-24T10:00:00Z";

fn peer(sans: &[SanType]) -> PeerIdentity {
    let mut params = CertificateParams::default();
    params.subject_alt_names = sans.to_vec();
    let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
    PeerIdentity::from_der(certificate.der()).unwrap()
}

fn dns(name: &str) -> SanType {
    SanType::DnsName(name.try_into().unwrap())
}

fn uri(name: &str) -> SanType {
    SanType::URI(name.try_into().unwrap())
}

fn gatekeeper() -> PeerIdentity {
    peer(&[dns("gatekeeper.example")])
}

fn secrets() -> Secrets {
    let of = |text: &str| Secret::parse(text.as_bytes()).unwrap();
    Secrets::new([
        ("gatekeeper".parse().unwrap(), vec![of(OLD), of(NEW)]),
        ("suspended".parse().unwrap(), vec![of(OLD)]),
    ])
}

fn signed(secret: &str, sent: Timestamp, body: &str) -> HeaderMap {
    let signature = Webhook::new(secret)
        .unwrap()
        .sign("msg_1", sent.as_second(), body.as_bytes());
    headers(&sent.as_second().to_string(), &signature.unwrap())
}

fn headers(timestamp: &str, signature: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("webhook-id", HeaderValue::from_static("msg_1"));
    headers.insert("webhook-timestamp", timestamp.parse().unwrap());
    headers.insert("webhook-signature", signature.parse().unwrap());
    headers
}

fn verified(peer: PeerIdentity, headers: HeaderMap) -> Result<PartnerId, NotVerified> {
    let unverified = Unverified {
        caller: Caller::of(&registry(), &peer)?,
        headers,
        body: Bytes::from_static(BODY.as_bytes()),
    };
    let verified = unverified.verify(&secrets(), at(NOW))?;
    assert_eq!(verified.body(), BODY.as_bytes());
    Ok(verified.partner().clone())
}

#[test]
fn either_active_secret_will_do_and_no_other() {
    for secret in [OLD, NEW] {
        let partner = verified(gatekeeper(), signed(secret, at(NOW), BODY));
        assert_eq!(partner, Ok("gatekeeper".parse().unwrap()));
    }
    let refused = verified(gatekeeper(), signed(STRANGE, at(NOW), BODY));
    assert_eq!(refused, Err(NotVerified::SignatureMismatch));
}

#[test]
fn one_right_signature_among_several_is_enough() {
    let header = |secret| {
        let headers = signed(secret, at(NOW), BODY);
        headers["webhook-signature"].to_str().unwrap().to_owned()
    };
    let now = at(NOW).as_second().to_string();
    let several = format!("v1,AAAA v2,x {} {}", header(STRANGE), header(NEW));
    assert!(verified(gatekeeper(), headers(&now, &several)).is_ok());
    let right = header(NEW);
    for wrong in [
        "v1,".to_owned(),
        "x".to_owned(),
        right.replace("v1,", "v1a,"),
        right.replace("v1,", ""),
        right[..right.len() - 1].to_owned(),
        format!("{right}="),
        format!("{} {right}", "v1,AAAA ".repeat(20).trim()),
    ] {
        let refused = verified(gatekeeper(), headers(&now, &wrong));
        assert_eq!(refused, Err(NotVerified::SignatureMismatch), "{wrong}");
    }
}

#[test]
fn the_signature_covers_body_id_and_timestamp() {
    let mismatch = Err(NotVerified::SignatureMismatch);
    assert_eq!(verified(gatekeeper(), signed(NEW, at(NOW), "{}")), mismatch);
    let mut other_id = signed(NEW, at(NOW), BODY);
    other_id.insert("webhook-id", HeaderValue::from_static("msg_2"));
    assert_eq!(verified(gatekeeper(), other_id), mismatch);
    let mut later = signed(NEW, at(NOW), BODY);
    let second_later = (at(NOW).as_second() + 1).to_string();
    later.insert("webhook-timestamp", second_later.parse().unwrap());
    assert_eq!(verified(gatekeeper(), later), mismatch);
}

#[test]
fn five_minutes_of_clock_and_no_more() {
    let second = SignedDuration::from_secs(1);
    let when = |sent| verified(gatekeeper(), signed(NEW, sent, BODY)).err();
    assert_eq!(when(at(NOW) - TOLERANCE), None);
    assert_eq!(when(at(NOW) + TOLERANCE), None);
    assert_eq!(
        when(at(NOW) - TOLERANCE - second),
        Some(NotVerified::TimestampTooOld)
    );
    assert_eq!(
        when(at(NOW) + TOLERANCE + second),
        Some(NotVerified::TimestampInTheFuture)
    );
}

#[test]
fn each_header_must_be_there_once_and_well_formed() {
    for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        let mut without = signed(NEW, at(NOW), BODY);
        without.remove(name);
        assert_eq!(
            verified(gatekeeper(), without),
            Err(NotVerified::Header(name))
        );
        let mut twice = signed(NEW, at(NOW), BODY);
        let value = twice[name].clone();
        twice.append(name, value);
        assert_eq!(
            verified(gatekeeper(), twice),
            Err(NotVerified::Header(name))
        );
    }
    for timestamp in [
        "-9223372036854775808",
        "+1",
        "1e9",
        "9223372036854775807",
        "99999999999999999999",
        " ",
    ] {
        let refused = verified(gatekeeper(), headers(timestamp, "v1,x"));
        assert_eq!(
            refused,
            Err(NotVerified::Header("webhook-timestamp")),
            "{timestamp}"
        );
    }
}

#[test]
fn the_certificate_names_one_known_unsuspended_partner() {
    let when = |sans: &[SanType]| verified(peer(sans), signed(OLD, at(NOW), BODY));
    assert_eq!(
        when(&[dns("stranger.example")]),
        Err(NotVerified::UnknownCertificate)
    );
    assert_eq!(
        when(&[dns("x.gatekeeper.example")]),
        Err(NotVerified::UnknownCertificate)
    );
    assert_eq!(when(&[]), Err(NotVerified::UnknownCertificate));
    assert_eq!(
        when(&[dns("suspended.example")]),
        Err(NotVerified::PartnerSuspended)
    );
    assert_eq!(
        when(&[uri("spiffe://other/webhook")]),
        Err(NotVerified::NoSecret)
    );
    let two = [dns("gatekeeper.example"), uri("spiffe://other/webhook")];
    assert_eq!(when(&two), Err(NotVerified::AmbiguousCertificate));
}

#[test]
fn two_partners_with_one_name_are_nobody() {
    let mut registry = Registry::default();
    fold(
        &mut registry,
        "global",
        vec![
            partner("gatekeeper", "dns:gatekeeper.example", false),
            partner("twin", "dns:gatekeeper.example", false),
        ],
    );
    let refused = Caller::of(&registry, &gatekeeper()).unwrap_err();
    assert_eq!(refused, NotVerified::AmbiguousCertificate);
}
