//! Batch sizes, redelivery and crashes: always the same trees and the same rows.

use std::sync::Arc;

use projector::views::TOPICS;

use crate::faults::{Fails, FaultyTiles, FaultyViews, Fuse, spread};
use crate::fixture::Fixture;
use crate::forgetful::Forgetful;
use crate::run::{Running, Site, project, rebuilt, wait};

/// A log, and what an undisturbed projection of it gives.
async fn undisturbed(rounds: u32) -> (Fixture, Vec<String>) {
    let fixture = Fixture::new();
    fixture.workload(rounds).await;
    let site = Site::new().await;
    project(&fixture, &site, 512).await;
    assert_eq!(
        site.trees(&*fixture.log).await,
        rebuilt(&*fixture.log).await
    );
    let dump = site.dump().await;
    assert!(dump.len() > 50);
    // In each of three complexes, as the workload has them.
    for (kind, each) in [
        ("CONTRADICTION", 2),
        ("UNATTRIBUTED_OPENING", 2),
        ("FORCED_OPEN", 1),
        ("CONFLICTING_DUPLICATE", 1),
    ] {
        let line = format!("\"kind\":\"{kind}\"");
        let found = dump.iter().filter(|row| row.contains(&line)).count();
        assert_eq!(found, 3 * each * rounds as usize, "{kind}");
    }
    (fixture, dump)
}

async fn same(fixture: &Fixture, site: &Site, expected: &[String], what: &str) {
    assert_eq!(
        site.trees(&*fixture.log).await,
        rebuilt(&*fixture.log).await,
        "{what}"
    );
    assert!(site.dump().await == expected, "other rows: {what}");
}

#[tokio::test]
async fn the_size_of_batches_changes_nothing() {
    let (fixture, expected) = undisturbed(3).await;
    for batch in [1, 2, 3, 7, 64] {
        let site = Site::new().await;
        project(&fixture, &site, batch).await;
        same(&fixture, &site, &expected, &format!("batches of {batch}")).await;
    }
}

#[tokio::test]
async fn what_comes_later_is_projected_on_top() {
    let fixture = Fixture::new();
    let site = Site::new().await;
    let running = Running::start(&fixture, &site, 16);
    for rounds in 1..4 {
        fixture.workload(rounds).await;
        running.caught_up(&*fixture.log, &*site.views).await;
        assert_eq!(
            site.trees(&*fixture.log).await,
            rebuilt(&*fixture.log).await
        );
    }
    running.stop().await;
    let fresh = Site::new().await;
    project(&fixture, &fresh, 512).await;
    assert!(site.dump().await == fresh.dump().await);
}

#[tokio::test]
async fn redelivery_of_everything_changes_nothing() {
    let (fixture, expected) = undisturbed(2).await;
    let site = Site::new().await;
    project(&fixture, &site, 64).await;
    let forgetful = Arc::new(Forgetful::new(&site.views));
    let again = Site {
        views: forgetful.clone(),
        ..site.clone()
    };
    let running = Running::start(&fixture, &again, 5);
    wait(async || {
        for topic in TOPICS {
            for (partition, end) in (0..).zip(fixture.log.end_offsets(topic).await.unwrap()) {
                let applied = forgetful
                    .applied
                    .lock()
                    .unwrap()
                    .get(&(topic, partition))
                    .copied();
                if applied.unwrap_or(0) < end {
                    return false;
                }
            }
        }
        true
    })
    .await;
    running.stop().await;
    same(&fixture, &site, &expected, "redelivered").await;
}

/// Projects until a fuse blows, in tiles or in views.
async fn until_blown(
    fixture: &Fixture,
    site: &Site,
    batch: usize,
    tiles: Arc<Fuse>,
    views: Arc<Fuse>,
) {
    let faulty = Site {
        tiles: Arc::new(FaultyTiles(Arc::clone(&site.tiles), Arc::clone(&tiles))),
        views: Arc::new(FaultyViews(Arc::clone(&site.views), Arc::clone(&views))),
        signer: Arc::clone(&site.signer),
        asked: None,
    };
    let running = Running::start(fixture, &faulty, batch);
    tokio::select! {
        () = tiles.blown.cancelled() => {}
        () = views.blown.cancelled() => {}
        // So late a fuse that all was done before it.
        () = running.caught_up(&*fixture.log, &*site.views) => {}
    }
    running.stop().await;
}

