//! Each read stands in the log before it is answered, and who has read can be found.

use auditlog::verify_inclusion;
use domain::event::{AuditRead, Body};
use domain::vocabulary::{ReadMethod, Verdict};
use eventlog::{TailFrom, Topic};
use jiff::Timestamp;
use proto::access::device_status_service_client::DeviceStatusServiceClient;
use proto::access::{
    GetCheckpointRequest, ListDeviceStatusesRequest, SearchAccessRequest, SearchReadsRequest,
};
use serde_json::json;
use tonic::Code;
use uuid::Uuid;

use crate::fixture::{command, decided, device};
use crate::site::{AUDITOR, READER};

use super::{Site, reason, sunrise};

/// Whose decisions the fixture makes.
const PERSON: Uuid = Uuid::from_u128(42);

/// A complex with one decision.
async fn with_a_decision() -> Site {
    let site = Site::start().await;
    let gate = device("sunrise.gate");
    let decision = decided(&gate, command(1), Verdict::Allow, Timestamp::now());
    site.disk
        .fixture
        .signed(Topic::AccessEvents, &decision)
        .await;
    site.projected().await;
    site
}

/// What the log says was read, in its order.
pub async fn recorded(site: &Site) -> Vec<(Option<Uuid>, AuditRead)> {
    let fixture = &site.disk.fixture;
    let ends = fixture.log.end_offsets(Topic::AuditReads).await.unwrap();
    let mut tail = fixture
        .log
        .tail(Topic::AuditReads, TailFrom::Beginning)
        .await
        .unwrap();
    let mut reads = Vec::new();
    while tail.positions() != ends {
        for record in tail.next_batch(100).await.unwrap() {
            let event = fixture.reader().read(&record).unwrap();
            let Body::AuditRead(read) = event.body else {
                panic!("something else in the topic of reads");
            };
            assert_eq!(event.complex.as_str(), "sunrise");
            reads.push((event.actor.subject, read));
        }
    }
    reads
}

fn who_read() -> SearchReadsRequest {
    SearchReadsRequest {
        complex_id: "sunrise".into(),
        ..SearchReadsRequest::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_is_recorded_with_whom_it_shows_and_found_again() {
    let site = with_a_decision().await;
    let asked = SearchAccessRequest {
        device_id: "sunrise.gate".into(),
        ..sunrise()
    };
    assert_eq!(site.search(asked.clone()).await.unwrap().0.len(), 1);
    let reads = recorded(&site).await;
    let [(reader, read)] = &reads[..] else {
        panic!("{reads:?}");
    };
    assert_eq!(
        (*reader, read.method),
        (Some(AUDITOR.0), ReadMethod::SearchAccess)
    );
    assert_eq!(read.shown, [PERSON]);
    // The same again within the minute says nothing new: of so many at most one more, as a minute may turn.
    for _ in 0..5 {
        site.search(asked.clone()).await.unwrap();
    }
    assert!(recorded(&site).await.len() <= 2);
    // Another question is another record, though it shows nobody else.
    let other = SearchAccessRequest {
        verdict: Verdict::Allow.number(),
        automation: 2,
        ..asked
    };
    site.search(other).await.unwrap();
    let reads = recorded(&site).await;
    let (_, last) = reads.last().unwrap();
    assert_eq!(last.further, "verdict=ALLOW automation=MANUAL");

    site.projected().await;
    let mut audit = site.audit().await;
    let by = SearchReadsRequest {
        reader: AUDITOR.to_string(),
        ..who_read()
    };
    let about = SearchReadsRequest {
        about: PERSON.to_string(),
        ..who_read()
    };
    for asked in [who_read(), by, about] {
        let found = audit
            .search_reads(site.auditor(asked))
            .await
            .unwrap()
            .into_inner();
        let first = found.reads.last().unwrap();
        assert_eq!(first.reader_user_id, "auditor-1");
        assert_eq!(first.device_id, "sunrise.gate");
        assert_eq!((first.shown, first.leaf_index), (1, 0));
    }
    let nobody = SearchReadsRequest {
        about: Uuid::from_u128(43).to_string(),
        ..who_read()
    };
    let found = audit.search_reads(site.auditor(nobody)).await.unwrap();
    assert_eq!(found.into_inner().reads, []);

    // It is a log of its own, with a proof for each record.
    let asked = GetCheckpointRequest {
        complex_id: "sunrise".into(),
        log: proto::access::LogKind::Reads.into(),
    };
    let note = audit.get_checkpoint(site.auditor(asked)).await.unwrap();
    let note = note.into_inner().checkpoint;
    let log = auditlog::LogId::new("audit.reads.v1", "sunrise").unwrap();
    let origin = auditlog::Origin::new(crate::run::ORIGIN, &log).unwrap();
    let tiles = site.disk.path().join("tiles");
    let tiles = auditlog::open(&format!("file://{}", tiles.display()).parse().unwrap()).unwrap();
    let verifier = site.disk.verifier.clone();
    let reader = auditlog::LogReader::open(log, origin.clone(), tiles, verifier.clone()).unwrap();
    let checkpoint = verifier.verify(&origin, note.as_bytes()).unwrap();
    let leaf = reader.entry(0).await.unwrap();
    let (size, root) = (checkpoint.size(), checkpoint.root());
    let proof = reader.inclusion_proof(0, size).await.unwrap();
    verify_inclusion(auditlog::Leaf::of(leaf, 0, 0).hash(), 0, size, root, &proof).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_not_registered_reads_nothing_and_hashes_are_no_reads() {
    let site = with_a_decision().await;
    let mut audit = site.audit().await;
    let stranger = json!({"sub": "auditor-2"});
    let token = site.disk.issuer.token(&["sunrise"], stranger);
    let refused = audit
        .search_access(site.with_token(sunrise(), &token))
        .await;
    let expected = (Code::PermissionDenied, "READER_UNKNOWN".to_owned());
    assert_eq!(reason(&refused.unwrap_err()), expected);
    let checkpoint = GetCheckpointRequest {
        complex_id: "sunrise".into(),
        ..GetCheckpointRequest::default()
    };
    audit
        .get_checkpoint(site.auditor(checkpoint))
        .await
        .unwrap();
    assert_eq!(recorded(&site).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_not_be_recorded_is_not_answered() {
    let site = with_a_decision().await;
    site.search(sunrise()).await.unwrap();
    // Another process holds the log's file for itself.
    let log = site.disk.path().join("log.db");
    let held = rusqlite::Connection::open(log).unwrap();
    held.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let channel = site.endpoint(Some(READER)).connect().await.unwrap();
    let mut devices = DeviceStatusServiceClient::new(channel);
    let asked = ListDeviceStatusesRequest {
        complex_id: "sunrise".into(),
    };
    let refused = devices
        .list_device_statuses(site.auditor(asked.clone()))
        .await;
    let (code, why) = reason(&refused.unwrap_err());
    assert!(
        [Code::Unavailable, Code::DeadlineExceeded].contains(&code),
        "{code:?} {why}"
    );
    held.execute_batch("ROLLBACK").unwrap();
    crate::run::wait(async || {
        let answered = devices
            .list_device_statuses(site.auditor(asked.clone()))
            .await;
        answered.is_ok()
    })
    .await;
    let methods: Vec<_> = recorded(&site).await;
    assert!(
        methods
            .iter()
            .any(|(_, read)| read.method == ReadMethod::DeviceStatus)
    );
}
