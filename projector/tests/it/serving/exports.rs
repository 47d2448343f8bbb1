//! Archives that are streamed. That they prove anything is `auditctl`'s to say, in the end-to-end tests.

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use domain::vocabulary::{ReadMethod, Verdict};
use eventlog::Topic;
use jiff::Timestamp;
use proto::access::audit_service_client::AuditServiceClient;
use proto::access::export_response::Part;
use proto::access::{ExportRequest, ExportResponse, LogKind};
use tonic::{Code, Status, Streaming};
use uuid::Uuid;

use super::reads::recorded;
use super::{Site, reason};
use crate::fixture::{command, decided, device};
use crate::run::wait;
use crate::site::READER;

/// Whose decisions the fixture makes.
const PERSON: Uuid = Uuid::from_u128(42);

fn accesses(complex: &str) -> ExportRequest {
    ExportRequest {
        complex_ids: vec![complex.to_owned()],
        logs: vec![LogKind::Access.into()],
        ..ExportRequest::default()
    }
}

async fn export(site: &Site, asked: ExportRequest) -> Result<Streaming<ExportResponse>, Status> {
    let exported = site.audit().await.export(site.auditor(asked)).await;
    Ok(exported?.into_inner())
}

/// Why an export ends, when it begins or in its stream.
async fn refused(site: &Site, asked: ExportRequest) -> (Code, String) {
    let ended = match export(site, asked).await {
        Ok(mut stream) => stream.message().await.map(drop),
        Err(status) => Err(status),
    };
    reason(&ended.unwrap_err())
}

async fn with_decisions(count: u128) -> Site {
    let site = Site::start().await;
    let gate = device("sunrise.gate");
    for number in 0..count {
        let decision = decided(&gate, command(number), Verdict::Allow, Timestamp::now());
        let fixture = &site.disk.fixture;
        fixture.signed(Topic::AccessEvents, &decision).await;
    }
    site.projected().await;
    site
}

#[tokio::test(flavor = "multi_thread")]
async fn who_goes_with_an_archive_is_recorded_before_its_first_byte_and_its_end_says_what_it_was() {
    let site = with_decisions(300).await;
    let mut stream = export(&site, accesses("sunrise")).await.unwrap();
    let first = stream.message().await.unwrap().unwrap();
    let reads = recorded(&site).await;
    let [(_, read)] = &reads[..] else {
        panic!("{reads:?}");
    };
    assert_eq!(
        (read.method, read.further.as_str(), &read.shown[..]),
        (ReadMethod::Export, "log=ACCESS", &[PERSON][..])
    );
    let (mut bytes, mut end, mut next) = (Vec::new(), None, Some(first));
    while let Some(message) = next {
        assert!(end.is_none(), "nothing comes behind the end");
        match message.part.unwrap() {
            Part::Chunk(chunk) => {
                assert!(chunk.len() <= 64 * 1024);
                bytes.extend(chunk);
            }
            Part::End(said) => end = Some(said),
        }
        next = stream.message().await.unwrap();
    }
    let end = end.unwrap();
    assert!(bytes.len() > 3 * 64 * 1024);
    assert_eq!((end.size, end.records), (bytes.len() as u64, 300));
    assert_eq!(end.sha256, digest(&SHA256, &bytes).as_ref());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_has_limits_and_leaves_its_place_when_nobody_listens() {
    let mut site = with_decisions(300).await;
    let not_found = (Code::NotFound, "COMPLEX_NOT_FOUND".into());
    assert_eq!(refused(&site, accesses("sunset")).await, not_found);
    let registry = ExportRequest {
        logs: vec![LogKind::Registry.into()],
        ..accesses("sunrise")
    };
    let none = (Code::NotFound, "CHECKPOINT_NOT_FOUND".into());
    assert_eq!(refused(&site, registry).await, none, "it has no registry");
    let all = ExportRequest {
        logs: Vec::new(),
        ..accesses("sunrise")
    };
    assert!(export(&site, all).await.is_ok(), "what there is, goes");
    let nobody = ExportRequest::default();
    let wrong = export(&site, nobody).await.unwrap_err();
    assert_eq!(super::fields(&wrong), ["complex_ids"]);

    site.restart(|config| config.serve.as_mut().unwrap().exports.at_once = 1)
        .await;
    // One that is slow to take it.
    let narrow = site.endpoint(Some(READER));
    let narrow = narrow.initial_stream_window_size(Some(1024));
    let first = AuditServiceClient::new(narrow.connect().await.unwrap())
        .export(site.auditor(accesses("sunrise")))
        .await;
    let mut first = first.unwrap().into_inner();
    first.message().await.unwrap().unwrap();
    let busy = (Code::ResourceExhausted, "TOO_MANY_CALLS".into());
    assert_eq!(refused(&site, accesses("sunrise")).await, busy);
    drop(first);
    wait(async || export(&site, accesses("sunrise")).await.is_ok()).await;

    let recorded_before = recorded(&site).await.len();
    site.restart(|config| {
        let exports = &mut config.serve.as_mut().unwrap().exports;
        (exports.at_once, exports.bundles) = (2, 1);
    })
    .await;
    let much = (Code::InvalidArgument, "INVALID_ARGUMENT".into());
    assert_eq!(refused(&site, accesses("sunrise")).await, much);
    site.restart(|config| config.serve.as_mut().unwrap().exports.longest = Duration::ZERO)
        .await;
    let late = (Code::DeadlineExceeded, "DEADLINE_EXCEEDED".into());
    assert_eq!(refused(&site, accesses("sunrise")).await, late);
    assert_eq!(
        recorded(&site).await.len(),
        recorded_before,
        "nothing went out"
    );
}