/// How many writes an undisturbed projection makes to tiles and to views.
async fn writes(fixture: &Fixture, batch: usize) -> (u64, u64) {
    let (tiles, views) = (Fuse::never(), Fuse::never());
    let site = Site::new().await;
    until_blown(
        fixture,
        &site,
        batch,
        Arc::clone(&tiles),
        Arc::clone(&views),
    )
    .await;
    (tiles.seen(), views.seen())
}

#[tokio::test]
async fn a_crash_at_any_write_of_a_tile_changes_nothing() {
    let (fixture, expected) = undisturbed(1).await;
    let (tiles, _) = writes(&fixture, 3).await;
    assert!(tiles > 50, "{tiles}");
    for fails in [Fails::Before, Fails::After] {
        for at in spread(0..tiles, 60) {
            let site = Site::new().await;
            until_blown(&fixture, &site, 3, Fuse::at(at, fails), Fuse::never()).await;
            project(&fixture, &site, 3).await;
            same(
                &fixture,
                &site,
                &expected,
                &format!("tile write {at} failed {fails:?}"),
            )
            .await;
        }
    }
}

#[tokio::test]
async fn a_crash_at_any_write_of_a_row_or_head_changes_nothing() {
    let (fixture, expected) = undisturbed(1).await;
    let (_, views) = writes(&fixture, 3).await;
    assert!(views > 20, "{views}");
    for fails in [Fails::Before, Fails::After] {
        for at in spread(0..views, 60) {
            let site = Site::new().await;
            until_blown(&fixture, &site, 3, Fuse::never(), Fuse::at(at, fails)).await;
            // Another size, so that batches don't begin where they did.
            project(&fixture, &site, 5).await;
            same(
                &fixture,
                &site,
                &expected,
                &format!("view write {at} failed {fails:?}"),
            )
            .await;
        }
    }
}

#[tokio::test]
async fn many_crashes_one_after_the_other_change_nothing() {
    let (fixture, expected) = undisturbed(2).await;
    let site = Site::new().await;
    for round in 0..40u64 {
        let fails = if round % 2 == 0 {
            Fails::Before
        } else {
            Fails::After
        };
        let batch = usize::try_from(round % 9 + 1).unwrap();
        let (tiles, views) = (
            Fuse::at(round * 7 % 23, fails),
            Fuse::at(round * 5 % 11, fails),
        );
        until_blown(&fixture, &site, batch, tiles, views).await;
    }
    project(&fixture, &site, 3).await;
    same(&fixture, &site, &expected, "crashed often").await;
}

#[tokio::test]
async fn a_failing_store_is_tried_again_in_the_same_run() {
    let (fixture, expected) = undisturbed(1).await;
    for fails in [Fails::Before, Fails::After] {
        let site = Site::new().await;
        let fuse = Fuse::at(4, fails);
        let broken = Arc::new(FaultyViews(Arc::clone(&site.views), Arc::clone(&fuse)));
        let faulty = Site {
            views: broken,
            ..site.clone()
        };
        let running = Running::start(&fixture, &faulty, 8);
        fuse.blown.cancelled().await;
        wait(async || !running.health.status().is_ready()).await;
        assert!(running.health.status().is_live());
        fuse.mend();
        running.caught_up(&*fixture.log, &*site.views).await;
        wait(async || running.health.status().is_ready()).await;
        running.stop().await;
        same(&fixture, &site, &expected, &format!("{fails:?}")).await;
    }
}

#[tokio::test]
async fn two_members_share_the_work() {
    let (fixture, expected) = undisturbed(2).await;
    let site = Site::new().await;
    let (one, two) = (
        Running::start(&fixture, &site, 4),
        Running::start(&fixture, &site, 4),
    );
    one.caught_up(&*fixture.log, &*site.views).await;
    one.stop().await;
    fixture.workload(1).await;
    two.caught_up(&*fixture.log, &*site.views).await;
    two.stop().await;
    assert_eq!(
        site.trees(&*fixture.log).await,
        rebuilt(&*fixture.log).await
    );
    let fresh = Site::new().await;
    project(&fixture, &fresh, 512).await;
    assert!(site.dump().await == fresh.dump().await);
    assert!(expected.len() < site.dump().await.len());
}
