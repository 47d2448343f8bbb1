//! A log of which an expired bundle was taken away, as auditors and strangers see it.

use auditlog::{CheckpointSigner, LogId, Origin, Pruned, Pruning, open_folder};
use proto::access::{GetAccessRecordRequest, SearchAccessRequest};
use reqwest::StatusCode;
use tonic::Code;

use super::tiles::{LOG, Visitor, with_leaves};
use super::{reason, sunrise};
use crate::run::ORIGIN;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_pruned_is_told_to_be_and_the_rest_is_proven() {
    let site = with_leaves(260).await;
    let log = LogId::new("access.events.v1", "sunrise").unwrap();
    let origin = Origin::new(ORIGIN, &log).unwrap();
    let visitor = Visitor::of(&site);
    let statement = format!("{LOG}/pruned");
    let none = visitor.get(&statement).await;
    assert_eq!(none.status(), StatusCode::NOT_FOUND, "nothing is pruned");

    let signer = CheckpointSigner::from_file(&site.disk.path().join("audit.key")).unwrap();
    let store = open_folder(&site.disk.path().join("tiles")).unwrap();
    let pruned = Pruned {
        prunings: vec![Pruning {
            at: 2,
            before: 1,
            bundles: 0..1,
        }],
    };
    pruned.say(&*store, &log, &origin, &signer).await.unwrap();
    let verifier = signer.verifier();
    let removed = pruned.remove(&*store, &log, &origin, verifier).await;
    removed.unwrap();

    // Anybody reads the statement, with the signature.
    let found = visitor.get(&statement).await;
    assert_eq!(found.status(), StatusCode::OK);
    let note = found.text().await.unwrap();
    let said = format!("{ORIGIN}/{LOG}\npruned/1\n0-0 1 2\n\n\u{2014} {ORIGIN}/{LOG} ");
    assert!(note.starts_with(&said), "{note}");
    let gone = visitor
        .entries(&format!("{LOG}/tile/entries/000"), &["sunrise"])
        .await;
    assert_eq!(gone.status(), StatusCode::NOT_FOUND);
    let tile = visitor.get(&format!("{LOG}/tile/0/000")).await;
    assert_eq!(tile.status(), StatusCode::OK, "hashes stay");

    // Of 260 rows the four newest are in the second bundle.
    let request = SearchAccessRequest {
        page_size: 10,
        ..sunrise()
    };
    let mut audit = site.audit().await;
    let page = audit.search_access(site.auditor(request)).await;
    let rows = page.unwrap().into_inner().records;
    for (at, row) in rows.iter().enumerate() {
        let asked = GetAccessRecordRequest {
            complex_id: "sunrise".into(),
            event_id: row.event_id.clone(),
            tree_size: 0,
        };
        let answer = audit.get_access_record(site.auditor(asked)).await;
        match answer {
            Ok(_) => assert!(at < 4, "{at}"),
            Err(status) => {
                assert_eq!(reason(&status), (Code::NotFound, "LEAF_PRUNED".to_owned()));
                assert!(at >= 4, "{at}");
            }
        }
    }
    assert_eq!(rows.len(), 10);
}
