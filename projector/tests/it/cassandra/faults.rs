//! A node that is stopped, paused, killed: the projection waits, and loses nothing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use eventlog::Topic;
use harness::engines::cassandra::PROJECTOR;
use projector::store::{self, Progress, StoreError, ViewStore};
use projector::views::{LeafRow, RowWrite, TOPICS};

use super::scene::Scene;
use crate::fixture::Fixture;
use crate::run::{Running, Site, project};

/// Longer than a request may take, with its retries and the queue before it.
const SOON: Duration = Duration::from_secs(6);
/// The driver tries broken connections again at least this often, and a node needs a while.
const LATER: Duration = Duration::from_secs(90);

#[tokio::test]
async fn a_node_that_fails_is_waited_for_and_loses_nothing() {
    let Some(mut scene) = Scene::start().await else {
        return;
    };
    let store = scene.writer().await;
    acknowledged_rows_survive_a_kill(&mut scene, &store).await;
    errors_come_soon_and_end_with_the_fault(&mut scene, &store).await;
    a_store_that_is_down_at_the_start_is_waited_for(&mut scene).await;
    scene.empty().await;
    let store = scene.writer().await;
    a_projection_goes_on_where_it_was(&mut scene, &store).await;
}

fn progress(next: u64) -> Progress {
    Progress {
        topic: Topic::RegistryEvents,
        partition: 0,
        next,
    }
}

fn leaf(offset: u64) -> RowWrite {
    let log = auditlog::LogId::new("registry.events.v1", "sunrise").unwrap();
    RowWrite::Leaf(LeafRow {
        log,
        offset,
        index: offset,
    })
}

/// Writers at work, and the node killed in the middle: what was acknowledged is there.
async fn acknowledged_rows_survive_a_kill(scene: &mut Scene, store: &Arc<dyn ViewStore>) {
    const WRITERS: u64 = 32;
    let writers = (0..WRITERS).map(|writer| {
        let store = Arc::clone(store);
        tokio::spawn(async move {
            let mut acknowledged = Vec::new();
            for offset in (writer..).step_by(WRITERS as usize) {
                match store.apply(vec![leaf(offset)], progress(offset)).await {
                    Ok(()) => acknowledged.push(offset),
                    Err(_) => break,
                }
            }
            acknowledged
        })
    });
    let writers: Vec<_> = writers.collect();
    let reader = scene.reader();
    crate::run::wait(async || {
        let next = reader.progress(Topic::RegistryEvents, 0).await.unwrap();
        next.is_some_and(|next| next > 2_000)
    })
    .await;
    scene.node.kill9().unwrap();
    let mut acknowledged = Vec::new();
    for writer in writers {
        acknowledged.extend(writer.await.unwrap());
    }
    assert!(acknowledged.len() > 1_000, "{}", acknowledged.len());
    scene.node.restart().await.unwrap();
    recovered(&**store).await;
    let found = store.reader().scan(store::Table::Leaves).await.unwrap();
    let found: std::collections::HashSet<u64> = found
        .into_iter()
        .map(|row| match row {
            RowWrite::Leaf(leaf) => leaf.offset,
            other => panic!("{other:?}"),
        })
        .collect();
    let lost: Vec<_> = acknowledged
        .iter()
        .filter(|offset| !found.contains(offset))
        .collect();
    assert!(lost.is_empty(), "lost {lost:?} of {}", acknowledged.len());
    let next = store
        .reader()
        .progress(Topic::RegistryEvents, 0)
        .await
        .unwrap();
    assert!(next >= acknowledged.iter().max().copied());
    eprintln!(
        "{} rows acknowledged before the kill, none lost",
        acknowledged.len()
    );
}

async fn errors_come_soon_and_end_with_the_fault(scene: &mut Scene, store: &Arc<dyn ViewStore>) {
    scene.node.pause().unwrap();
    unavailable(&**store).await;
    scene.node.resume().unwrap();
    recovered(&**store).await;

    scene.node.stop().await.unwrap();
    unavailable(&**store).await;
    scene.node.restart().await.unwrap();
    recovered(&**store).await;
}

