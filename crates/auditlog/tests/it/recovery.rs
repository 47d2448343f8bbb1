//! Whatever happens to the writer, the log is the one that an undisturbed run would have made.

use std::sync::Arc;
use std::time::Duration;

use auditlog::{Error, HeadStore};
use proptest::prelude::*;

use crate::common::faults::{Hit, killed_after};
use crate::common::{Site, fill, log, next_index, record, records, undisturbed};

/// Opens and fills until the first failure; `Ok` when nothing failed.
async fn run(site: &Site, size: u64, batch: u64) -> auditlog::Result<()> {
    fill(&mut site.writer().await?, size, batch).await
}

/// A writer killed at every single operation, before or after it took effect, then one that
/// goes on, with batches of the same or of another length.
#[tokio::test]
async fn killed_at_every_operation() {
    for (size, batch, later) in [(6, 2, 3), (530, 130, 130), (530, 200, 77), (600, 600, 600)] {
        let expected = undisturbed(size, batch).await;
        for hit in [Hit::Before, Hit::After] {
            for operations in 0.. {
                let site = Site::fresh().await;
                let (faulty, budget) = killed_after(&site, operations, hit);
                let died = run(&faulty, size, batch).await.is_err();
                if !budget.spent() {
                    assert!(!died);
                    break;
                }
                run(&site, size, later).await.unwrap();
                let head = site.heads.load(&log()).await.unwrap().unwrap();
                assert_eq!(head.size, size);
                assert_eq!(site.settled(size).await, expected, "{hit:?} {operations}");
                let reader = site.reader();
                assert_eq!(reader.checkpoint().await.unwrap().root(), head.root);
            }
        }
    }
}

/// Killed again and again, at operations close together: it still gets there.
#[tokio::test]
async fn killed_over_and_over() {
    let (size, batch) = (700, 90);
    let expected = undisturbed(size, batch).await;
    let site = Site::fresh().await;
    for round in 0.. {
        let (faulty, budget) = killed_after(&site, 25 + round % 11, Hit::After);
        let finished = run(&faulty, size, batch).await.is_ok();
        if finished && !budget.spent() {
            break;
        }
        assert!(round < 500, "no progress");
    }
    assert_eq!(site.settled(size).await, expected);
}

/// The tiles are there and the head hasn't moved: nothing is signed, and going on changes no
/// byte of what was written.
#[tokio::test]
async fn killed_between_the_tiles_and_the_head() {
    let site = Site::fresh().await;
    fill(&mut site.writer().await.unwrap(), 300, 300)
        .await
        .unwrap();
    let signed = site.reader().checkpoint().await.unwrap();
    let head = site.heads.load(&log()).await.unwrap();
    // Objects of leaves 300 to 599 are in place, but this writer can't move the head.
    let stuck = Site {
        store: site.store.clone(),
        heads: Arc::new(Stuck(site.heads.clone(), false)),
    };
    let mut writer = stuck.writer().await.unwrap();
    let failed = writer.append(records(300..600)).await.unwrap_err();
    assert!(matches!(failed, Error::Head { .. }));
    assert!(matches!(
        writer.append(records(300..600)).await,
        Err(Error::Closed { .. })
    ));
    let written = site.contents().await;
    assert!(written.contains_key("tile/entries/001"));
    assert_eq!(site.heads.load(&log()).await.unwrap(), head);
    assert_eq!(site.reader().checkpoint().await.unwrap(), signed);

    let mut writer = site.writer().await.unwrap();
    assert_eq!(writer.head(), head.as_ref());
    fill(&mut writer, 600, 300).await.unwrap();
    let after = site.contents().await;
    for (path, bytes) in written.iter().filter(|(path, _)| !path.contains(".p/")) {
        assert!(path == "checkpoint" || after[path] == *bytes, "{path}");
    }
    assert_eq!(site.settled(600).await, undisturbed(600, 300).await);
}

/// Heads that can't be moved: the attempt fails, or hangs.
struct Stuck(Arc<dyn HeadStore>, bool);

#[async_trait::async_trait]
impl HeadStore for Stuck {
    async fn load(
        &self,
        log: &auditlog::LogId,
    ) -> Result<Option<auditlog::Head>, auditlog::HeadError> {
        self.0.load(log).await
    }

    async fn compare_and_set(
        &self,
        _: &auditlog::LogId,
        _: Option<&auditlog::Head>,
        _: &auditlog::Head,
    ) -> Result<(), auditlog::HeadError> {
        if self.1 {
            std::future::pending::<()>().await;
        }
        Err(auditlog::HeadError::Store("can't be moved".into()))
    }
}

/// A dropped append (its task was aborted) closes the writer, and the log is none the worse.
#[tokio::test]
async fn a_dropped_append_closes_the_writer() {
    let site = Site::fresh().await;
    fill(&mut site.writer().await.unwrap(), 10, 10)
        .await
        .unwrap();
    let hanging = Site {
        store: site.store.clone(),
        heads: Arc::new(Stuck(site.heads.clone(), true)),
    };
    let mut writer = hanging.writer().await.unwrap();
    {
        let append = std::pin::pin!(writer.append(records(10..20)));
        assert!(futures::poll!(append).is_pending());
    }
    let again = tokio::time::timeout(Duration::from_secs(20), writer.append(records(10..20)));
    assert!(matches!(again.await.unwrap(), Err(Error::Closed { .. })));
    fill(&mut site.writer().await.unwrap(), 20, 10)
        .await
        .unwrap();
    assert_eq!(site.settled(20).await, undisturbed(20, 10).await);
}

#[tokio::test]
async fn offsets_only_rise() {
    let site = Site::fresh().await;
    let mut writer = site.writer().await.unwrap();
    fill(&mut writer, 3, 3).await.unwrap();
    for bad in [
        records(2..4),
        vec![record(4), record(3)],
        vec![record(3), record(3)],
    ] {
        assert!(matches!(writer.append(bad).await, Err(Error::Order { .. })));
    }
    assert!(matches!(
        writer.append(Vec::new()).await,
        Err(Error::Amount { .. })
    ));
    // Refused batches leave the writer as it was.
    let head = writer.append(records(3..4)).await.unwrap();
    assert_eq!((head.size, head.first_offset), (4, record(0).0));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Batches of any lengths, with the log closed and opened between them or not, give the
    /// same objects byte for byte.
    #[test]
    fn batches_of_any_length_give_the_same_bytes(
        batches in prop::collection::vec((1_u64..300, any::<bool>()), 1..12),
    ) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let site = Site::fresh().await;
            let mut writer = site.writer().await.unwrap();
            for (batch, reopen) in &batches {
                let from = next_index(&writer);
                writer.append(records(from..from + batch)).await.unwrap();
                if *reopen {
                    writer = site.writer().await.unwrap();
                }
            }
            let size = next_index(&writer);
            let leaves = (0..size).map(|i| record(i).1.bytes().clone());
            assert_eq!(writer.head().unwrap().root, auditlog::rebuild_root(leaves));
            assert_eq!(site.settled(size).await, undisturbed(size, size).await);
            // No partial form stays beside its full one.
            let all = site.contents().await;
            assert!(all.keys().all(|path| match path.split_once(".p/") {
                Some((full, _)) => !all.contains_key(full),
                None => true,
            }));
        });
    }
}
