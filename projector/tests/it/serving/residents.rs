//! A resident asks about himself, through the BFF.

use auditlog::{Receipt, verify_inclusion};
use domain::id::SubjectRef;
use domain::vocabulary::{Outcome, ReadMethod, Verdict};
use eventlog::Topic;
use jiff::Timestamp;
use proto::access::resident_service_client::ResidentServiceClient;
use proto::access::{
    GetMyCommandRequest, GetMyReceiptRequest, ListMyHistoryRequest, ListWhoLookedRequest,
};
use serde_json::json;
use tonic::transport::Channel;
use tonic::{Code, Request};
use uuid::Uuid;

use crate::fixture::{command, completed, decided, device, observed};
use crate::run::ORIGIN;
use crate::site::{BFF, READER};

use super::{Site, reason, sunrise};

type Client = ResidentServiceClient<Channel>;

async fn connect(site: &Site, name: &str) -> Client {
    ResidentServiceClient::new(site.endpoint(Some(name)).connect().await.unwrap())
}

/// As this user of the app.
fn owner<T>(site: &Site, user: &str, message: T) -> Request<T> {
    let claims = json!({"sub": user, "client_id": "resident-app", "roles": []});
    site.with_token(message, &site.disk.issuer.token(&[], claims))
}

/// `anna` (42, as the fixture's events are) opened a gate; of `boris` (43) there is nothing; a car that
/// nobody knows came by.
async fn lived_in() -> Site {
    let site = Site::start().await;
    for (user, subject) in [("anna", 42), ("boris", 43)] {
        let subject = SubjectRef(Uuid::from_u128(subject));
        site.disk.register(user, subject).await;
    }
    let gate = device("sunrise.gate");
    let fixture = &site.disk.fixture;
    let decision = decided(&gate, command(1), Verdict::Allow, Timestamp::now());
    fixture.signed(Topic::AccessEvents, &decision).await;
    let done = completed(&gate, command(1), Outcome::Executed);
    fixture.signed(Topic::AccessEvents, &done).await;
    let mut passing = observed(&gate, "car", 1, Timestamp::now());
    passing.actor.subject = None;
    fixture.unsigned(Topic::AccessEvents, &passing).await;
    site.projected().await;
    site
}

fn history() -> ListMyHistoryRequest {
    ListMyHistoryRequest {
        complex_id: "sunrise".into(),
        ..ListMyHistoryRequest::default()
    }
}

fn looks() -> ListWhoLookedRequest {
    ListWhoLookedRequest {
        complex_id: "sunrise".into(),
        ..ListWhoLookedRequest::default()
    }
}

