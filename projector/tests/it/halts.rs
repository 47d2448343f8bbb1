//! Trees that contradict the log or themselves halt, loudly and alone, and go on once repaired.

use auditlog::LogId;
use bytes::Bytes;
use eventlog::Topic;
use object_store::ObjectStoreExt as _;
use object_store::path::Path;

use crate::fixture::Fixture;
use crate::run::{Running, Site, project, rebuilt, wait};

async fn with_other_bytes(site: &Site, path: &str) -> (Path, Bytes) {
    let path = Path::from(path);
    let good = site.tiles.get(&path).await.unwrap().bytes().await.unwrap();
    let mut bad = good.to_vec();
    bad[10] ^= 1;
    site.tiles.put(&path, bad.into()).await.unwrap();
    (path, good)
}

/// The one object below a prefix.
async fn only(site: &Site, prefix: &str) -> String {
    use futures::TryStreamExt as _;
    let prefix = Path::from(prefix);
    let found: Vec<_> = site.tiles.list(Some(&prefix)).try_collect().await.unwrap();
    assert_eq!(found.len(), 1, "{found:?}");
    found[0].location.to_string()
}

#[tokio::test]
async fn a_damaged_tree_halts_alone_and_catches_up_when_repaired() {
    let fixture = Fixture::new();
    fixture.workload(1).await;
    let site = Site::new().await;
    project(&fixture, &site, 64).await;
    let before = rebuilt(&*fixture.log).await;

    let bundle = only(&site, "access.events.v1/sunrise/tile/entries").await;
    let (path, good) = with_other_bytes(&site, &bundle).await;
    fixture.workload(2).await;
    let running = Running::start(&fixture, &site, 16);
    // The views go on, also those of the complex whose tree is halted.
    running.caught_up(&*fixture.log, &*site.views).await;
    wait(async || !running.health.status().is_ready()).await;
    let status = running.health.status();
    assert!(status.is_live());
    let reason = status.reasons()["trees"].clone();
    assert!(
        reason.contains("halted: access.events.v1/sunrise"),
        "{reason}"
    );
    running.stop().await;

    let damaged = LogId::new("access.events.v1", "sunrise").unwrap();
    for (log, tree) in rebuilt(&*fixture.log).await {
        let head = site.views.load(&log).await.unwrap().unwrap();
        let expected = if log == damaged { before[&log] } else { tree };
        assert_eq!((head.size, head.root), expected, "{log}");
    }
    let fresh = Site::new().await;
    project(&fixture, &fresh, 512).await;
    assert!(site.dump().await == fresh.dump().await);

    // Not repaired yet: it halts again, at the same place.
    let halts = stored_halts(&site).await;
    assert_eq!(halts.len(), 1);
    let running = Running::start(&fixture, &site, 16);
    wait(async || !running.health.status().is_ready()).await;
    running.stop().await;
    assert_eq!(stored_halts(&site).await, halts);

    // Repaired: what it missed is caught up, although the partition is long past it.
    site.tiles.put(&path, good.into()).await.unwrap();
    let running = Running::start(&fixture, &site, 3);
    wait(async || stored_halts(&site).await.is_empty()).await;
    assert!(running.health.status().is_ready());
    fixture.workload(1).await;
    running.caught_up(&*fixture.log, &*site.views).await;
    running.stop().await;
    assert_eq!(
        site.trees(&*fixture.log).await,
        rebuilt(&*fixture.log).await
    );
    let fresh = Site::new().await;
    project(&fixture, &fresh, 512).await;
    assert!(site.dump().await == fresh.dump().await);
}

async fn stored_halts(site: &Site) -> Vec<projector::store::Halt> {
    let mut halts = Vec::new();
    for partition in 0..3 {
        halts.extend(
            site.views
                .halts(Topic::AccessEvents, partition)
                .await
                .unwrap(),
        );
    }
    halts
}

#[tokio::test]
async fn a_log_that_is_not_the_one_projected_stalls_and_is_told() {
    let fixture = Fixture::new();
    fixture.workload(2).await;
    let site = Site::new().await;
    project(&fixture, &site, 64).await;
    let (trees, rows) = (rebuilt(&*fixture.log).await, site.dump().await);

    let other = Fixture::new();
    other.workload(1).await;
    let running = Running::start(&other, &site, 64);
    wait(async || {
        let reasons = running.health.status().reasons();
        reasons
            .get("trees")
            .is_some_and(|reason| reason.contains("stalled: access.events.v1"))
    })
    .await;
    assert!(running.health.status().is_live());
    running.stop().await;
    assert_eq!(site.trees(&*fixture.log).await, trees);
    assert_eq!(site.dump().await, rows);
}

#[tokio::test]
async fn a_lost_view_store_is_built_again_onto_the_same_trees() {
    let fixture = Fixture::new();
    fixture.workload(2).await;
    let site = Site::new().await;
    project(&fixture, &site, 64).await;
    let lost = Site {
        views: projector::store::scratch().await.unwrap(),
        ..site.clone()
    };
    project(&fixture, &lost, 7).await;
    assert!(lost.dump().await == site.dump().await);
    assert_eq!(
        lost.trees(&*fixture.log).await,
        rebuilt(&*fixture.log).await
    );
    assert!(
        fixture
            .log
            .end_offsets(Topic::AccessEvents)
            .await
            .unwrap()
            .iter()
            .sum::<u64>()
            > 0
    );
}
