use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use eventlog::{AppendError, EventLog, LogOptions, NewRecord, Position, SharedLog, Topic};
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::case::{Case, Need, cases};
use crate::child;
use crate::harness::Harness;
use crate::kit::{TOPIC, eventually, options, read_all, record, soon, text};

type Outcome = Result<Position, AppendError>;

pub(crate) fn cases() -> Vec<Case> {
    let within = |append_timeout| LogOptions {
        append_timeout: Duration::from_millis(append_timeout),
        ..options()
    };
    let mut cases = cases!(
        Need::Nothing,
        within(200),
        [
            a_blocked_log_fails_appends_and_says_truly_which_are_written,
            appends_that_time_out_just_as_the_log_goes_on_are_told_truly,
            records_that_failed_together_stand_in_order_after_a_retry,
        ]
    );
    cases.extend(cases!(
        Need::Nothing,
        within(1),
        [appends_that_time_out_on_the_way_are_told_truly]
    ));
    cases.extend(cases!(
        Need::LostAcknowledgements,
        within(200),
        [
            a_lost_acknowledgement_means_maybe_written,
            records_that_may_be_written_stand_in_order_after_a_retry,
        ]
    ));
    cases.extend(cases!(
        Need::Nothing,
        LogOptions {
            queue_capacity: 8,
            ..options()
        },
        [
            a_full_queue_refuses_at_once,
            a_queue_without_room_for_all_takes_none,
        ]
    ));
    cases.extend(cases!(
        Need::FullDisk,
        options(),
        [a_process_with_a_full_disk_is_told_truly_what_is_written]
    ));
    cases
}

/// Starts appends whose values tell them apart.
fn start(log: &SharedLog, prefix: &str, count: usize) -> Vec<(String, Task)> {
    let one = |number: usize| {
        let (log, value) = (Arc::clone(log), format!("{prefix}{number}"));
        let new = record(value.clone(), value.clone());
        let task = tokio::spawn(async move { log.append(TOPIC, new).await });
        (value, task)
    };
    (0..count).map(one).collect()
}

type Task = tokio::task::JoinHandle<Outcome>;

async fn finish(started: Vec<(String, Task)>) -> BTreeMap<String, Outcome> {
    let mut outcomes = BTreeMap::new();
    for (value, task) in started {
        outcomes.insert(value, soon("an answer", task).await.unwrap());
    }
    outcomes
}

/// What was acknowledged stands in the log once, where it was said to; what was
/// not written never appears; what may have been written appears once at most.
async fn check(log: &dyn EventLog, outcomes: &BTreeMap<String, Outcome>) {
    // Once a later append to each partition is acknowledged, nothing that was
    // on its way before can come any more.
    for number in 0..30 {
        let key = format!("marker{number}");
        eventually("the log goes on", async || {
            log.append(TOPIC, record(key.clone(), "marker"))
                .await
                .is_ok()
        })
        .await;
    }
    let mut found: BTreeMap<String, Vec<Position>> = BTreeMap::new();
    for record in read_all(log, TOPIC).await {
        found
            .entry(text(&record))
            .or_default()
            .push(record.position);
    }
    for (value, outcome) in outcomes {
        let at = found.get(value).map_or(&[][..], Vec::as_slice);
        match outcome {
            Ok(position) => assert_eq!(at, [*position], "{value} was acknowledged"),
            Err(AppendError::NotWritten { reason }) => {
                assert!(at.is_empty(), "{value} was not to be written: {reason}");
            }
            Err(AppendError::MaybeWritten { reason }) => {
                assert!(at.len() <= 1, "{value} stands {} times: {reason}", at.len());
            }
        }
    }
}

async fn a_blocked_log_fails_appends_and_says_truly_which_are_written(harness: Arc<dyn Harness>) {
    let log = harness.log();
    let block = harness.block().await;
    let outcomes = finish(start(&log, "blocked", 20)).await;
    assert!(outcomes.values().all(Result::is_err));
    drop(block);
    check(log.as_ref(), &outcomes).await;
}

async fn appends_that_time_out_just_as_the_log_goes_on_are_told_truly(harness: Arc<dyn Harness>) {
    let log = harness.log();
    let mut outcomes = BTreeMap::new();
    for round in 0..25_u64 {
        let block = harness.block().await;
        let started = start(&log, &format!("round{round}-"), 10);
        // From 10 ms before the time-out to 14 ms after it.
        tokio::time::sleep(Duration::from_millis(190 + round)).await;
        drop(block);
        outcomes.extend(finish(started).await);
    }
    check(log.as_ref(), &outcomes).await;
}

async fn appends_that_time_out_on_the_way_are_told_truly(harness: Arc<dyn Harness>) {
    let log = harness.log();
    let mut outcomes = BTreeMap::new();
    for round in 0..10 {
        outcomes.extend(finish(start(&log, &format!("hasty{round}-"), 40)).await);
    }
    let patient = harness.open(options()).await.unwrap();
    check(patient.as_ref(), &outcomes).await;
}

