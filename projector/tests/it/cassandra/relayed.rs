//! A node behind a network that is slow, stalls, and keeps back answers to what was written: the
//! projection waits, writes nothing twice, shows no row without a signed leaf, and goes on by itself.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use auditlog::LogId;
use eventlog::EventLog;
use harness::engines::cassandra::PROJECTOR;
use harness::engines::relay::Relay;
use harness::process::free_port;
use projector::store::{self, StoreError, Table, ViewReader, ViewStore};
use projector::views::{RowWrite, TOPICS};

use super::scene::Scene;
use crate::fixture::Fixture;
use crate::run::{Running, Site, project, wait};

const BATCH: usize = 16;
/// Batches that may be on the way from trees to rows: one is written while the next one is gathered.
const AHEAD: u64 = 2;

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_fails_in_any_way_loses_nothing_and_doubles_nothing() {
    let Some(scene) = Scene::start().await else {
        return;
    };
    let (front, back) = (free_port().unwrap().address(), scene.node.address());
    let mut relay = Some(Relay::open(front, back).await.unwrap());
    let fixture = Fixture::new();
    let site = Site {
        views: through(&scene, front).await,
        ..Site::new().await
    };
    let direct = scene.writer().await;
    let behind = site.views.reader();
    let running = Running::start(&fixture, &site, BATCH);
    for fault in [Fault::Answers, Fault::Everything, Fault::Gone, Fault::Slow] {
        // It is at work, and there is more to do than it has room for.
        let before = projected(&*direct.reader()).await;
        fixture.workload(4).await;
        wait(async || projected(&*direct.reader()).await > before).await;
        let stall = match fault {
            Fault::Answers => Some(relay.as_ref().unwrap().stall_answers()),
            Fault::Everything => Some(relay.as_ref().unwrap().stall()),
            Fault::Gone => {
                relay = None;
                None
            }
            Fault::Slow => {
                crawl(relay.as_ref().unwrap(), &fixture, &*direct.reader()).await;
                every_row_has_a_signed_leaf(&site, &*direct).await;
                continue;
            }
        };
        wait(async || interrupted(&running)).await;
        // A reader is told to come again, and not that there is nothing.
        let read = behind.progress(TOPICS[0], 0).await;
        let told = matches!(read, Err(StoreError::Unavailable(_)));
        assert!(told, "{fault:?}: {read:?}");
        let rows = behind.scan(Table::Leaves).await;
        assert!(rows.is_err(), "{fault:?}: {} rows", rows.unwrap().len());
        every_row_has_a_signed_leaf(&site, &*direct).await;
        let left = appended(&*fixture.log).await - projected(&*direct.reader()).await;
        assert!(left > 0, "{fault:?}: it was over before the fault");
        drop(stall);
        if relay.is_none() {
            relay = Some(Relay::open(front, back).await.unwrap());
        }
        caught_up(&*fixture.log, &*direct.reader()).await;
        wait(async || running.health.status().is_ready()).await;
        every_row_has_a_signed_leaf(&site, &*direct).await;
    }
    caught_up(&*fixture.log, &*direct.reader()).await;
    running.stop().await;

    let undisturbed = Site::new().await;
    project(&fixture, &undisturbed, 512).await;
    assert!(site.dump().await == undisturbed.dump().await, "other rows");
    assert_eq!(
        site.trees(&*fixture.log).await,
        undisturbed.trees(&*fixture.log).await
    );
}

#[derive(Debug, Clone, Copy)]
enum Fault {
    /// Written, and nobody is told.
    Answers,
    /// As of a node that is paused.
    Everything,
    /// Connections are refused.
    Gone,
    /// Every request takes long.
    Slow,
}

async fn through(scene: &Scene, front: SocketAddr) -> Arc<dyn ViewStore> {
    let identity = scene.identity("projector", PROJECTOR);
    let mut views = scene.views(&identity, &scene.pki);
    views.url.set_port(Some(front.port())).unwrap();
    store::open_configured(&views).await.unwrap()
}

fn interrupted(running: &Running) -> bool {
    let reasons = running.health.status().reasons();
    let projection = reasons.get("projection");
    projection.is_some_and(|reason| reason.contains("interrupted"))
}

/// Lets a little pass at a time, until all is projected.
async fn crawl(relay: &Relay, fixture: &Fixture, views: &dyn ViewReader) {
    let crawling = async {
        loop {
            let stall = relay.stall();
            tokio::time::sleep(Duration::from_millis(50)).await;
            drop(stall);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::select! {
        () = crawling => {}
        () = caught_up(&*fixture.log, views) => {}
    }
}

/// What is shown can be proven, and trees are no further ahead of rows than what may be in memory.
async fn every_row_has_a_signed_leaf(site: &Site, views: &dyn ViewStore) {
    let mut shown = std::collections::BTreeMap::<LogId, u64>::new();
    for row in views.reader().scan(Table::Leaves).await.unwrap() {
        if let RowWrite::Leaf(leaf) = row {
            let rows = shown.entry(leaf.log).or_default();
            *rows = (*rows).max(leaf.index + 1);
        }
    }
    assert!(!shown.is_empty());
    for (log, rows) in shown {
        let signed = site.reader(&log).checkpoint().await.unwrap().size();
        assert!(signed >= rows, "{log}: {rows} rows of {signed} leaves");
        let ahead = signed - rows;
        assert!(ahead <= AHEAD * BATCH as u64, "{log}: {ahead} ahead");
    }
}

async fn projected(views: &dyn ViewReader) -> u64 {
    let mut sum = 0;
    for topic in TOPICS {
        for partition in 0..3 {
            let next = views.progress(topic, partition).await.unwrap();
            sum += next.unwrap_or_default();
        }
    }
    sum
}

async fn appended(log: &dyn EventLog) -> u64 {
    let mut sum = 0;
    for topic in TOPICS {
        sum += log.end_offsets(topic).await.unwrap().iter().sum::<u64>();
    }
    sum
}

/// Waits for as long as it goes on.
async fn caught_up(log: &dyn EventLog, views: &dyn ViewReader) {
    let end = appended(log).await;
    loop {
        let before = projected(views).await;
        if before == end {
            return;
        }
        wait(async || projected(views).await > before).await;
    }
}
