use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::sync::Arc;

use bytes::Bytes;
use eventlog::{AppendError, CloudEvent, LogOptions, NewRecord, Topic, partitioner};

use crate::case::{Case, Need, cases};
use crate::harness::Harness;
use crate::kit::{TOPIC, append_many, event, options, read_all, record, text, tombstone};

pub(crate) fn cases() -> Vec<Case> {
    cases!(
        Need::Nothing,
        LogOptions {
            max_record_bytes: 10_000,
            ..options()
        },
        [
            records_of_one_key_keep_their_order,
            positions_are_dense_and_ends_follow_them,
            the_pinned_partitioner_decides_the_partition,
            append_times_never_go_backwards,
            an_acknowledged_record_lies_below_the_end_for_everyone,
            what_no_reader_could_use_is_refused,
            a_tombstone_is_not_an_empty_value,
            records_appended_together_stand_in_their_order,
            records_appended_together_are_refused_together,
        ]
    )
}

async fn records_of_one_key_keep_their_order(harness: Arc<dyn Harness>) {
    let log = harness.log();
    let writers = (0..8).map(|writer| {
        let log = Arc::clone(&log);
        async move {
            for number in 0..40 {
                let value = number.to_string();
                let new = record(format!("key{writer}"), value);
                log.append(TOPIC, new).await.unwrap();
            }
        }
    });
    futures::future::join_all(writers).await;
    let mut by_key: BTreeMap<Bytes, Vec<String>> = BTreeMap::new();
    for record in read_all(log.as_ref(), TOPIC).await {
        by_key
            .entry(record.key.clone())
            .or_default()
            .push(text(&record));
    }
    let expected: Vec<String> = (0..40).map(|number| number.to_string()).collect();
    assert_eq!(by_key.len(), 8);
    assert!(by_key.values().all(|values| *values == expected));
}

async fn positions_are_dense_and_ends_follow_them(harness: Arc<dyn Harness>) {
    let log = harness.log();
    let none = vec![0; options().partitions.get() as usize];
    assert_eq!(log.end_offsets(TOPIC).await.unwrap(), none);

    let positions = append_many(log.as_ref(), "k", 100).await;
    let ends = log.end_offsets(TOPIC).await.unwrap();
    let distinct: BTreeSet<_> = positions.iter().copied().collect();
    assert_eq!(distinct.len(), 100, "each position is given once");
    assert_eq!(ends.iter().sum::<u64>(), 100);
    for position in &positions {
        assert!(position.offset < ends[position.partition as usize]);
    }
    assert_eq!(log.start_offsets(TOPIC).await.unwrap(), none);
    assert_eq!(
        log.end_offsets(Topic::DeviceStatus).await.unwrap(),
        none,
        "topics count for themselves"
    );
}

async fn the_pinned_partitioner_decides_the_partition(harness: Arc<dyn Harness>) {
    let log = harness.log();
    let partitions: NonZeroU32 = options().partitions;
    for topic in [TOPIC, Topic::Subjects] {
        for number in 0..20 {
            let key = format!("lookup{number}/subject/item");
            let expected = partitioner::partition_of(topic, key.as_bytes(), partitions);
            let position = log.append(topic, record(key, "")).await.unwrap();
            assert_eq!(position.partition, expected);
        }
    }
}

async fn append_times_never_go_backwards(harness: Arc<dyn Harness>) {
    let log = harness.log();
    append_many(log.as_ref(), "k", 60).await;
    let mut last = BTreeMap::new();
    for record in read_all(log.as_ref(), TOPIC).await {
        let before = last.insert(record.position.partition, record.append_time);
        assert!(before.is_none_or(|before| before <= record.append_time));
        let whole = record.append_time.as_nanosecond() % 1_000_000 == 0;
        assert!(whole, "append times are whole milliseconds");
    }
}