async fn a_lost_acknowledgement_means_maybe_written(harness: Arc<dyn Harness>) {
    let log = harness.log();
    let fault = harness.lose_acknowledgements();
    let outcomes = finish(start(&log, "lost", 10)).await;
    for outcome in outcomes.values() {
        assert!(
            matches!(outcome, Err(AppendError::MaybeWritten { .. })),
            "{outcome:?}"
        );
    }
    drop(fault);
    check(log.as_ref(), &outcomes).await;
    assert_eq!(read_all(log.as_ref(), TOPIC).await.len(), 10 + 30);
}

async fn a_full_queue_refuses_at_once(harness: Arc<dyn Harness>) {
    let log = harness.log();
    let block = harness.block().await;
    let started = start(&log, "queued", 9);
    let mut waiting: FuturesUnordered<_> = started
        .into_iter()
        .map(|(value, task)| async { (value, task.await.unwrap()) })
        .collect();
    // The queue has room for eight; none of these has timed out yet.
    let (value, refused) = soon("a refusal", waiting.next()).await.unwrap();
    assert!(
        matches!(refused, Err(AppendError::NotWritten { .. })),
        "{refused:?}"
    );
    drop(block);
    let mut outcomes = BTreeMap::from([(value, refused)]);
    while let Some((value, outcome)) = soon("an answer", waiting.next()).await {
        assert!(outcome.is_ok(), "{outcome:?}");
        outcomes.insert(value, outcome);
    }
    check(log.as_ref(), &outcomes).await;
}

async fn a_process_with_a_full_disk_is_told_truly_what_is_written(harness: Arc<dyn Harness>) {
    let log = harness.log();
    let mut process = child::start_squeezed(&harness.url(), &harness.complete(options()));
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let mut outcomes = BTreeMap::new();
    while let Some(line) = soon("a line", lines.next_line()).await.unwrap() {
        let words: Vec<&str> = line.split(' ').collect();
        let reason = "as told".to_owned();
        let outcome = match words[0] {
            "acked" => Ok(Position {
                partition: words[3].parse().unwrap(),
                offset: words[4].parse().unwrap(),
            }),
            "not_written" => Err(AppendError::NotWritten { reason }),
            _ => Err(AppendError::MaybeWritten { reason }),
        };
        outcomes.insert(words[1].to_owned(), outcome);
    }
    assert!(soon("its end", process.wait()).await.unwrap().success());
    assert!(outcomes.values().any(Result::is_ok));
    assert!(outcomes.values().any(Result::is_err));
    // The other processes have room, and go on.
    check(log.as_ref(), &outcomes).await;
}

/// Records of one device, as a request brings them.
fn together(count: usize) -> Vec<(Topic, NewRecord)> {
    let new = |number| (TOPIC, record("device", format!("{number:02}")));
    (0..count).map(new).collect()
}

/// Appends the same again until it is acknowledged, as a partner does. Whatever the failed attempt
/// has left, it left in order; and behind it all of them stand, once each, in order.
async fn retried(log: &dyn EventLog, failed: AppendError, count: usize) {
    let attempts = AtomicUsize::new(0);
    eventually("the log goes on", async || {
        attempts.fetch_add(1, Ordering::SeqCst);
        log.append_all(together(count)).await.is_ok()
    })
    .await;
    let values: Vec<String> = read_all(log, TOPIC).await.iter().map(text).collect();
    let (before, last) = values.split_at(values.len() - count);
    let all: Vec<String> = (0..count).map(|number| format!("{number:02}")).collect();
    assert_eq!(last, all);
    if attempts.into_inner() == 1 {
        assert!(before.is_sorted(), "{before:?}");
        if !failed.may_be_written() {
            assert!(before.is_empty(), "{failed} {before:?}");
        }
    }
}

async fn records_that_failed_together_stand_in_order_after_a_retry(harness: Arc<dyn Harness>) {
    let log = harness.log();
    let block = harness.block().await;
    let failed = log.append_all(together(8)).await.unwrap_err();
    drop(block);
    retried(log.as_ref(), failed, 8).await;
}

async fn records_that_may_be_written_stand_in_order_after_a_retry(harness: Arc<dyn Harness>) {
    let log = harness.log();
    let fault = harness.lose_acknowledgements();
    let failed = log.append_all(together(8)).await.unwrap_err();
    assert!(failed.may_be_written(), "{failed}");
    drop(fault);
    retried(log.as_ref(), failed, 8).await;
}

async fn a_queue_without_room_for_all_takes_none(harness: Arc<dyn Harness>) {
    let log = harness.log();
    let block = harness.block().await;
    let mut waiting = log.append_all(together(6));
    assert!(futures::poll!(&mut waiting).is_pending());
    // There is room for two more, and for no third.
    let three = (0..3).map(|_| (TOPIC, record("k", "late"))).collect();
    let refused = log.append_all(three).await.unwrap_err();
    assert!(
        matches!(refused, AppendError::NotWritten { .. }),
        "{refused}"
    );
    assert!(futures::poll!(&mut waiting).is_pending());
    drop(block);
    assert_eq!(soon("an answer", waiting).await.unwrap().len(), 6);
    let outcomes = BTreeMap::from([("late".to_owned(), Err(refused))]);
    check(log.as_ref(), &outcomes).await;
}
