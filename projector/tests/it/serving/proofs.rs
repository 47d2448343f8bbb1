//! Records, checkpoints and proofs that hold.

use auditlog::{LogId, Origin, verify_consistency, verify_inclusion};
use domain::vocabulary::{Outcome, Verdict};
use eventlog::Topic;
use jiff::Timestamp;
use proto::access::{
    AccessKind, GetAccessRecordRequest, GetCheckpointRequest, GetConsistencyProofRequest,
};
use tonic::Code;

use crate::fixture::{at, command, completed, decided, device, observed};
use crate::run::ORIGIN;

use super::{Site, reason, sunrise};

#[tokio::test(flavor = "multi_thread")]
async fn a_found_record_has_a_proof_that_holds() {
    let site = Site::start().await;
    let fixture = &site.disk.fixture;
    let gate = device("sunrise.gate");
    let now = Timestamp::now();
    fixture
        .signed(
            Topic::AccessEvents,
            &decided(&gate, command(1), Verdict::Allow, now),
        )
        .await;
    fixture
        .signed(
            Topic::AccessEvents,
            &decided(&gate, command(1), Verdict::Allow, now),
        )
        .await;
    fixture
        .signed(
            Topic::AccessEvents,
            &completed(&gate, command(1), Outcome::Unknown),
        )
        .await;
    fixture
        .signed(
            Topic::AccessEvents,
            &completed(&gate, command(1), Outcome::Executed),
        )
        .await;
    fixture
        .signed(
            Topic::AccessEvents,
            &decided(&gate, command(2), Verdict::Deny, now),
        )
        .await;
    fixture
        .unsigned(Topic::AccessEvents, &observed(&gate, "e", 1, at(9)))
        .await;
    fixture
        .raw(Topic::AccessEvents, "sunrise", Some(vec![0xff; 9]))
        .await;
    site.projected().await;

    let (records, next) = site.search(sunrise()).await.unwrap();
    assert_eq!(next, "");
    let kinds: Vec<_> = records.iter().map(|r| (r.kind(), r.leaf_index)).collect();
    use AccessKind::{Command, Observed, Unreadable};
    let expected = [
        (Unreadable, 6),
        (Observed, 5),
        (Command, 4),
        (Command, 1),
        (Command, 0),
    ];
    assert_eq!(kinds, expected);
    let outcomes: Vec<_> = records
        .iter()
        .map(|r| (r.outcome().as_str_name(), r.void))
        .collect();
    assert_eq!(outcomes[2], ("OUTCOME_UNSPECIFIED", false));
    assert_eq!(outcomes[3], ("OUTCOME_UNSPECIFIED", true));
    assert_eq!(outcomes[4], ("OUTCOME_EXECUTED", false));
    assert!(records[4].completed_at.is_some());

    let log = LogId::new("access.events.v1", "sunrise").unwrap();
    let origin = Origin::new(ORIGIN, &log).unwrap();
    for record in &records {
        let asked = GetAccessRecordRequest {
            complex_id: "sunrise".into(),
            event_id: record.event_id.clone(),
            ..GetAccessRecordRequest::default()
        };
        let answer = site
            .audit()
            .await
            .get_access_record(site.auditor(asked))
            .await
            .unwrap();
        let answer = answer.into_inner();
        assert_eq!(answer.record.as_ref(), Some(record));
        let checkpoint = site
            .disk
            .verifier
            .verify(&origin, answer.checkpoint.as_bytes())
            .unwrap();
        let proof = answer.inclusion_proof.unwrap();
        assert_eq!(
            (checkpoint.size(), proof.tree_size, proof.leaf_index),
            (7, 7, record.leaf_index)
        );
        let hashes: Vec<[u8; 32]> = proof
            .hashes
            .iter()
            .map(|hash| hash.as_slice().try_into().unwrap())
            .collect();
        let leaf = auditlog::Leaf::of(answer.leaf.into(), 0, 0).hash();
        verify_inclusion(
            leaf,
            proof.leaf_index,
            proof.tree_size,
            checkpoint.root(),
            &hashes,
        )
        .unwrap();
    }

    // Later the tree has grown, and can show that it still begins with what was seen.
    let checkpoint = async || {
        let asked = GetCheckpointRequest {
            complex_id: "sunrise".into(),
            log: 0,
        };
        let note = site
            .audit()
            .await
            .get_checkpoint(site.auditor(asked))
            .await
            .unwrap();
        site.disk
            .verifier
            .verify(&origin, note.into_inner().checkpoint.as_bytes())
            .unwrap()
    };
    let old = checkpoint().await;
    fixture
        .unsigned(Topic::AccessEvents, &observed(&gate, "f", 1, at(9)))
        .await;
    site.projected().await;
    let new = checkpoint().await;
    let asked = |old_size, new_size| GetConsistencyProofRequest {
        complex_id: "sunrise".into(),
        log: 0,
        old_size,
        new_size,
    };
    let proof = site.auditor(asked(old.size(), new.size()));
    let proof = site
        .audit()
        .await
        .get_consistency_proof(proof)
        .await
        .unwrap()
        .into_inner();
    let hashes: Vec<[u8; 32]> = proof
        .hashes
        .iter()
        .map(|hash| hash.as_slice().try_into().unwrap())
        .collect();
    verify_consistency(old.size(), old.root(), new.size(), new.root(), &hashes).unwrap();
    for (old, new) in [(0, 1), (2, 1), (1, 99)] {
        let refused = site.auditor(asked(old, new));
        let refused = site
            .audit()
            .await
            .get_consistency_proof(refused)
            .await
            .unwrap_err();
        assert_eq!(reason(&refused), (Code::OutOfRange, "OUTSIDE_TREE".into()));
    }
    let asked = GetCheckpointRequest {
        complex_id: "sunrise".into(),
        log: 2,
    };
    let refused = site
        .audit()
        .await
        .get_checkpoint(site.auditor(asked))
        .await
        .unwrap_err();
    assert_eq!(
        reason(&refused),
        (Code::NotFound, "CHECKPOINT_NOT_FOUND".into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_names_the_tree_that_its_rows_are_proven_in_however_it_grows() {
    let site = Site::start().await;
    let gate = device("sunrise.gate");
    let seen = async |id: &str| {
        let seen = observed(&gate, id, 1, at(0));
        site.disk.fixture.unsigned(Topic::AccessEvents, &seen).await;
        site.projected().await;
    };
    let page = async || {
        let page = site
            .audit()
            .await
            .search_access(site.auditor(sunrise()))
            .await;
        page.unwrap().into_inner()
    };
    assert_eq!(page().await.log_state, None, "no log has begun");
    for id in ["a", "b", "c"] {
        seen(id).await;
    }
    let first = page().await;
    let state = first.log_state.unwrap();
    let log = LogId::new("access.events.v1", "sunrise").unwrap();
    let origin = Origin::new(ORIGIN, &log).unwrap();
    let verifier = &site.disk.verifier;
    let signed = verifier
        .verify(&origin, state.checkpoint.as_bytes())
        .unwrap();
    assert_eq!((signed.size(), state.size), (3, 3));
    assert_eq!(signed.root()[..], state.root);

    seen("d").await;
    let asked = |event_id: &str, tree_size| GetAccessRecordRequest {
        complex_id: "sunrise".into(),
        event_id: event_id.to_owned(),
        tree_size,
    };
    for record in &first.records {
        let asked = site.auditor(asked(&record.event_id, state.size));
        let answer = site.audit().await.get_access_record(asked).await;
        let answer = answer.unwrap().into_inner();
        let proof = answer.inclusion_proof.unwrap();
        assert_eq!((proof.tree_size, answer.checkpoint.as_str()), (3, ""));
        let hashes = proof.hashes.iter().map(|hash| hash.as_slice().try_into());
        let hashes: Vec<[u8; 32]> = hashes.collect::<Result<_, _>>().unwrap();
        let leaf = auditlog::Leaf::of(answer.leaf.into(), 0, 0).hash();
        verify_inclusion(leaf, record.leaf_index, 3, signed.root(), &hashes).unwrap();
    }
    // The newest record is in no such tree, and no tree is larger than the newest.
    let newest = page().await.records.remove(0);
    for size in [3, 5] {
        let asked = site.auditor(asked(&newest.event_id, size));
        let refused = site.audit().await.get_access_record(asked).await;
        let refused = reason(&refused.unwrap_err());
        assert_eq!(refused, (Code::OutOfRange, "OUTSIDE_TREE".into()));
    }
    // Who has read stands in a log of its own.
    let reads = proto::access::SearchReadsRequest {
        complex_id: "sunrise".into(),
        ..Default::default()
    };
    site.projected().await;
    let reads = site.audit().await.search_reads(site.auditor(reads)).await;
    let state = reads.unwrap().into_inner().log_state.unwrap();
    assert!(state.checkpoint.contains("/audit.reads.v1/sunrise\n"));
}
