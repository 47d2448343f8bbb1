//! What the projection takes upon itself: few reads before it writes, and trees one batch ahead of rows.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use auditlog::LogId;
use domain::event::{Body, Event};
use domain::vocabulary::{Method, Observation, Outcome, Verdict};
use eventlog::Topic;
use jiff::Timestamp;
use projector::store::Table;
use tokio::sync::Semaphore;

use crate::fixture::{Fixture, at, command, completed, decided, device, observed, remote};
use crate::forgetful::Forgetful;
use crate::run::{Running, Site, rebuilt, wait};

/// The site with a store that writes nothing until it is let, and that store.
fn held(site: &Site) -> (Arc<Forgetful>, Site) {
    let held = Arc::new(Forgetful {
        gate: Semaphore::new(0),
        ..Forgetful::new(&site.views)
    });
    let of_held = Site {
        views: held.clone(),
        ..site.clone()
    };
    (held, of_held)
}

/// Openings by app that a partner reports of, as many that none reports of, cars, and commands of
/// which nobody knows what became.
async fn ordinary(fixture: &Fixture, each: u128) {
    let (gate, access) = (device("sunrise.gate"), Topic::AccessEvents);
    for number in 0..each {
        let now = Timestamp::now();
        for (at, outcome) in [
            (3 * number, Outcome::Executed),
            (3 * number + 1, Outcome::Executed),
            (3 * number + 2, Outcome::Unknown),
        ] {
            let decided = decided(&gate, command(at), Verdict::Allow, now);
            fixture.signed(access, &decided).await;
            let completed = completed(&gate, command(at), outcome);
            fixture.signed(access, &completed).await;
        }
        let (id, opened) = (format!("r{number}"), Some(command(3 * number)));
        let seen = remote(&gate, &id, opened, Observation::Granted);
        fixture.unsigned(access, &seen).await;
        let car = observed(&gate, &format!("c{number}"), 1, at(1));
        fixture.unsigned(access, &by_plate(car)).await;
    }
}

fn by_plate(event: Event) -> Event {
    let Body::AccessObserved(mut seen) = event.body else {
        unreachable!("it was made as one");
    };
    seen.method = Some(Method::Plate);
    Event {
        body: Body::AccessObserved(seen),
        ..event
    }
}

#[tokio::test]
async fn where_nothing_is_an_alarm_little_is_read() {
    let fixture = Fixture::new();
    let each = 40;
    ordinary(&fixture, each.into()).await;
    for batch in [1, 7, 1024] {
        let site = Site::new().await;
        let watched = Arc::new(Forgetful::new(&site.views));
        let of_watched = Site {
            views: watched.clone(),
            ..site.clone()
        };
        let running = Running::start(&fixture, &of_watched, batch);
        running.caught_up(&*fixture.log, &*site.views).await;
        running.stop().await;
        let alarms = site.views.reader().scan(Table::Alarms).await.unwrap();
        assert!(alarms.is_empty(), "{alarms:?}");
        let asked = |count: &AtomicU64| count.load(Ordering::SeqCst);
        // A content once an event, reports once a definite completion, whatever the batches.
        assert_eq!(asked(&watched.asked.contents), 2 * each, "{batch}");
        assert_eq!(asked(&watched.asked.observed), 2 * each, "{batch}");
        // The rest of what there is of a command only where a partner reports of it.
        assert_eq!(asked(&watched.asked.rulings), each, "{batch}");
    }
}

#[tokio::test]
async fn trees_grow_one_batch_ahead_of_rows_and_no_further() {
    let fixture = Fixture::new();
    let gate = device("sunrise.gate");
    let batch = 4;
    for number in 0..5 * batch {
        let denied = decided(&gate, command(number), Verdict::Deny, Timestamp::now());
        fixture.signed(Topic::AccessEvents, &denied).await;
    }
    let site = Site::new().await;
    let (held, of_held) = held(&site);
    let running = Running::start(&fixture, &of_held, batch.try_into().unwrap());
    let log = LogId::new("access.events.v1", "sunrise").unwrap();
    let size = async || {
        site.views
            .load(&log)
            .await
            .unwrap()
            .map_or(0, |head| head.size)
    };
    let rows = async || site.views.reader().scan(Table::Leaves).await.unwrap().len();
    for written in 0..4 {
        let taken = (written + 2) * u64::try_from(batch).unwrap();
        wait(async || {
            let size = size().await;
            assert!(
                size <= taken,
                "{size} leaves while {written} batches are written"
            );
            size == taken
        })
        .await;
        assert_eq!(rows().await as u64, written * 4);
        held.gate.add_permits(1);
    }
    held.gate.add_permits(Semaphore::MAX_PERMITS / 2);
    running.caught_up(&*fixture.log, &*site.views).await;
    running.stop().await;
    assert_eq!(rows().await, 20);
}

#[tokio::test]
async fn a_log_that_is_closed_before_its_rows_are_written_goes_on_at_its_end() {
    // More logs in each partition than may stay open, and a batch that has a leaf for each of them.
    let complexes: Vec<String> = (0..24).map(|number| format!("quarter-{number}")).collect();
    let fixture = Fixture::new();
    for number in 0..4 {
        for complex in &complexes {
            let door = device(&format!("{complex}.door"));
            let denied = decided(&door, command(number), Verdict::Deny, Timestamp::now());
            fixture.signed(Topic::AccessEvents, &denied).await;
        }
    }
    let site = Site::new().await;
    let (held, of_held) = held(&site);
    let running = Running::start(&fixture, &of_held, complexes.len());
    let halted = async || {
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
    };
    wait(async || {
        let mut leaves = 0;
        for complex in &complexes {
            let log = LogId::new("access.events.v1", complex).unwrap();
            leaves += site
                .views
                .load(&log)
                .await
                .unwrap()
                .map_or(0, |head| head.size);
        }
        leaves == 2 * complexes.len() as u64 || !halted().await.is_empty()
    })
    .await;
    held.gate.add_permits(Semaphore::MAX_PERMITS / 2);
    running.caught_up(&*fixture.log, &*site.views).await;
    running.stop().await;
    assert_eq!(halted().await, []);
    assert_eq!(
        site.trees(&*fixture.log).await,
        rebuilt(&*fixture.log).await
    );
}
