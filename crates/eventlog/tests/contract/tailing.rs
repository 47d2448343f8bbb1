use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use eventlog::{LogError, TailFrom};
use futures::FutureExt;
use jiff::Timestamp;

use crate::case::{Case, Need, cases};
use crate::harness::Harness;
use crate::kit::{TOPIC, append_many, event, options, record, soon, take, text};

pub(crate) fn cases() -> Vec<Case> {
    cases!(
        Need::Nothing,
        options(),
        [
            a_tail_reads_back_what_was_acknowledged,
            a_tail_from_the_beginning_reads_all,
            a_tail_from_the_end_reads_what_comes_after,
            a_tail_from_offsets_reads_on_from_there,
            a_tail_from_a_time_starts_with_the_first_record_not_before_it,
            a_tail_waits_and_is_woken,
            a_tail_is_woken_by_appends_through_another_handle,
            several_tails_each_read_everything,
            a_cancelled_read_skips_nothing,
            a_batch_has_at_most_what_was_asked_for,
            offsets_that_the_log_does_not_have_are_refused,
        ]
    )
}

async fn a_tail_reads_back_what_was_acknowledged(harness: Arc<dyn Harness>) {
    let log = harness.log();
    let mut tail = log.tail(TOPIC, TailFrom::End).await.unwrap();
    for number in 0..20 {
        let mut new = record(format!("k{number}"), format!("v{number}"));
        new.event = event();
        let before = Timestamp::now();
        let position = log.append(TOPIC, new.clone()).await.unwrap();
        let read = take(tail.as_mut(), 1).await.remove(0);
        assert_eq!(read.topic, TOPIC);
        assert_eq!(read.position, position);
        assert_eq!(read.key, new.key);
        assert_eq!(read.value, new.value);
        assert_eq!(read.headers, new.event.to_headers());
        assert_eq!(read.traceparent(), new.event.traceparent.as_deref());
        assert_eq!(read.cloud_event(), Ok(new.event));
        let slack = Duration::from_secs(5);
        assert!(read.append_time >= before - slack && read.append_time <= Timestamp::now() + slack);
    }
}

async fn a_tail_from_the_beginning_reads_all(harness: Arc<dyn Harness>) {
    let log = harness.log();
    append_many(log.as_ref(), "k", 50).await;
    let mut tail = log.tail(TOPIC, TailFrom::Beginning).await.unwrap();
    let values: BTreeSet<_> = take(tail.as_mut(), 50).await.iter().map(text).collect();
    assert_eq!(values.len(), 50);
    assert_eq!(tail.positions(), log.end_offsets(TOPIC).await.unwrap());
}

async fn a_tail_from_the_end_reads_what_comes_after(harness: Arc<dyn Harness>) {
    let log = harness.log();
    append_many(log.as_ref(), "before", 20).await;
    let mut tail = log.tail(TOPIC, TailFrom::End).await.unwrap();
    assert_eq!(tail.positions(), log.end_offsets(TOPIC).await.unwrap());
    append_many(log.as_ref(), "after", 20).await;
    let records = take(tail.as_mut(), 20).await;
    assert!(
        records
            .iter()
            .all(|record| text(record).starts_with("after"))
    );
}

async fn a_tail_from_offsets_reads_on_from_there(harness: Arc<dyn Harness>) {
    let log = harness.log();
    append_many(log.as_ref(), "k", 60).await;
    let mut first = log.tail(TOPIC, TailFrom::Beginning).await.unwrap();
    let mut read = take(first.as_mut(), 25).await;
    let from = TailFrom::Offsets(first.positions());
    let mut second = log.tail(TOPIC, from).await.unwrap();
    read.extend(take(second.as_mut(), 35).await);
    let distinct: BTreeSet<_> = read.iter().map(|record| record.position).collect();
    assert_eq!(distinct.len(), 60, "no gap and no repetition");
}

async fn a_tail_from_a_time_starts_with_the_first_record_not_before_it(harness: Arc<dyn Harness>) {
    let log = harness.log();
    append_many(log.as_ref(), "early", 30).await;
    // Append times have milliseconds: let the clock of the log move on.
    tokio::time::sleep(Duration::from_millis(30)).await;
    let position = log.append(TOPIC, record("k", "middle")).await.unwrap();
    tokio::time::sleep(Duration::from_millis(30)).await;
    append_many(log.as_ref(), "late", 30).await;

    let mut all = log.tail(TOPIC, TailFrom::Beginning).await.unwrap();
    let all = take(all.as_mut(), 61).await;
    let middle = all
        .iter()
        .find(|record| record.position == position)
        .unwrap();
    let since = TailFrom::Time(middle.append_time);
    let mut tail = log.tail(TOPIC, since).await.unwrap();
    let values: BTreeSet<_> = take(tail.as_mut(), 31).await.iter().map(text).collect();
    assert!(values.contains("middle"));
    assert!(!values.iter().any(|value| value.starts_with("early")));

    let future = TailFrom::Time(Timestamp::now() + Duration::from_secs(3600));
    let tail = log.tail(TOPIC, future).await.unwrap();
    assert_eq!(tail.positions(), log.end_offsets(TOPIC).await.unwrap());
    let past = TailFrom::Time(Timestamp::UNIX_EPOCH);
    let tail = log.tail(TOPIC, past).await.unwrap();
    assert_eq!(tail.positions(), log.start_offsets(TOPIC).await.unwrap());
}

