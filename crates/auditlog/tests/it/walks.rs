//! A walk through a whole log, and the positions beside it.

use crate::common::{Site, fill, next_index, record, undisturbed};
use auditlog::{Error, Leaf, Position, WalkError};
use object_store::ObjectStoreExt as _;
use object_store::path::Path;

/// Records with the time at which they were appended.
fn timed(range: std::ops::Range<u64>) -> Vec<(u64, Leaf)> {
    let timed = |index| {
        let (offset, leaf) = record(index);
        (offset, leaf.appended_at(1_000 + index as i64))
    };
    range.map(timed).collect()
}

async fn walked(site: &Site) -> Result<Vec<bytes::Bytes>, WalkError> {
    let reader = site.reader();
    let mut walk = reader.walk(&reader.checkpoint().await?, reader.pruned().await?);
    let mut leaves = Vec::new();
    while let Some(bundle) = walk.next().await? {
        assert_eq!(bundle.first, leaves.len() as u64);
        leaves.extend(bundle.leaves);
    }
    assert!(walk.next().await?.is_none());
    Ok(leaves)
}

#[tokio::test]
async fn a_walk_gives_every_leaf_and_only_of_a_log_that_is_whole() {
    for size in [1, 255, 256, 257, 512, 600] {
        let site = Site::fresh().await;
        fill(&mut site.writer().await.unwrap(), size, 250)
            .await
            .unwrap();
        let leaves = walked(&site).await.unwrap();
        let wanted: Vec<_> = (0..size).map(|n| record(n).1.bytes().clone()).collect();
        assert_eq!(leaves, wanted);
        for path in site.settled(size).await.into_keys() {
            if path.starts_with("offset/") {
                continue;
            }
            let full = Path::from(format!("{}/{path}", crate::common::log()));
            let before = site.get(&full).await;
            site.flip(&path, 40).await;
            let error = walked(&site).await.unwrap_err();
            let contradicts = matches!(
                error,
                WalkError::Log(Error::Mismatch { .. } | Error::Untrusted { .. })
            );
            assert!(contradicts, "{path}: {error}");
            site.store
                .put(&full, before.slice(..before.len() - 1).into())
                .await
                .unwrap();
            let error = walked(&site).await.unwrap_err();
            let cut = matches!(error, WalkError::CutShort { .. });
            assert!(cut || path == "checkpoint", "{path}: {error}");
            site.store.put(&full, before.into()).await.unwrap();
        }
    }
}

#[tokio::test]
async fn positions_stand_beside_their_bundles_through_growth_and_reopening() {
    let site = Site::fresh().await;
    let mut from = 0;
    for size in [3, 200, 256, 300, 700] {
        let mut writer = site.writer().await.unwrap();
        assert_eq!(next_index(&writer), from);
        writer.append(timed(from..size)).await.unwrap();
        from = size;
        let reader = site.reader();
        let checkpoint = reader.checkpoint().await.unwrap();
        for number in 0..size.div_ceil(256) {
            let positions = reader
                .positions(&checkpoint, number)
                .await
                .unwrap()
                .unwrap();
            let wanted: Vec<_> = (number * 256..size.min(number * 256 + 256))
                .map(|index| Position {
                    offset: record(index).0,
                    append_time: 1_000 + index as i64,
                })
                .collect();
            assert_eq!(positions, wanted, "bundle {number} of {size}");
        }
        walked(&site).await.unwrap();
    }
    // The leaves and the tree are what they were without.
    let mut objects = site.contents().await;
    objects.retain(|path, _| !path.starts_with("position/"));
    for (path, bytes) in undisturbed(700, 250).await {
        assert_eq!(objects.get(&path), Some(&bytes), "{path}");
    }
}

/// A log that was begun without positions goes on, and has them from the next bundle on.
#[tokio::test]
async fn a_log_that_began_without_positions_has_them_from_its_next_bundle() {
    let site = Site::fresh().await;
    fill(&mut site.writer().await.unwrap(), 300, 300)
        .await
        .unwrap();
    let mut writer = site.writer().await.unwrap();
    writer.append(timed(300..600)).await.unwrap();
    let reader = site.reader();
    let checkpoint = reader.checkpoint().await.unwrap();
    let mut known = Vec::new();
    for number in 0..3 {
        known.push(
            reader
                .positions(&checkpoint, number)
                .await
                .unwrap()
                .is_some(),
        );
    }
    assert_eq!(known, [false, false, true]);
    site.writer().await.unwrap();
}
