//! The audit log as it is published: over real TLS, read with clients that know nothing of it.

use auditlog::{LogId, LogReader, Origin, PublishedObject, verify_inclusion};
use eventlog::Topic;
use jiff::Timestamp;
use reqwest::header::{
    ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, ETAG, IF_NONE_MATCH, RETRY_AFTER, VARY,
    WWW_AUTHENTICATE,
};
use reqwest::{Method, Response, StatusCode};
use serde_json::json;

use super::Site;
use crate::fixture::{device, observed};
use crate::run::ORIGIN;

pub(super) const LOG: &str = "access.events.v1/sunrise";

pub(super) struct Visitor<'a> {
    site: &'a Site,
    http: reqwest::Client,
}

impl<'a> Visitor<'a> {
    /// Without a certificate.
    pub(super) fn of(site: &'a Site) -> Self {
        // Whoever was first wins; all of them are this one.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let roots = std::fs::read(site.disk.pki.bundle()).unwrap();
        let roots = reqwest::Certificate::from_pem_bundle(&roots).unwrap();
        let http = reqwest::Client::builder()
            .no_proxy()
            .tls_certs_only(roots)
            .build()
            .unwrap();
        Self { site, http }
    }

    fn ask(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let address = &self.site.tiles;
        self.http.request(method, format!("{address}/{path}"))
    }

    pub(super) async fn get(&self, path: &str) -> Response {
        self.ask(Method::GET, path).send().await.unwrap()
    }

    /// As an auditor of these complexes.
    pub(super) async fn entries(&self, path: &str, complexes: &[&str]) -> Response {
        let token = self.site.disk.issuer.token(complexes, json!({}));
        let asked = self.ask(Method::GET, path).bearer_auth(token);
        asked.send().await.unwrap()
    }
}

fn header(response: &Response, name: reqwest::header::HeaderName) -> &str {
    response
        .headers()
        .get(&name)
        .map_or("", |value| value.to_str().unwrap())
}

pub(super) async fn with_leaves(count: u32) -> Site {
    let site = Site::start().await;
    for complex in ["sunrise", "sunset"] {
        let gate = device(&format!("{complex}.gate"));
        for number in 0..count {
            let seen = observed(&gate, &format!("e{number}"), 1, Timestamp::now());
            site.disk.fixture.unsigned(Topic::AccessEvents, &seen).await;
        }
    }
    site.projected().await;
    site
}