async fn a_tail_waits_and_is_woken(harness: Arc<dyn Harness>) {
    let log = harness.log();
    woken(harness, Arc::clone(&log), log).await;
}

async fn a_tail_is_woken_by_appends_through_another_handle(harness: Arc<dyn Harness>) {
    let log = harness.log();
    let other = harness.open(options()).await.unwrap();
    woken(harness, log, other).await;
}

async fn woken(_: Arc<dyn Harness>, reads: eventlog::SharedLog, writes: eventlog::SharedLog) {
    let mut tail = reads.tail(TOPIC, TailFrom::End).await.unwrap();
    for _ in 0..20 {
        let waiting = tokio::spawn(async move {
            let records = take(tail.as_mut(), 1).await;
            (tail, records)
        });
        tokio::task::yield_now().await;
        let position = writes.append(TOPIC, record("k", "v")).await.unwrap();
        let (back, records) = soon("the tail", waiting).await.unwrap();
        assert_eq!(records[0].position, position);
        tail = back;
    }
}

async fn several_tails_each_read_everything(harness: Arc<dyn Harness>) {
    let log = harness.log();
    let mut tails = Vec::new();
    for _ in 0..6 {
        tails.push(log.tail(TOPIC, TailFrom::Beginning).await.unwrap());
    }
    let reading = tails
        .into_iter()
        .map(|mut tail| tokio::spawn(async move { take(tail.as_mut(), 120).await }));
    let reading: Vec<_> = reading.collect();
    append_many(log.as_ref(), "k", 120).await;
    for read in futures::future::try_join_all(reading).await.unwrap() {
        let distinct: BTreeSet<_> = read.iter().map(|record| record.position).collect();
        assert_eq!(distinct.len(), 120);
    }
}

async fn a_cancelled_read_skips_nothing(harness: Arc<dyn Harness>) {
    let log = harness.log();
    let mut tail = log.tail(TOPIC, TailFrom::Beginning).await.unwrap();
    let writing = {
        let log = Arc::clone(&log);
        tokio::spawn(async move { append_many(log.as_ref(), "k", 200).await })
    };
    let mut read = Vec::new();
    let mut patience = 0;
    while read.len() < 200 {
        // Often too short, on purpose, and longer each time it was.
        let limit = Duration::from_micros(20 * patience);
        match tokio::time::timeout(limit, tail.next_batch(3)).await {
            Ok(batch) => {
                read.extend(batch.unwrap());
                patience = 0;
            }
            Err(_) => patience += 1,
        }
        // Polled once and dropped.
        if let Some(batch) = tail.next_batch(3).now_or_never() {
            read.extend(batch.unwrap());
        }
    }
    writing.await.unwrap();
    let distinct: BTreeSet<_> = read.iter().map(|record| record.position).collect();
    assert_eq!((read.len(), distinct.len()), (200, 200));
}

async fn a_batch_has_at_most_what_was_asked_for(harness: Arc<dyn Harness>) {
    let log = harness.log();
    append_many(log.as_ref(), "k", 30).await;
    let mut tail = log.tail(TOPIC, TailFrom::Beginning).await.unwrap();
    let mut count = 0;
    while count < 30 {
        let batch = soon("a batch", tail.next_batch(4)).await.unwrap();
        assert!((1..=4).contains(&batch.len()));
        count += batch.len();
    }
}

async fn offsets_that_the_log_does_not_have_are_refused(harness: Arc<dyn Harness>) {
    let log = harness.log();
    append_many(log.as_ref(), "k", 10).await;
    let mut offsets = log.end_offsets(TOPIC).await.unwrap();
    offsets[1] += 1;
    let expected = LogError::PastEnd {
        topic: TOPIC,
        partition: 1,
        requested: offsets[1],
        end: offsets[1] - 1,
    };
    let refused = log.tail(TOPIC, TailFrom::Offsets(offsets)).await;
    assert_eq!(refused.err(), Some(expected));
    for offsets in [vec![0], vec![0; 9], vec![u64::MAX; 3]] {
        let refused = log.tail(TOPIC, TailFrom::Offsets(offsets)).await;
        assert!(refused.is_err());
    }
}