async fn unavailable(store: &dyn ViewStore) {
    let started = Instant::now();
    let reader = store.reader();
    let written = store.apply(Vec::new(), progress(0)).await;
    let read = reader.progress(Topic::RegistryEvents, 0).await;
    let loaded = store
        .load(&auditlog::LogId::new("registry.events.v1", "x").unwrap())
        .await;
    assert!(
        matches!(written, Err(StoreError::Unavailable(_))),
        "{written:?}"
    );
    assert!(matches!(read, Err(StoreError::Unavailable(_))), "{read:?}");
    assert!(loaded.is_err());
    let took = started.elapsed();
    assert!(took < SOON * 3, "{took:?}");
    eprintln!("three errors within {took:?}");
}

async fn recovered(store: &dyn ViewStore) {
    let started = Instant::now();
    loop {
        match store.apply(Vec::new(), progress(0)).await {
            Ok(()) => break,
            Err(StoreError::Unavailable(_)) if started.elapsed() < LATER => {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            Err(error) => panic!("{error:?} after {:?}", started.elapsed()),
        }
    }
    eprintln!("usable again after {:?}", started.elapsed());
}

async fn a_store_that_is_down_at_the_start_is_waited_for(scene: &mut Scene) {
    scene.node.stop().await.unwrap();
    let identity = scene.identity("projector", PROJECTOR);
    let views = scene.views(&identity, &scene.pki);
    let store = store::open_configured(&views).await.unwrap();
    let reader = scene.reader();
    unavailable(&*store).await;
    assert!(reader.progress(Topic::RegistryEvents, 0).await.is_err());
    scene.node.restart().await.unwrap();
    recovered(&*store).await;
    reader.progress(Topic::RegistryEvents, 0).await.unwrap();
}

/// Records come in all the while; the node is paused, then killed, then stopped.
async fn a_projection_goes_on_where_it_was(scene: &mut Scene, store: &Arc<dyn ViewStore>) {
    let fixture = Fixture::new();
    let site = Site {
        views: Arc::clone(store),
        ..Site::new().await
    };
    recovered(&**store).await;
    let running = Running::start(&fixture, &site, 16);
    fixture.workload(4).await;
    begun(&**store, 1).await;
    scene.node.pause().unwrap();
    fixture.workload(4).await;
    unavailable(&**store).await;
    scene.node.resume().unwrap();
    recovered(&**store).await;
    caught_up(&fixture, &**store).await;
    fixture.workload(4).await;
    begun(&**store, 150).await;
    scene.node.kill9().unwrap();
    fixture.workload(4).await;
    scene.node.restart().await.unwrap();
    caught_up(&fixture, &**store).await;
    running.stop().await;

    let undisturbed = Site::new().await;
    project(&fixture, &undisturbed, 512).await;
    assert!(site.dump().await == undisturbed.dump().await, "other rows");
    assert_eq!(
        site.trees(&*fixture.log).await,
        undisturbed.trees(&*fixture.log).await
    );
}

/// Waits until so many access records are projected.
async fn begun(store: &dyn ViewStore, records: u64) {
    let reader = store.reader();
    crate::run::wait(async || {
        let mut sum = 0;
        for partition in 0..3 {
            let next = reader.progress(Topic::AccessEvents, partition).await;
            sum += next.ok().flatten().unwrap_or_default();
        }
        sum >= records
    })
    .await;
}

async fn caught_up(fixture: &Fixture, store: &dyn ViewStore) {
    let reader = store.reader();
    let waiting = crate::run::wait(async || {
        for topic in TOPICS {
            let ends = fixture.log.end_offsets(topic).await.unwrap();
            for (partition, end) in (0..).zip(ends) {
                match reader.progress(topic, partition).await {
                    Ok(next) if next.unwrap_or(0) >= end => {}
                    _ => return false,
                }
            }
        }
        true
    });
    waiting.await;
}
