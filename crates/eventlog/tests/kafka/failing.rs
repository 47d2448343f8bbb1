use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use eventlog::{AppendError, LogOptions, Position, SharedLog, TailFrom, Topic};
use futures::future::join_all;

use crate::site::{Site, record};

const TOPIC: Topic = Topic::AccessEvents;
const SLACK: Duration = Duration::from_secs(3);

type Outcome = Result<Position, AppendError>;

fn patience(site: &Site, append_timeout: Duration) -> LogOptions {
    LogOptions {
        append_timeout,
        ..site.admin()
    }
}

/// Appends to every partition, and checks that all are answered in time.
async fn append_some(log: &SharedLog, name: &str, limit: Duration) -> BTreeMap<String, Outcome> {
    let started = Instant::now();
    let appends = (0..30).map(|number| {
        let (log, value) = (Arc::clone(log), format!("{name}{number}"));
        async move {
            let outcome = log.append(TOPIC, record(&value, &value)).await;
            (value, outcome)
        }
    });
    let outcomes = join_all(appends).await.into_iter().collect();
    let took = started.elapsed();
    assert!(took < limit + SLACK, "{name} took {took:?}");
    outcomes
}

/// Appends again and again until all of one round are acknowledged.
async fn until_it_goes_on(log: &SharedLog, name: &str) -> BTreeMap<String, Outcome> {
    let mut outcomes = BTreeMap::new();
    for round in 0..60 {
        let limit = Duration::from_secs(60);
        let some = append_some(log, &format!("{name}{round}-"), limit).await;
        let all = some.values().all(Result::is_ok);
        outcomes.extend(some);
        if all {
            return outcomes;
        }
    }
    panic!("{name}: the log doesn't go on: {outcomes:?}");
}

/// What was acknowledged stands in the log where it was said to; what was not
/// written isn't there; nothing stands there twice.
async fn check(log: &SharedLog, outcomes: &BTreeMap<String, Outcome>) {
    let ends = log.end_offsets(TOPIC).await.unwrap();
    let mut tail = log.tail(TOPIC, TailFrom::Beginning).await.unwrap();
    let mut found = BTreeMap::new();
    while tail.positions().iter().zip(&ends).any(|(at, end)| at < end) {
        for record in tail.next_batch(1000).await.unwrap() {
            let value = String::from_utf8(record.value.unwrap().to_vec()).unwrap();
            let before = found.insert(value.clone(), record.position);
            assert_eq!(before, None, "{value} stands twice");
        }
    }
    for (value, outcome) in outcomes {
        let at = found.get(value);
        match outcome {
            Ok(position) => assert_eq!(at, Some(position), "{value} was acknowledged"),
            Err(AppendError::NotWritten { .. }) => assert_eq!(at, None, "{value}"),
            Err(AppendError::MaybeWritten { .. }) => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_stops_hangs_or_dies_is_told_in_time_and_truly() {
    let Some(mut site) = Site::start(1).await else {
        return;
    };
    let limit = Duration::from_secs(2);
    let log = site.open(patience(&site, limit)).await.unwrap();
    let mut outcomes = append_some(&log, "before", limit).await;
    assert!(outcomes.values().all(Result::is_ok));

    site.kafka.pause(0).unwrap();
    let hanging = append_some(&log, "paused", limit).await;
    assert!(hanging.values().all(Result::is_err), "{hanging:?}");
    outcomes.extend(hanging);
    assert!(log.end_offsets(TOPIC).await.is_err());
    site.kafka.resume(0).unwrap();
    outcomes.extend(until_it_goes_on(&log, "resumed").await);

    // In the middle of appends.
    let during = tokio::spawn({
        let log = Arc::clone(&log);
        async move { append_some(&log, "killed", limit).await }
    });
    site.kafka.kill9(0).unwrap();
    outcomes.extend(during.await.unwrap());
    let gone = append_some(&log, "gone", limit).await;
    assert!(gone.values().all(Result::is_err), "{gone:?}");
    outcomes.extend(gone);
    site.kafka.restart(0).await.unwrap();
    outcomes.extend(until_it_goes_on(&log, "restarted").await);

    site.kafka.stop(0).await.unwrap();
    let stopped = append_some(&log, "stopped", limit).await;
    assert!(stopped.values().all(Result::is_err), "{stopped:?}");
    outcomes.extend(stopped);
    site.kafka.restart(0).await.unwrap();
    outcomes.extend(until_it_goes_on(&log, "again").await);
    check(&log, &outcomes).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_three_brokers_may_die_and_two_may_not() {
    let Some(mut site) = Site::start(3).await else {
        return;
    };
    let limit = Duration::from_secs(20);
    let mut options = patience(&site, limit);
    if let Some(kafka) = &mut options.kafka {
        kafka.min_insync_replicas = 2.try_into().unwrap();
    }
    let log = site.open(options.clone()).await.unwrap();
    let mut outcomes = append_some(&log, "before", limit).await;
    assert!(outcomes.values().all(Result::is_ok), "{outcomes:?}");

    site.kafka.kill9(0).unwrap();
    let started = Instant::now();
    let with_two = append_some(&log, "two-left", limit).await;
    eprintln!(
        "one of three killed: the slowest append took {:?}",
        started.elapsed()
    );
    assert!(with_two.values().all(Result::is_ok), "{with_two:?}");
    outcomes.extend(with_two);

    // Another process can start in this state.
    let short = Duration::from_secs(3);
    let hasty = LogOptions {
        append_timeout: short,
        ..options
    };
    let other = site.open(hasty).await.unwrap();
    outcomes.extend(until_it_goes_on(&other, "other").await);

    site.kafka.kill9(1).unwrap();
    let with_one = append_some(&other, "one-left", short).await;
    assert!(with_one.values().all(Result::is_err), "{with_one:?}");
    outcomes.extend(with_one);

    site.kafka.restart(0).await.unwrap();
    let started = Instant::now();
    outcomes.extend(until_it_goes_on(&other, "two-again").await);
    eprintln!(
        "two of three again: appends go on after {:?}",
        started.elapsed()
    );
    site.kafka.restart(1).await.unwrap();
    outcomes.extend(until_it_goes_on(&log, "all-again").await);
    check(&log, &outcomes).await;
}
