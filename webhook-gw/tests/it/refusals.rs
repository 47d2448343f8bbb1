//! What is refused whole, before anything is recorded.

use eventlog::Topic;
use jiff::{SignedDuration, Timestamp};
use rcgen::SanType;
use reqwest::Response;
use serde_json::{Value, json};

use crate::support::{BATCH, PATIENCE, SECRET, SINGLE, World, declared, dns, granted, signed};

/// A problem's status, type and reason.
async fn problem(response: Response) -> (u16, String, String) {
    let status = response.status().as_u16();
    assert_eq!(
        response.headers()["content-type"],
        "application/problem+json"
    );
    let body: Value = response.json().await.unwrap();
    declared(&body);
    assert_eq!(body["status"], status);
    assert!(body["title"].is_string() && body["detail"].is_string());
    let text = |name: &str| body[name].as_str().unwrap().to_owned();
    let slug = text("type")
        .strip_prefix("urn:smarthome:problem:")
        .unwrap()
        .to_owned();
    (status, slug, text("reason"))
}

fn is(status: u16, slug: &str, reason: &str) -> (u16, String, String) {
    (status, slug.to_owned(), reason.to_owned())
}

async fn nothing_was_recorded(world: &World) {
    for topic in [
        Topic::AccessEvents,
        Topic::DeviceStatus,
        Topic::IngressRejected,
    ] {
        assert!(world.records(topic).await.is_empty(), "{topic}");
    }
}

#[tokio::test]
async fn signatures_and_timestamps() {
    let world = World::start().await;
    let (partner, body) = (world.partner(), granted(1).to_string());
    let strange = "whsec_c3RyYW5nZSBzdHJhbmdlIHN0cmFuZ2Ugc3RyYW5nZSE=";
    let refused = problem(partner.post(SINGLE, &body, strange).await).await;
    assert_eq!(refused, is(401, "signature-invalid", "signature_mismatch"));

    let other = signed(SINGLE, &granted(2).to_string(), SECRET, Timestamp::now());
    let refused = problem(partner.send(&body, other).await).await;
    assert_eq!(refused, is(401, "signature-invalid", "signature_mismatch"));

    let old = Timestamp::now() - SignedDuration::from_secs(310);
    let refused = problem(
        partner
            .send(&body, signed(SINGLE, &body, SECRET, old))
            .await,
    )
    .await;
    assert_eq!(refused, is(401, "signature-invalid", "timestamp_too_old"));

    let mut unsigned = signed(SINGLE, &body, SECRET, Timestamp::now());
    unsigned.remove("webhook-signature");
    let refused = problem(partner.send(&body, unsigned).await).await;
    assert_eq!(refused, is(401, "signature-invalid", "header"));
    nothing_was_recorded(&world).await;
}

#[tokio::test]
async fn certificates() {
    let world = World::start().await;
    let body = granted(1).to_string();
    let stranger = world.client(SanType::DnsName(dns("stranger.example")));
    let refused = problem(stranger.post(SINGLE, &body, SECRET).await).await;
    assert_eq!(
        refused,
        is(401, "certificate-refused", "unknown_certificate")
    );

    // Another partner can't speak with this partner's secret.
    let other = world.client(SanType::URI(dns("spiffe://other/webhook")));
    let refused = problem(other.post(SINGLE, &body, SECRET).await).await;
    assert_eq!(refused, is(401, "signature-invalid", "no_secret"));

    let bare = reqwest::Client::builder()
        .tls_backend_preconfigured(no_certificate())
        .build()
        .unwrap();
    assert!(
        bare.post(&world.url).body(body).send().await.is_err(),
        "no certificate, no connection"
    );
    nothing_was_recorded(&world).await;
}

/// A client that trusts anybody and presents nothing; it must fail on what it presents.
fn no_certificate() -> rustls::ClientConfig {
    let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    rustls::ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(std::sync::Arc::new(Anybody(provider)))
        .with_no_client_auth()
}

