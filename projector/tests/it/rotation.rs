//! The key of checkpoints changes: with the next one beside it, every log gets both signatures at the
//! start, without a record.

use std::collections::BTreeSet;
use std::sync::Arc;

use auditlog::{CheckpointSigner, CheckpointVerifier, LogId, LogReader, Origin};

use crate::fixture::Fixture;
use crate::run::{ORIGIN, Running, Site, project, rebuilt, wait};

impl Site {
    /// The logs whose checkpoint this key has signed.
    async fn signed_by(&self, key: &CheckpointVerifier, logs: &BTreeSet<LogId>) -> BTreeSet<LogId> {
        let mut signed = BTreeSet::new();
        for log in logs {
            let origin = Origin::new(ORIGIN, log).unwrap();
            let tiles = Arc::clone(&self.tiles);
            let reader = LogReader::open(log.clone(), origin, tiles, key.clone()).unwrap();
            if reader.checkpoint().await.is_ok() {
                signed.insert(log.clone());
            }
        }
        signed
    }
}

#[tokio::test]
async fn every_log_gets_the_next_key_s_signature_at_the_start_also_one_that_sleeps() {
    let fixture = Fixture::new();
    fixture.workload(1).await;
    let mut site = Site::new().await;
    let (first, text) = CheckpointSigner::generate(ORIGIN).unwrap();
    let old = first.verifier().clone();
    site.signer = Arc::new(first);
    project(&fixture, &site, 64).await;
    let logs: BTreeSet<LogId> = rebuilt(&*fixture.log).await.into_keys().collect();
    assert!(logs.iter().any(|log| log.unkeyed_partition().is_some()));
    let (next, _) = CheckpointSigner::generate(ORIGIN).unwrap();
    let new = next.verifier().clone();
    assert_eq!(site.signed_by(&old, &logs).await, logs);
    assert!(site.signed_by(&new, &logs).await.is_empty());
    let before = site.dump().await;

    let first = CheckpointSigner::from_text(&text).unwrap();
    site.signer = Arc::new(first.and(next).unwrap());
    let running = Running::start(&fixture, &site, 64);
    wait(async || site.signed_by(&new, &logs).await == logs).await;
    running.stop().await;
    assert_eq!(site.signed_by(&old, &logs).await, logs);
    assert_eq!(site.dump().await, before, "nothing but signatures");
}