#[tokio::test(flavor = "multi_thread")]
async fn anybody_checks_hashes_and_auditors_read_entries() {
    let site = with_leaves(260).await;
    let visitor = Visitor::of(&site);

    let checkpoint = visitor.get(&format!("{LOG}/checkpoint")).await;
    assert_eq!(checkpoint.status(), StatusCode::OK);
    assert_eq!(
        header(&checkpoint, CONTENT_TYPE),
        "text/plain; charset=utf-8"
    );
    assert_eq!(header(&checkpoint, CACHE_CONTROL), "public, max-age=5");
    let note = checkpoint.bytes().await.unwrap();
    let log = LogId::new("access.events.v1", "sunrise").unwrap();
    let origin = Origin::new(ORIGIN, &log).unwrap();
    let checkpoint = site.disk.verifier.verify(&origin, &note).unwrap();
    assert_eq!(checkpoint.size(), 260);

    // Tiles never change; of partial ones, any that the log has outgrown is still there.
    let mut hashes = Vec::new();
    for (path, length) in [("000", 256), ("000.p/7", 7), ("001.p/4", 4), ("001.p/1", 1)] {
        let tile = visitor.get(&format!("{LOG}/tile/0/{path}")).await;
        assert_eq!(tile.status(), StatusCode::OK, "{path}");
        assert_eq!(header(&tile, CONTENT_TYPE), "application/octet-stream");
        assert!(header(&tile, CACHE_CONTROL).ends_with("immutable"));
        let bytes = tile.bytes().await.unwrap();
        assert_eq!(bytes.len(), 32 * length, "{path}");
        hashes.push(bytes);
    }
    assert_eq!(hashes[0][..7 * 32], hashes[1]);
    let top = visitor.get(&format!("{LOG}/tile/1/000.p/1")).await;
    assert_eq!(top.bytes().await.unwrap().len(), 32);

    let path = format!("{LOG}/tile/entries/001.p/4");
    let entries = visitor.entries(&path, &["sunrise"]).await;
    assert_eq!(entries.status(), StatusCode::OK);
    assert!(header(&entries, CACHE_CONTROL).starts_with("private"));
    assert_eq!(header(&entries, VARY), "authorization");
    let bundle = auditlog::parse_bundle(entries.bytes().await.unwrap(), 4).unwrap();

    // What was given out leads to the root that was signed.
    let tiles = site.disk.path().join("tiles");
    let stored = auditlog::open_folder(&tiles).unwrap();
    let reader = LogReader::open(log, origin, stored, site.disk.verifier.clone()).unwrap();
    for (index, leaf) in (256..).zip(&bundle) {
        let proof = reader.inclusion_proof(index, 260).await.unwrap();
        let hash = auditlog::Leaf::of(leaf.clone(), 0, 0).hash();
        verify_inclusion(hash, index, 260, checkpoint.root(), &proof).unwrap();
        let at = 32 * usize::try_from(index - 256).unwrap();
        assert_eq!(hashes[2][at..at + 32], hash);
    }
    // And is what is stored, byte for byte.
    for path in [
        "checkpoint",
        "tile/0/000",
        "tile/1/000.p/1",
        "tile/entries/000",
        "position/000",
        "position/001.p/4",
    ] {
        let object = PublishedObject::parse(path).unwrap();
        let file = std::fs::read(tiles.join(LOG).join(path)).unwrap();
        assert_eq!(reader.published(object).await.unwrap(), file, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_read_entries_learns_nothing() {
    let site = with_leaves(1).await;
    let visitor = Visitor::of(&site);
    for object in ["tile/entries/000.p/1", "position/000.p/1"] {
        let path = format!("access.events.v1/sunset/{object}");
        let path = path.as_str();

        let nobody = visitor.get(path).await;
        assert_eq!(nobody.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(header(&nobody, WWW_AUTHENTICATE), "Bearer");
        let unknown = visitor
            .get(&format!("access.events.v1/nowhere/{object}"))
            .await;
        assert_eq!(unknown.status(), StatusCode::UNAUTHORIZED);
        for (changes, status) in [
            (json!({"roles": ["resident"]}), StatusCode::FORBIDDEN),
            (json!({"exp": 1}), StatusCode::UNAUTHORIZED),
            (
                json!({"cnf": {"x5t#S256": "A".repeat(43)}}),
                StatusCode::UNAUTHORIZED,
            ),
        ] {
            let token = site.disk.issuer.token(&["sunset"], changes);
            let refused = visitor
                .ask(Method::GET, path)
                .bearer_auth(token)
                .send()
                .await
                .unwrap();
            assert_eq!(refused.status(), status);
        }

        // Outside the perimeter is as if there were none.
        let mut answers = Vec::new();
        for complex in ["sunset", "nowhere", "_partition-0"] {
            let path = format!("access.events.v1/{complex}/{object}");
            let answer = visitor.entries(&path, &["sunrise"]).await;
            let mut headers = answer.headers().clone();
            headers.remove("date");
            answers.push((answer.status(), headers, answer.bytes().await.unwrap()));
        }
        assert_eq!(answers[0].0, StatusCode::NOT_FOUND);
        assert!(
            answers.iter().all(|answer| *answer == answers[0]),
            "{answers:?}"
        );
        let own = visitor.entries(path, &["sunset"]).await;
        assert_eq!(own.status(), StatusCode::OK);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn http_is_spoken_as_caches_expect_and_nothing_else_is_a_path() {
    let site = with_leaves(3).await;
    let visitor = Visitor::of(&site);
    let path = format!("{LOG}/tile/0/000.p/3");

    let whole = visitor.get(&path).await;
    let tag = header(&whole, ETAG).to_owned();
    let bytes = whole.bytes().await.unwrap();
    let head = visitor.ask(Method::HEAD, &path).send().await.unwrap();
    assert_eq!(head.status(), StatusCode::OK);
    assert_eq!(header(&head, CONTENT_LENGTH), bytes.len().to_string());
    assert_eq!(header(&head, ETAG), tag);
    assert!(head.bytes().await.unwrap().is_empty());
    for held in [tag.clone(), format!("\"x\", W/{tag}"), "*".to_owned()] {
        let again = visitor.ask(Method::GET, &path).header(IF_NONE_MATCH, held);
        let again = again.send().await.unwrap();
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
        assert_eq!(header(&again, ETAG), tag);
        assert!(again.bytes().await.unwrap().is_empty());
    }
    let other = visitor
        .ask(Method::GET, &path)
        .header(IF_NONE_MATCH, "\"x\"");
    assert_eq!(other.send().await.unwrap().bytes().await.unwrap(), bytes);
    let posted = visitor.ask(Method::POST, &path).send().await.unwrap();
    assert_eq!(posted.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(header(&posted, ALLOW), "GET, HEAD");

    for path in [
        "",
        "checkpoint",
        "access.events.v1/nowhere/checkpoint",
        "access.events.v1/sunrise/tile/0/000",
        "access.events.v1/sunrise/tile/0/000.p/4",
        "access.events.v1/sunrise/tile/0/000.p/03",
        "access.events.v1/sunrise/tile/0/001.p/1",
        "access.events.v1/sunrise/tile/63/000.p/1",
        "access.events.v1/sunrise/tile/0/%30%30%30.p/3",
        "access.events.v1/sunrise/tile/0/000.p/3?x",
        "access.events.v1/sunrise/offset/000",
        "access.events.v1/%2e%2e/audit.key",
        "device.status.v1/sunrise/checkpoint",
    ] {
        let answer = visitor.get(path).await;
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path}");
        assert_eq!(answer.bytes().await.unwrap(), "not found\n", "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_asks_too_often_has_to_wait() {
    let rate = "rate = { per_minute = 1, burst = 2 }\n";
    let site = Site::start_with(rate).await;
    let visitor = Visitor::of(&site);
    let path = format!("{LOG}/checkpoint");
    for _ in 0..2 {
        assert_eq!(visitor.get(&path).await.status(), StatusCode::NOT_FOUND);
    }
    let refused = visitor.get(&path).await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    let wait: u64 = header(&refused, RETRY_AFTER).parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
}
