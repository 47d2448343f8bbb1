//! Two writers can't fork a log, and a lost head can't make another one.

use std::sync::Arc;

use auditlog::{Error, Leaf, MemoryHeads};
use object_store::ObjectStoreExt;
use object_store::path::Path;

use crate::common::{Site, fill, log, next_index, record, records, undisturbed};

#[tokio::test]
async fn a_second_writer_gets_a_conflict_and_cannot_fork() {
    let site = Site::fresh().await;
    let mut first = site.writer().await.unwrap();
    fill(&mut first, 5, 5).await.unwrap();
    let mut second = site.writer().await.unwrap();
    let other = |n: u64| (record(n).0, Leaf::of("forged".into(), 0, 0));

    first.append(records(5..8)).await.unwrap();
    let before = site.contents().await;
    let refused = second.append((5..12).map(other).collect()).await;
    assert!(matches!(refused, Err(Error::Conflict { .. })));
    assert_eq!(site.contents().await, before, "it left nothing behind");
    assert!(matches!(
        second.append(records(5..8)).await,
        Err(Error::Closed { .. })
    ));

    // Opened anew it is the writer, and the first one is the one that is refused.
    let mut second = site.writer().await.unwrap();
    fill(&mut second, 9, 1).await.unwrap();
    assert!(matches!(
        first.append(records(8..9)).await,
        Err(Error::Conflict { .. })
    ));
    let reader = site.reader();
    assert_eq!(reader.checkpoint().await.unwrap().size(), 9);
    assert_eq!(&reader.entry(5).await.unwrap(), record(5).1.bytes());
}

/// Both get past the first look at the head: then one compare-and-set fails.
#[tokio::test]
async fn two_writers_at_once_make_one_log() {
    for _ in 0..20 {
        let site = Site::fresh().await;
        fill(&mut site.writer().await.unwrap(), 250, 250)
            .await
            .unwrap();
        let mut a = site.writer().await.unwrap();
        let mut b = site.writer().await.unwrap();
        let (x, y) = tokio::join!(a.append(records(250..260)), b.append(records(250..270)));
        assert!(x.is_ok() || y.is_ok());
        for refused in [x, y].into_iter().filter_map(Result::err) {
            assert!(matches!(refused, Error::Conflict { .. }), "{refused}");
        }
        fill(&mut site.writer().await.unwrap(), 300, 7)
            .await
            .unwrap();
        assert_eq!(site.settled(300).await, undisturbed(300, 300).await);
    }
}

/// The head is lost: appending the same records regains the same log, and no smaller
/// checkpoint takes the place of the published one.
#[tokio::test]
async fn a_lost_head_is_regained_from_the_same_records() {
    let mut site = Site::fresh().await;
    fill(&mut site.writer().await.unwrap(), 700, 700)
        .await
        .unwrap();
    let signed = site.reader().checkpoint().await.unwrap();
    site.heads = Arc::new(MemoryHeads::default());
    let reader = site.reader();
    let mut writer = site.writer().await.unwrap();
    while next_index(&writer) < 690 {
        let from = next_index(&writer);
        writer.append(records(from..from + 69)).await.unwrap();
        assert_eq!(reader.checkpoint().await.unwrap(), signed);
    }
    // This batch crosses the signed size, where its root must be met.
    writer.append(records(690..800)).await.unwrap();
    assert_eq!(reader.checkpoint().await.unwrap().size(), 800);
    assert_eq!(site.settled(800).await, undisturbed(800, 100).await);
}

/// The head is lost and the event log doesn't give the same records any more: halted.
#[tokio::test]
async fn a_lost_head_never_makes_another_log() {
    let mut site = Site::fresh().await;
    fill(&mut site.writer().await.unwrap(), 700, 700)
        .await
        .unwrap();
    let before = site.contents().await;
    for (start, batch) in [(1, 699), (1, 800), (1, 50), (300, 256)] {
        site.heads = Arc::new(MemoryHeads::default());
        let mut writer = site.writer().await.unwrap();
        let mut at = start;
        let halted = loop {
            match writer.append(records(at..at + batch)).await {
                Ok(_) => at += batch,
                Err(e) => break e,
            }
        };
        assert!(matches!(halted, Error::Mismatch { .. }), "{halted}");
        let after = site.contents().await;
        for (path, bytes) in &before {
            assert_eq!(&after[path], bytes, "{path}");
        }
    }
}

/// The last record before the signed size is another one, and the objects that would give that
/// away are gone: the signed root does.
#[tokio::test]
async fn nothing_is_signed_beside_a_published_root() {
    let mut site = Site::fresh().await;
    fill(&mut site.writer().await.unwrap(), 10, 10)
        .await
        .unwrap();
    site.heads = Arc::new(MemoryHeads::default());
    for gone in ["tile/entries/000.p/10", "tile/0/000.p/10"] {
        let at = Path::from(format!("{}/{gone}", log()));
        site.store.delete(&at).await.unwrap();
    }
    let mut writer = site.writer().await.unwrap();
    writer.append(records(0..9)).await.unwrap();
    let other = Leaf::of("another".into(), 0, 0);
    let batch = vec![(record(9).0, other), record(10)];
    let halted = writer.append(batch).await.unwrap_err();
    assert!(matches!(halted, Error::Mismatch { .. }), "{halted}");
    assert_eq!(site.reader().checkpoint().await.unwrap().size(), 10);
}

/// Writers and readers can live in tasks of a multi-threaded runtime.
#[tokio::test]
async fn a_writer_works_inside_a_task() {
    let site = Site::fresh().await;
    let task = tokio::spawn({
        let site = site.clone();
        async move { fill(&mut site.writer().await?, 300, 100).await }
    });
    task.await.unwrap().unwrap();
    assert_eq!(site.settled(300).await, undisturbed(300, 300).await);
}
