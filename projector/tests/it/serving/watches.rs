//! Watching accesses as they are recorded.

use domain::vocabulary::{Outcome, Verdict};
use eventlog::Topic;
use jiff::Timestamp;
use proto::access::audit_service_client::AuditServiceClient;
use proto::access::{AccessKind, WatchAccessRequest, WatchAccessResponse};
use serde_json::json;
use tonic::{Code, Streaming};

use crate::fixture::{at, command, completed, decided, device, observed};

use super::{Site, reason};
use crate::site::READER;

async fn watch(site: &Site, resume_token: &str) -> Streaming<WatchAccessResponse> {
    let asked = WatchAccessRequest {
        complex_id: "sunrise".into(),
        resume_token: resume_token.to_owned(),
    };
    let stream = site.audit().await.watch_access(site.auditor(asked)).await;
    stream.unwrap().into_inner()
}

/// The next access that is told.
async fn next(stream: &mut Streaming<WatchAccessResponse>) -> WatchAccessResponse {
    loop {
        let message = stream.message().await.unwrap().expect("it goes on");
        if message.record.is_some() {
            return message;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_told_once_and_in_order_over_any_number_of_watches() {
    let site = Site::start().await;
    let fixture = &site.disk.fixture;
    let gate = device("sunrise.gate");
    let access = Topic::AccessEvents;
    let seen = |id: &str| observed(&gate, id, 1, at(0));
    fixture.unsigned(access, &seen("before")).await;
    site.projected().await;
    let mut stream = watch(&site, "").await;
    let decision = decided(&gate, command(1), Verdict::Allow, Timestamp::now());
    fixture.signed(access, &decision).await;
    let first = next(&mut stream).await;
    let record = first.record.unwrap();
    assert_eq!(
        (record.kind(), record.leaf_index, first.update),
        (AccessKind::Command, 1, false)
    );
    let token = first.resume_token;
    drop(stream);

    // While nobody watches: the outcome, an event twice, another complex's, what nobody can read.
    fixture
        .signed(access, &completed(&gate, command(1), Outcome::Executed))
        .await;
    fixture.unsigned(access, &seen("twice")).await;
    fixture.unsigned(access, &seen("twice")).await;
    let elsewhere = observed(&device("sunset.gate"), "x", 1, at(0));
    fixture.unsigned(access, &elsewhere).await;
    fixture.raw(access, "sunrise", Some(vec![0xff; 9])).await;
    fixture.unsigned(access, &seen("last")).await;
    let mut stream = watch(&site, &token).await;
    let mut told = Vec::new();
    let mut tokens = Vec::new();
    for _ in 0..4 {
        let message = next(&mut stream).await;
        let record = message.record.unwrap();
        told.push((record.leaf_index, record.kind(), message.update));
        tokens.push(message.resume_token);
    }
    use AccessKind::{Command, Observed, Unreadable};
    let expected = [
        (1, Command, true),
        (3, Observed, false),
        (5, Unreadable, false),
        (6, Observed, false),
    ];
    assert_eq!(told, expected);
    // From anywhere between it goes on exactly there.
    for (i, token) in tokens.iter().enumerate().take(3) {
        let mut stream = watch(&site, token).await;
        let record = next(&mut stream).await.record.unwrap();
        assert_eq!(record.leaf_index, expected[i + 1].0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_ends_with_the_token_and_is_for_who_may_read() {
    let site = Site::start().await;
    let mut audit = site.audit().await;
    let asked = WatchAccessRequest {
        complex_id: "sunset".into(),
        ..WatchAccessRequest::default()
    };
    let refused = audit
        .watch_access(site.auditor(asked.clone()))
        .await
        .unwrap_err();
    assert_eq!(
        reason(&refused),
        (Code::NotFound, "COMPLEX_NOT_FOUND".into())
    );
    let forged = WatchAccessRequest {
        complex_id: "sunrise".into(),
        resume_token: "AAAA".into(),
    };
    let refused = audit.watch_access(site.auditor(forged)).await.unwrap_err();
    assert_eq!(super::fields(&refused), ["resume_token"]);

    let soon = json!({"exp": Timestamp::now().as_second() + 2});
    let token = site.disk.issuer.token(&["sunset"], soon);
    let stream = audit.watch_access(site.with_token(asked, &token)).await;
    let ended = stream.unwrap().into_inner().message().await.unwrap_err();
    assert_eq!(
        reason(&ended),
        (Code::Unauthenticated, "TOKEN_EXPIRED".into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_told_anything_after_his_token_has_ended() {
    /// More than fits between two ends of a connection.
    const MANY: u32 = 3_000;
    let site = Site::start().await;
    let fixture = &site.disk.fixture;
    let gate = device("sunrise.gate");
    let access = Topic::AccessEvents;
    let mut stream = watch(&site, "").await;
    fixture
        .unsigned(access, &observed(&gate, "first", 1, at(0)))
        .await;
    let resume_token = next(&mut stream).await.resume_token;
    drop(stream);
    for number in 0..MANY {
        let seen = observed(&gate, &number.to_string(), 1, at(0));
        fixture.unsigned(access, &seen).await;
    }
    site.projected().await;
    let until = Timestamp::now().as_second() + 2;
    let token = site.disk.issuer.token(&["sunrise"], json!({"exp": until}));
    let asked = WatchAccessRequest {
        complex_id: "sunrise".into(),
        resume_token,
    };
    let endpoint = site
        .endpoint(Some(READER))
        .initial_stream_window_size(Some(65_535));
    let mut audit = AuditServiceClient::new(endpoint.connect().await.unwrap());
    let stream = audit.watch_access(site.with_token(asked, &token)).await;
    let mut stream = stream.unwrap().into_inner();
    // It takes nothing until the token has ended, and the watch with it.
    crate::run::wait(async || Timestamp::now().as_second() > until + 1).await;
    let mut told = 0;
    let ended = loop {
        match stream.message().await {
            Ok(Some(_)) if told < MANY => told += 1,
            Ok(_) => break None,
            Err(ended) => break Some(ended),
        }
    };
    assert!(told < MANY, "all was told");
    // Whoever takes nothing for so long may not hear why.
    if let Some(ended) = ended {
        assert_eq!(
            reason(&ended),
            (Code::Unauthenticated, "TOKEN_EXPIRED".into())
        );
    }
}
