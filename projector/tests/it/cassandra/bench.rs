use super::scene::Scene;
use crate::fixture::{at, complex, device};
use domain::id::EventId;
use projector::store::*;
use projector::views::*;
use std::time::Instant;
use uuid::Uuid;
#[tokio::test]
async fn bench() {
    let Some(scene) = Scene::start().await else { return };
    let store = scene.writer().await;
    let folder = tempfile::tempdir().unwrap();
    let sqlite = projector::store::open(&format!("sqlite://{}/v.db", folder.path().display()).parse().unwrap()).await.unwrap();
    for (name, store) in [("cassandra", store), ("cassandra again", scene.writer().await), ("sqlite", sqlite)] {
        let row = |offset: u64| {
            let event = EventId(Uuid::from_u128(u128::from(offset)));
            let complex = complex("sunrise");
            vec![
                RowWrite::Access(Box::new(AccessRow {
                    complex: complex.clone(),
                    identity: AccessIdentity::of_event(event),
                    event,
                    offset,
                    occurred_at: at(offset as i64 / 10),
                    subject: Some(Uuid::from_u128(u128::from(offset % 500))),
                    device: Some(device(&format!("sunrise.gate-{}", offset % 20))),
                    automation: None,
                    command: None,
                    record: proto::access::AccessRecord { event_id: event.to_string(), device_id: "x".repeat(200), ..Default::default() },
                })),
                RowWrite::Leaf(LeafRow { log: auditlog::LogId::new("access.events.v1", "sunrise").unwrap(), offset, index: offset }),
            ]
        };
        let started = Instant::now();
        let mut next = 0;
        while next < 20_000 {
            let rows = (next..next + 512).flat_map(row).collect();
            next += 512;
            store.apply(rows, Progress { topic: eventlog::Topic::AccessEvents, partition: 0, next }).await.unwrap();
        }
        let took = started.elapsed();
        eprintln!("{name}: {next} accesses in {took:?}: {:.0}/s", next as f64 / took.as_secs_f64());
        let reader = store.reader();
        let query = AccessQuery { complex: complex("sunrise"), from: None, until: None, subject: None, device: None, automation: None };
        for (what, query) in [("complex", query.clone()), ("subject", AccessQuery { subject: Some(Uuid::from_u128(7)), ..query.clone() })] {
            let started = Instant::now();
            let mut after = None;
            for _ in 0..20 {
                let found = reader.search(&query, after, 100).await.unwrap();
                after = found.last().map(AccessCursor::of);
            }
            eprintln!("{name}: page of 100 of {what}: {:?}", started.elapsed() / 20);
        }
    }
}
