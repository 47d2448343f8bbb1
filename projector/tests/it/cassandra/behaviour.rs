//! What every view store does, and what two engines must have in common.

use std::sync::Arc;

use auditlog::{Head, HeadError, LogId};
use futures::future::join_all;
use projector::store::{Progress, ViewStore};
use projector::views::{DeviceRow, RowWrite};

use super::scene::Scene;
use crate::contract;
use crate::fixture::{Fixture, at, device};
use crate::run::{Site, project};

#[tokio::test]
async fn cassandra_behaves_as_every_store() {
    let Some(scene) = Scene::start().await else {
        return;
    };
    let store = scene.writer().await;
    contract::suite(async || {
        scene.empty().await;
        Arc::clone(&store)
    })
    .await;

    scene.empty().await;
    a_projection_gives_the_same_tables_as_on_sqlite(&scene, &store).await;
    scene.empty().await;
    one_of_many_writers_moves_a_head(&scene, &store).await;
    an_old_state_never_comes_back(&*store).await;
}

/// By what is stored and by what `projector-serve` sees.
async fn a_projection_gives_the_same_tables_as_on_sqlite(
    scene: &Scene,
    store: &Arc<dyn ViewStore>,
) {
    let fixture = Fixture::new();
    fixture.workload(3).await;
    let sqlite = Site::new().await;
    project(&fixture, &sqlite, 512).await;
    let expected = sqlite.dump().await;
    assert!(expected.len() > 50);
    for batch in [7, 512] {
        scene.empty().await;
        let site = Site {
            views: Arc::clone(store),
            ..Site::new().await
        };
        project(&fixture, &site, batch).await;
        assert!(site.dump().await == expected, "batches of {batch}");
        let served = projector::dump::lines(&*scene.reader()).await.unwrap();
        assert!(served == expected, "as the role of `serve` sees it");
        site.trees(&*fixture.log).await;
    }
}

async fn one_of_many_writers_moves_a_head(scene: &Scene, store: &Arc<dyn ViewStore>) {
    let log = LogId::new("access.events.v1", "sunrise").unwrap();
    let stores = [Arc::clone(store), scene.writer().await];
    let mut standing: Option<Head> = None;
    for round in 0..20u64 {
        let head = |writer: u8| Head {
            size: round + 1,
            root: [writer; 32],
            first_offset: 0,
            next_offset: round + 1,
        };
        let moves = (0..8u8).map(|writer| {
            let (log, standing, store) = (&log, &standing, &stores[usize::from(writer % 2)]);
            async move {
                let new = head(writer);
                let moved = store.compare_and_set(log, standing.as_ref(), &new).await;
                (writer, moved)
            }
        });
        let mut winners = Vec::new();
        for (writer, moved) in join_all(moves).await {
            match moved {
                Ok(()) => winners.push(writer),
                Err(HeadError::Conflict) => {}
                // Under contention the database may not know, and then the head says it.
                Err(HeadError::Store(_)) => {}
            }
        }
        let found = store.load(&log).await.unwrap();
        let winner = found.as_ref().map(|found| found.root[0]);
        assert!(winners.len() <= 1, "{winners:?}");
        match winner {
            Some(winner) if found == Some(head(winner)) => {
                assert!(winners.is_empty() || winners == [winner]);
            }
            _ => assert_eq!((found.as_ref(), winners), (standing.as_ref(), vec![])),
        }
        standing = found;
    }
    assert!(standing.is_some_and(|head| head.size > 10));
}

/// However late it is written again.
async fn an_old_state_never_comes_back(store: &dyn ViewStore) {
    let gate = device("sunrise.gate");
    let state = |sequence| {
        RowWrite::Device(DeviceRow {
            device: gate.clone(),
            sequence: domain::event::DeviceSequence { epoch: 1, sequence },
            observed_at: at(0),
            offset: sequence,
            status: proto::access::DeviceStatus::default(),
        })
    };
    let progress = Progress {
        topic: eventlog::Topic::DeviceStatus,
        partition: 0,
        next: 0,
    };
    let order = (0..50).chain([3, 49, 7]).chain(0..50);
    for sequence in order {
        store.apply(vec![state(sequence)], progress).await.unwrap();
    }
    let found = store.reader().device(&gate).await.unwrap().unwrap();
    assert_eq!(found.sequence.sequence, 49);
    let devices = store.reader().devices(&gate.complex()).await.unwrap();
    assert_eq!(devices, [found]);
}
