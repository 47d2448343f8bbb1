//! What has expired is taken out of a bucket.
// A list of one range is meant, not a list of numbers.
#![allow(clippy::single_range_in_vec_init)]

use std::collections::BTreeSet;

use auditlog::{Access, ENTRIES_PER_BUNDLE, Error, LogId, LogReader, Origin, open_s3};
use auditlog::{Leaf, verify_inclusion};
use serde_json::{Value, json};

use super::bucket::{Bucket, Mood};
use super::configure;
use super::server::{Server, url};
use crate::process::PROGRAM;
use crate::prune::scene::{dump, expires, lines, projected, rebuilt_the_same, without};
use crate::run::ORIGIN;
use crate::site::OnDisk;

#[tokio::test(flavor = "multi_thread")]
async fn what_has_expired_goes_from_a_bucket_and_hashes_stay() {
    let disk = OnDisk::new().await;
    let server = Server::start(Bucket::default());
    configure(&disk, &format!("http://{}", server.address), "");
    let (mut process, _) = projected(&disk, 16).await;
    assert!(process.terminate().await.unwrap().success());
    expires(&disk);
    let keys = || BTreeSet::from_iter(server.bucket.keys());
    let (before, rows) = (keys(), dump(&disk));

    // A bucket that does not answer leaves all as it was.
    server.bucket.behave(|b| b.mood = Mood::Gone);
    let config = disk.config();
    let mut refused = std::process::Command::new(PROGRAM);
    let refused = refused.args(["prune", "--apply", "--config"]).arg(&config);
    assert!(!refused.output().unwrap().status.success());
    server.bucket.behave(|b| b.mood = Mood::Well);
    assert_eq!(keys(), before);
    assert!(dump(&disk) == rows);

    let done = lines(&disk, &["prune", "--apply"]);
    let log = |line: &&Value| line["log"] == "access.events.v1/sunrise";
    let sunrise = done.iter().find(log).unwrap_or_else(|| panic!("{done:?}"));
    assert_eq!(sunrise["bundles"], json!([[0, 0]]), "{sunrise}");
    let after = keys();
    let gone: BTreeSet<&String> = before.difference(&after).collect();
    let folder = "site/access.events.v1/sunrise";
    let expected = ["offset/000", "position/000", "tile/entries/000"];
    let expected = expected.map(|name| format!("{folder}/{name}"));
    assert_eq!(gone, expected.iter().collect());
    let new: Vec<&String> = after.difference(&before).collect();
    assert_eq!(new, [&format!("{folder}/pruned")]);
    assert!(dump(&disk) == without(&rows, &done));

    let tiles = open_s3(&url("site"), &server.options(), Access::Read).await;
    let log = LogId::new("access.events.v1", "sunrise").unwrap();
    let origin = Origin::new(ORIGIN, &log).unwrap();
    let reader = LogReader::open(log, origin, tiles.unwrap(), disk.verifier.clone()).unwrap();
    let tree = reader.checkpoint().await.unwrap();
    let kept = Leaf::of(reader.entry(ENTRIES_PER_BUNDLE).await.unwrap(), 0, 0);
    for (index, hash) in [
        (ENTRIES_PER_BUNDLE, kept.hash()),
        (3, reader.leaf_hash(3).await.unwrap()),
    ] {
        let proof = reader.inclusion_proof(index, tree.size()).await.unwrap();
        verify_inclusion(hash, index, tree.size(), tree.root(), &proof).unwrap();
    }
    let pruned = reader.entry(3).await;
    assert!(matches!(pruned, Err(Error::Pruned { .. })), "{pruned:?}");
    let mut walk = reader.walk(&tree, reader.pruned().await.unwrap());
    let mut seen = 0;
    while let Some(bundle) = walk.next().await.unwrap() {
        seen += bundle.leaves.len() as u64;
    }
    assert_eq!(
        (seen, walk.gone()),
        (tree.size() - ENTRIES_PER_BUNDLE, &[0..1][..])
    );
    // Trees and rows are those of the log.
    rebuilt_the_same(&disk);
}
