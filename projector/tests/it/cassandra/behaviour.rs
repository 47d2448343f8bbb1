//! What every view store does, and what two engines must have in common.

use std::sync::Arc;

use auditlog::{Head, HeadError, LogId};
use domain::id::EventId;
use futures::future::join_all;
use projector::store::{AccessCursor, AccessQuery, Progress, ViewStore};
use projector::views::{AccessIdentity, AccessRow, DeviceRow, RowWrite};
use uuid::Uuid;

use super::scene::Scene;
use crate::contract;
use crate::fixture::{Fixture, at, complex, device};
use crate::run::{Site, project};

#[tokio::test]
async fn view_store_contract_on_cassandra() {
    let Some(scene) = Scene::start().await else {
        return;
    };
    // Whoever empties tables starts their writer anew: it remembers which partitions it has written to.
    let empty = async || {
        scene.empty().await;
        scene.writer().await
    };
    contract::suite(empty).await;

    a_projection_gives_the_same_tables_as_on_sqlite(&scene).await;
    let store = empty().await;
    one_of_many_writers_moves_a_head(&scene, &store).await;
    an_old_state_never_comes_back(&*store).await;
    a_rare_access_is_found_behind_many_others(&*store).await;
    contract::pruned_rows_never_come_back(empty().await).await;
}

/// By what is stored and by what `projector-serve` sees.
async fn a_projection_gives_the_same_tables_as_on_sqlite(scene: &Scene) {
    let fixture = Fixture::new();
    fixture.workload(3).await;
    let sqlite = Site::new().await;
    project(&fixture, &sqlite, 512).await;
    let expected = sqlite.dump().await;
    assert!(expected.len() > 50);
    for batch in [7, 512] {
        scene.empty().await;
        let site = Site {
            views: scene.writer().await,
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

/// More than the database gives in one go.
async fn a_rare_access_is_found_behind_many_others(store: &dyn ViewStore) {
    const RARE: u64 = 100;
    let somebody = Uuid::from_u128(7);
    let access = |offset: u64| {
        let event = EventId(Uuid::from_u128(offset.into()));
        let device = match offset % RARE {
            0 => "harbour.boathouse",
            _ => "harbour.gate",
        };
        RowWrite::Access(Box::new(AccessRow {
            complex: complex("harbour"),
            identity: AccessIdentity::of_event(event),
            event,
            offset,
            occurred_at: at(0),
            subject: Some(somebody),
            device: Some(self::device(device)),
            automation: None,
            command: None,
            record: proto::access::AccessRecord::default(),
        }))
    };
    let progress = Progress {
        topic: eventlog::Topic::AccessEvents,
        partition: 0,
        next: 0,
    };
    store
        .apply((0..1_000).map(access).collect(), progress)
        .await
        .unwrap();
    let query = AccessQuery {
        complex: complex("harbour"),
        from: None,
        until: None,
        subject: Some(somebody),
        device: Some(device("harbour.boathouse")),
    };
    let found = store.reader().search(&query, None, 7).await.unwrap();
    let offsets: Vec<u64> = found.iter().map(|row| row.offset).collect();
    assert_eq!(offsets, [900, 800, 700, 600, 500, 400, 300]);
    let after = found.last().map(AccessCursor::of);
    let rest = store.reader().search(&query, after, 7).await.unwrap();
    let offsets: Vec<u64> = rest.iter().map(|row| row.offset).collect();
    assert_eq!(offsets, [200, 100, 0]);
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
