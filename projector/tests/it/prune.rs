//! What has expired is taken away, bundles and rows, and nothing else: what is held stays, hashes stay,
//! proofs hold. A rebuild gives the same.

mod between;
mod killed;
pub mod scene;

use std::collections::BTreeSet;
use std::path::PathBuf;

use auditlog::{ENTRIES_PER_BUNDLE, Error, LogReader, verify_inclusion};
use harness::proofs;
use serde_json::Value;

use self::scene::{
    counts, dump, expires, lines, objects, projected, reader, rebuilt_the_same, without,
};
use crate::process::caught_up;
use crate::site::OnDisk;

#[tokio::test(flavor = "multi_thread")]
async fn what_has_expired_goes_unless_it_is_held_and_hashes_stay() {
    let disk = OnDisk::new().await;
    let (mut process, views) = projected(&disk, 26).await;
    let before = reader(&disk, "sunrise").checkpoint().await.unwrap();
    assert!(before.size() > 2 * ENTRIES_PER_BUNDLE + 100);

    expires(&disk);
    let rows = dump(&disk);
    let all = objects(&disk);
    let said = lines(&disk, &["prune"]);
    assert_eq!(objects(&disk), all, "unless it is told to, it only tells");
    assert_eq!(dump(&disk), rows);
    let of = |lines: &[Value], complex: &str| {
        let name = format!("access.events.v1/{complex}");
        lines.iter().find(|line| line["log"] == name).cloned()
    };
    let sunrise = of(&said, "sunrise").unwrap();
    assert_eq!(sunrise["bundles"], serde_json::json!([[0, 1]]), "{sunrise}");
    assert_eq!(sunrise["removed"], false);
    for (held, by) in [("sunset", "legal hold on"), ("harbour", "case 7")] {
        let line = of(&said, held).unwrap();
        assert_eq!(line["bundles"], serde_json::json!([]), "{line}");
        let reasons = line["held"].as_array().unwrap();
        assert_eq!(reasons.len(), 2, "{line}");
        assert!(
            reasons
                .iter()
                .all(|held| held["by"].as_str().unwrap().contains(by))
        );
    }

    // While the projector is at work.
    let done = lines(&disk, &["prune", "--apply"]);
    assert_eq!(of(&done, "sunrise").unwrap()["removed"], true);
    let kept = without(&rows, &done);
    assert!(dump(&disk) == kept);
    rebuilt_the_same(&disk);
    let counted = counts(&said);
    assert!(counted["access"].as_u64() > Some(100), "{counted}");
    assert_eq!(counted, counts(&done));
    let gone: BTreeSet<PathBuf> = all.difference(&objects(&disk)).cloned().collect();
    let expected = ["tile/entries", "position", "offset"]
        .iter()
        .flat_map(|kind| {
            let folder = disk
                .path()
                .join("tiles/access.events.v1/sunrise")
                .join(kind);
            [folder.join("000"), folder.join("001")]
        });
    assert_eq!(gone, expected.collect());
    assert_eq!(
        of(&lines(&disk, &["prune"]), "sunrise"),
        None,
        "nothing is left to do"
    );

    disk.fixture.workload(1).await;
    caught_up(&disk, &*views).await;
    let reader = reader(&disk, "sunrise");
    let now = reader.checkpoint().await.unwrap();
    assert!(now.size() > before.size());
    what_is_kept_is_proven(&reader, &before, &now).await;
    assert!(process.terminate().await.unwrap().success());
    let log = std::fs::read_to_string(disk.path().join("projector.log")).unwrap();
    assert!(!log.contains("halted") && !log.contains("stalled"), "{log}");
    // Nor is it in what the files don't use any more.
    let gone = rows
        .iter()
        .find(|row| !kept.contains(row) && row.contains("\"observations\""));
    let gone = gone.unwrap_or_else(|| panic!("{counted}"));
    let gone: Value = serde_json::from_str(gone).unwrap();
    let gone = gone["command"].as_str().unwrap();
    let bytes = std::fs::read(disk.path().join("views.db")).unwrap();
    let found = bytes
        .windows(gone.len())
        .any(|bytes| bytes == gone.as_bytes());
    assert!(!found);
}

async fn what_is_kept_is_proven(
    reader: &LogReader,
    before: &auditlog::Checkpoint,
    now: &auditlog::Checkpoint,
) {
    let kept = 2 * ENTRIES_PER_BUNDLE + 5;
    let leaf = reader.entry(kept).await.unwrap();
    let hash = auditlog::Leaf::of(leaf, 0, 0).hash();
    for (index, hash) in [(kept, hash), (3, reader.leaf_hash(3).await.unwrap())] {
        let proof = reader.inclusion_proof(index, now.size()).await.unwrap();
        verify_inclusion(hash, index, now.size(), now.root(), &proof).unwrap();
    }
    // By a crate that had no part in it.
    let hashes = reader
        .consistency_proof(before.size(), now.size())
        .await
        .unwrap();
    let hashes: Vec<Vec<u8>> = hashes.iter().map(|hash| hash.to_vec()).collect();
    let [old, new] = [before, now].map(|checkpoint| proofs::Checkpoint {
        origin: checkpoint.origin().to_string(),
        size: checkpoint.size(),
        root: checkpoint.root(),
    });
    proofs::consistency(&old, &new, &hashes).unwrap();

    let pruned = reader.entry(300).await;
    assert!(
        matches!(
            &pruned,
            Err(Error::Pruned {
                first: 256,
                last: 511,
                ..
            })
        ),
        "{pruned:?}"
    );
    let mut walk = reader.walk(now, reader.pruned().await.unwrap());
    let mut seen = 0;
    while let Some(bundle) = walk.next().await.unwrap() {
        seen += bundle.leaves.len() as u64;
    }
    assert_eq!(walk.gone().first(), Some(&(0..2)));
    assert_eq!(walk.gone().len(), 1);
    assert_eq!(seen, now.size() - 2 * ENTRIES_PER_BUNDLE);
}