#[derive(Debug)]
struct Anybody(std::sync::Arc<rustls::crypto::CryptoProvider>);

mod anybody {
    use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
    use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
    use rustls::{DigitallySignedStruct, Error, SignatureScheme};

    impl ServerCertVerifier for super::Anybody {
        fn verify_server_cert(
            &self,
            _: &CertificateDer<'_>,
            _: &[CertificateDer<'_>],
            _: &ServerName<'_>,
            _: &[u8],
            _: UnixTime,
        ) -> Result<ServerCertVerified, Error> {
            Ok(ServerCertVerified::assertion())
        }

        fn verify_tls12_signature(
            &self,
            _: &[u8],
            _: &CertificateDer<'_>,
            _: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            Ok(HandshakeSignatureValid::assertion())
        }

        fn verify_tls13_signature(
            &self,
            _: &[u8],
            _: &CertificateDer<'_>,
            _: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            Ok(HandshakeSignatureValid::assertion())
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            self.0.signature_verification_algorithms.supported_schemes()
        }
    }
}

#[tokio::test]
async fn a_suspension_takes_effect_with_the_registry() {
    let world = World::start().await;
    let partner = world.partner();
    partner.verdicts(SINGLE, &granted(1)).await;
    world.registrar.suspend_gatekeeper().await;
    let suspended = async {
        let body = granted(2).to_string();
        while partner.post(SINGLE, &body, SECRET).await.status() == 200 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, suspended).await.unwrap();
    let refused = problem(partner.post(SINGLE, &granted(3).to_string(), SECRET).await).await;
    assert_eq!(refused, is(401, "certificate-refused", "partner_suspended"));
}

#[tokio::test]
async fn bodies_that_are_no_cloudevents_name_the_field_and_never_the_value() {
    let world = World::start().await;
    let partner = world.partner();
    let mut nameless = granted(1);
    nameless.as_object_mut().unwrap().remove("id");
    nameless["source"] = json!("Anna Petrova");
    for (kind, body, field) in [
        (SINGLE, "Anna Petrova".to_owned(), ""),
        (SINGLE, nameless.to_string(), "/id"),
        (BATCH, json!([granted(1), nameless]).to_string(), "/1/id"),
        (BATCH, granted(1).to_string(), ""),
        (BATCH, "[]".to_owned(), ""),
    ] {
        let response = partner.post(kind, &body, SECRET).await;
        assert_eq!(response.status(), 400);
        let text = response.text().await.unwrap();
        assert!(!text.contains("Anna"), "{text}");
        let problem: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(problem["type"], "urn:smarthome:problem:not-cloudevents");
        assert_eq!(problem["errors"][0]["field"], field, "{text}");
    }
    nothing_was_recorded(&world).await;
}

#[tokio::test]
async fn sizes_types_methods_and_paths() {
    let world = World::start().await;
    let partner = world.partner();
    let large = " ".repeat(20_001);
    let refused = problem(partner.post(SINGLE, &large, SECRET).await).await;
    assert_eq!(refused, is(413, "body-too-large", "body_bytes"));
    let many: Value = (0..6).map(granted).collect();
    let refused = problem(partner.post(BATCH, &many.to_string(), SECRET).await).await;
    assert_eq!(refused, is(413, "body-too-large", "batch_events"));
    let body = granted(1).to_string();
    let refused = problem(partner.post("application/json", &body, SECRET).await).await;
    assert_eq!(refused, is(415, "unsupported-media-type", "content_type"));
    let refused = problem(partner.http.get(&world.url).send().await.unwrap()).await;
    assert_eq!(refused, is(405, "method-not-allowed", "method"));
    let elsewhere = world.url.replace("/v1/events", "/v2/events");
    let refused = problem(partner.http.post(elsewhere).send().await.unwrap()).await;
    assert_eq!(refused, is(404, "not-found", "path"));
    nothing_was_recorded(&world).await;
}