fn receipt(event: &str) -> GetMyReceiptRequest {
    GetMyReceiptRequest {
        complex_id: "sunrise".into(),
        event_id: event.to_owned(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_sees_his_own_and_nothing_else() {
    let site = lived_in().await;
    let mut client = connect(&site, BFF).await;
    let mine = client
        .list_my_history(owner(&site, "anna", history()))
        .await
        .unwrap();
    let mine = mine.into_inner().accesses;
    assert_eq!(mine.len(), 1);
    assert_eq!(mine[0].outcome, Outcome::Executed.number());
    assert_eq!(mine[0].device_id, "sunrise.gate");
    let command = GetMyCommandRequest {
        complex_id: "sunrise".into(),
        command_id: mine[0].command_id.clone(),
    };
    let told = client
        .get_my_command(owner(&site, "anna", command.clone()))
        .await
        .unwrap();
    assert_eq!(told.into_inner(), mine[0]);

    // Who is known but has nothing, and who was never met.
    for user in ["boris", "vera"] {
        let theirs = client
            .list_my_history(owner(&site, user, history()))
            .await
            .unwrap();
        assert_eq!(theirs.into_inner().accesses, []);
        let theirs = client
            .list_who_looked(owner(&site, user, looks()))
            .await
            .unwrap();
        assert_eq!(theirs.into_inner().looks, []);
        let missing = (Code::NotFound, "RECORD_NOT_FOUND".to_owned());
        let asked = client
            .get_my_command(owner(&site, user, command.clone()))
            .await;
        assert_eq!(reason(&asked.unwrap_err()), missing);
        let asked = receipt(&mine[0].event_id);
        let asked = client.get_my_receipt(owner(&site, user, asked)).await;
        assert_eq!(reason(&asked.unwrap_err()), missing);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_for_whom_it_was_made() {
    let site = lived_in().await;
    let gate = device("sunrise.gate");
    let second = decided(&gate, command(2), Verdict::Deny, Timestamp::now());
    site.disk.fixture.signed(Topic::AccessEvents, &second).await;
    site.projected().await;
    let mut client = connect(&site, BFF).await;
    let first = ListMyHistoryRequest {
        page_size: 1,
        ..history()
    };
    let page = client
        .list_my_history(owner(&site, "anna", first))
        .await
        .unwrap();
    let next = ListMyHistoryRequest {
        page_token: page.into_inner().next_page_token,
        ..history()
    };
    let page = client
        .list_my_history(owner(&site, "anna", next.clone()))
        .await
        .unwrap();
    assert_eq!(page.into_inner().accesses.len(), 1);
    let refused = client.list_my_history(owner(&site, "boris", next)).await;
    assert_eq!(super::fields(&refused.unwrap_err()), ["page_token"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_looked_is_told_and_ones_own_looks_are_recorded_but_not_told() {
    let site = lived_in().await;
    let mut client = connect(&site, BFF).await;
    client
        .list_my_history(owner(&site, "anna", history()))
        .await
        .unwrap();
    site.search(sunrise()).await.unwrap();
    let by_name = proto::access::SearchAccessRequest {
        subject_ref: Uuid::from_u128(42).to_string(),
        ..sunrise()
    };
    site.search(by_name).await.unwrap();
    site.projected().await;
    let told = client
        .list_who_looked(owner(&site, "anna", looks()))
        .await
        .unwrap();
    let told = told.into_inner().looks;
    let seen: Vec<_> = told
        .iter()
        .map(|look| (look.method, look.asked_for_me))
        .collect();
    let search = ReadMethod::SearchAccess.number();
    assert_eq!(seen, [(search, true), (search, false)]);
    let recorded = super::reads::recorded(&site).await;
    let own = |read: &&(Option<Uuid>, domain::event::AuditRead)| {
        read.0 == Some(Uuid::from_u128(42)) && read.1.method == ReadMethod::OwnHistory
    };
    assert!(recorded.iter().any(|read| own(&read)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_proves_decision_and_outcome() {
    let site = lived_in().await;
    let mut client = connect(&site, BFF).await;
    let mine = client
        .list_my_history(owner(&site, "anna", history()))
        .await
        .unwrap();
    let event = mine.into_inner().accesses.remove(0).event_id;
    let answer = client
        .get_my_receipt(owner(&site, "anna", receipt(&event)))
        .await
        .unwrap();
    let receipt = Receipt::parse(&answer.into_inner().receipt).unwrap();
    let log = auditlog::LogId::new("access.events.v1", "sunrise").unwrap();
    let origin = auditlog::Origin::new(ORIGIN, &log).unwrap();
    assert_eq!(
        receipt
            .0
            .iter()
            .map(|proof| proof.index)
            .collect::<Vec<_>>(),
        [0, 1]
    );
    for proof in receipt.0 {
        let note = proof.checkpoint.as_bytes();
        let checkpoint = site.disk.verifier.verify(&origin, note).unwrap();
        let hash = auditlog::Leaf::of(proof.leaf.into(), 0, 0).hash();
        let (size, root) = (checkpoint.size(), checkpoint.root());
        verify_inclusion(hash, proof.index, size, root, &proof.hashes).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_certificate_opens_the_other_service() {
    let site = lived_in().await;
    let mut as_auditor = connect(&site, READER).await;
    let refused = as_auditor
        .list_my_history(owner(&site, "anna", history()))
        .await;
    let expected = (Code::PermissionDenied, "PEER_NOT_ALLOWED".to_owned());
    assert_eq!(reason(&refused.unwrap_err()), expected);
    let channel = site.endpoint(Some(BFF)).connect().await.unwrap();
    let mut audit = proto::access::audit_service_client::AuditServiceClient::new(channel);
    let refused = audit.search_access(site.auditor(sunrise())).await;
    assert_eq!(reason(&refused.unwrap_err()), expected);
    // Nor does an auditor's token.
    let mut client = connect(&site, BFF).await;
    let refused = client.list_my_history(site.auditor(history())).await;
    assert_eq!(reason(&refused.unwrap_err()).0, Code::Unauthenticated);
}