async fn an_acknowledged_record_lies_below_the_end_for_everyone(harness: Arc<dyn Harness>) {
    let log = harness.log();
    let other = harness.open(options()).await.unwrap();
    for number in 0..30 {
        let position = log
            .append(TOPIC, record(format!("k{number}"), ""))
            .await
            .unwrap();
        for log in [&log, &other] {
            let ends = log.end_offsets(TOPIC).await.unwrap();
            assert!(position.offset < ends[position.partition as usize]);
        }
    }
}

async fn what_no_reader_could_use_is_refused(harness: Arc<dyn Harness>) {
    let log = harness.log();
    let nameless = CloudEvent {
        kind: String::new(),
        ..event()
    };
    let refused = [
        record("", "no key"),
        NewRecord {
            event: nameless,
            ..record("k", "no type")
        },
        record("k", "x".repeat(10_001)),
    ];
    for new in refused {
        let error = log.append(TOPIC, new).await.unwrap_err();
        assert!(matches!(error, AppendError::NotWritten { .. }), "{error}");
    }
    assert!(read_all(log.as_ref(), TOPIC).await.is_empty());
    log.append(TOPIC, record("k", "x".repeat(9_000)))
        .await
        .unwrap();
}

async fn a_tombstone_is_not_an_empty_value(harness: Arc<dyn Harness>) {
    let log = harness.log();
    log.append(TOPIC, record("k", "")).await.unwrap();
    log.append(TOPIC, tombstone("k")).await.unwrap();
    let values: Vec<_> = read_all(log.as_ref(), TOPIC)
        .await
        .into_iter()
        .map(|record| record.value)
        .collect();
    assert_eq!(values, [Some(Bytes::new()), None]);
}

async fn records_appended_together_stand_in_their_order(harness: Arc<dyn Harness>) {
    let log = harness.log();
    let writers = (0..8).map(|writer| {
        let log = Arc::clone(&log);
        async move {
            for round in 0..4 {
                // Of two keys and two topics by turns, several of each in every append.
                let new = |number: usize| {
                    let key = format!("key{writer}-{}", number % 2);
                    let topic = [TOPIC, Topic::DeviceStatus][number / 2 % 2];
                    (topic, record(key, format!("{round}-{number:02}")))
                };
                let records: Vec<_> = (0..16).map(new).collect();
                let topics: Vec<_> = records.iter().map(|(topic, _)| *topic).collect();
                let positions = log.append_all(records).await.unwrap();
                assert_eq!(positions.len(), 16, "one for each");
                let mut last = BTreeMap::new();
                for (topic, at) in topics.into_iter().zip(positions) {
                    let before = last.insert((topic, at.partition), at.offset);
                    assert!(before.is_none_or(|before| before < at.offset));
                }
            }
        }
    });
    futures::future::join_all(writers).await;
    let mut by_key: BTreeMap<(Topic, Bytes), Vec<String>> = BTreeMap::new();
    for topic in [TOPIC, Topic::DeviceStatus] {
        for record in read_all(log.as_ref(), topic).await {
            let key = (topic, record.key.clone());
            by_key.entry(key).or_default().push(text(&record));
        }
    }
    assert_eq!(by_key.len(), 2 * 16);
    for values in by_key.values() {
        assert_eq!(values.len(), 4 * 4);
        assert!(values.is_sorted(), "{values:?}");
    }
    assert!(log.append_all(Vec::new()).await.unwrap().is_empty());
}

async fn records_appended_together_are_refused_together(harness: Arc<dyn Harness>) {
    let log = harness.log();
    let good = || (TOPIC, record("k", "good"));
    let large = (TOPIC, record("k", "x".repeat(10_001)));
    let refused = log.append_all(vec![good(), good(), large]).await;
    let error = refused.unwrap_err();
    assert!(matches!(error, AppendError::NotWritten { .. }), "{error}");
    let many = (0..=options().queue_capacity).map(|_| good()).collect();
    let error = log.append_all(many).await.unwrap_err();
    assert!(matches!(error, AppendError::NotWritten { .. }), "{error}");
    // Whatever was on its way would stand before this.
    log.append(TOPIC, record("k", "last")).await.unwrap();
    assert_eq!(read_all(log.as_ref(), TOPIC).await.len(), 1);
}
