use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use eventlog::{
    EventLog, GroupEvent, Keep, LogError, LogOptions, Position, Retention, TailFrom, Topic,
};

use crate::case::{Case, Need, cases};
use crate::harness::Harness;
use crate::kit::{
    Member, TOPIC, append_many, append_many_to, eventually, options, read_all, record, soon, take,
    text, tombstone,
};

const EXPIRING: Topic = Topic::DeviceStatus;

/// Options under which records expire soon.
fn hurried() -> LogOptions {
    LogOptions {
        sweep_interval: Duration::from_millis(50),
        retention: Retention {
            device_status: Keep::For(Duration::from_secs(3)),
            subject_tombstones: Keep::For(Duration::from_secs(2)),
            ..Retention::default()
        },
        ..options()
    }
}

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = cases!(
        Need::Nothing,
        hurried(),
        [
            expired_records_go_and_the_start_moves_behind_them,
            a_tail_that_was_overtaken_is_told_so,
            a_group_that_was_overtaken_is_told_so_and_can_go_on,
            compaction_keeps_the_last_record_of_each_key_in_its_place,
            a_tombstone_removes_its_key_and_then_itself,
            what_is_erased_is_gone_once_no_value_of_it_can_be_read,
            other_topics_are_never_compacted,
        ]
    );
    cases.extend(cases!(
        Need::Reopening,
        hurried(),
        [another_partition_count_refuses_to_open]
    ));
    cases
}

/// Waits until all that was appended has expired; the offsets at which each
/// partition starts then.
async fn expire(log: &dyn EventLog) -> Vec<u64> {
    let ends = log.end_offsets(EXPIRING).await.unwrap();
    eventually("the records expire", async || {
        log.start_offsets(EXPIRING).await.unwrap() == ends
    })
    .await;
    ends
}

async fn expired_records_go_and_the_start_moves_behind_them(harness: Arc<dyn Harness>) {
    let log = harness.log();
    append_many(log.as_ref(), "kept", 20).await;
    append_many_to(log.as_ref(), EXPIRING, "k", 30).await;
    let ends = expire(log.as_ref()).await;
    let mut tail = log.tail(EXPIRING, TailFrom::Beginning).await.unwrap();
    assert_eq!(tail.positions(), ends);

    let next = log.append(EXPIRING, record("k1", "next")).await.unwrap();
    assert_eq!(next.offset, ends[next.partition as usize], "offsets go on");
    assert_eq!(take(tail.as_mut(), 1).await[0].position, next);
    assert_eq!(read_all(log.as_ref(), TOPIC).await.len(), 20);
}

async fn a_tail_that_was_overtaken_is_told_so(harness: Arc<dyn Harness>) {
    let log = harness.log();
    let mut tail = log.tail(EXPIRING, TailFrom::Beginning).await.unwrap();
    let at = log.append(EXPIRING, record("k", "v")).await.unwrap();
    let starts = expire(log.as_ref()).await;
    let expected = LogError::Truncated {
        topic: EXPIRING,
        partition: at.partition,
        requested: 0,
        start: at.offset + 1,
    };
    let overtaken = soon("an answer", tail.next_batch(10)).await;
    assert_eq!(overtaken, Err(expected.clone()));
    let again = log.tail(EXPIRING, TailFrom::Offsets(vec![0; 3])).await;
    assert_eq!(again.err(), Some(expected));
    let resumed = log.tail(EXPIRING, TailFrom::Offsets(starts)).await;
    assert!(resumed.is_ok());
}

async fn a_group_that_was_overtaken_is_told_so_and_can_go_on(harness: Arc<dyn Harness>) {
    let log = harness.log();
    let at = log.append(EXPIRING, record("k", "first")).await.unwrap();
    let mut member = Member::join_topics(log.as_ref(), "group", &[EXPIRING]).await;
    member.until_records(1).await;
    member.subscription.commit(EXPIRING, at).await.unwrap();
    member.subscription.close().await;
    let starts = expire(log.as_ref()).await;

    let mut member = Member::join_topics(log.as_ref(), "group", &[EXPIRING]).await;
    member.until_assigned(3).await;
    let overtaken = soon("an answer", member.subscription.next(10)).await;
    let start = match overtaken {
        Err(LogError::Truncated { start, .. }) => start,
        other => panic!("{other:?}"),
    };
    assert_eq!(start, starts[at.partition as usize]);
    let to = Position {
        offset: start,
        ..at
    };
    member.subscription.seek(EXPIRING, to).await.unwrap();
    log.append(EXPIRING, record("k", "second")).await.unwrap();
    let GroupEvent::Records(records) = member.step().await else {
        panic!("no records");
    };
    assert_eq!(text(&records[0]), "second");
}

/// The retained records of some subjects, by key; others are only there because
/// a log may leave its newest records uncompacted until more come.
async fn subjects(log: &dyn EventLog) -> BTreeMap<String, Vec<(Position, Option<String>)>> {
    for number in 0..30 {
        let filler = record(format!("filler{number}"), "");
        log.append(Topic::Subjects, filler).await.unwrap();
    }
    let mut subjects: BTreeMap<String, Vec<_>> = BTreeMap::new();
    for record in read_all(log, Topic::Subjects).await {
        let key = String::from_utf8(record.key.to_vec()).unwrap();
        if !key.starts_with("filler") {
            let value = record.value.as_ref().map(|_| text(&record));
            subjects
                .entry(key)
                .or_default()
                .push((record.position, value));
        }
    }
    subjects
}

async fn compaction_keeps_the_last_record_of_each_key_in_its_place(harness: Arc<dyn Harness>) {
    let log = harness.log();
    let mut expected = BTreeMap::new();
    for round in 0..5 {
        for subject in 0..10 {
            let (key, value) = (format!("s{subject}/item"), format!("v{round}"));
            let new = record(key.clone(), value.clone());
            let at = log.append(Topic::Subjects, new).await.unwrap();
            expected.insert(key, vec![(at, Some(value))]);
        }
    }
    eventually("only the last records are left", async || {
        subjects(log.as_ref()).await == expected
    })
    .await;
    // Readers of what is gone are not overtaken: the start has not moved.
    let mut tail = log
        .tail(Topic::Subjects, TailFrom::Offsets(vec![0; 3]))
        .await
        .unwrap();
    soon("a batch", tail.next_batch(10)).await.unwrap();
}

async fn a_tombstone_removes_its_key_and_then_itself(harness: Arc<dyn Harness>) {
    let log = harness.log();
    let mut tail = log.tail(Topic::Subjects, TailFrom::End).await.unwrap();
    for (key, value) in [("s1/plate", "erased"), ("s2/plate", "kept")] {
        log.append(Topic::Subjects, record(key, value))
            .await
            .unwrap();
    }
    log.append(Topic::Subjects, tombstone("s1/plate"))
        .await
        .unwrap();
    let live = take(tail.as_mut(), 3).await;
    let erasing = live.iter().find(|record| record.value.is_none());
    assert_eq!(erasing.unwrap().key, "s1/plate", "live readers see it");

    eventually("only the other subject is left", async || {
        let left = subjects(log.as_ref()).await;
        left.keys().eq(["s2/plate"])
    })
    .await;
}

async fn what_is_erased_is_gone_once_no_value_of_it_can_be_read(harness: Arc<dyn Harness>) {
    let log = harness.log();
    let gone = async |part: &str| {
        let parts = ["/nobody/".to_owned(), part.to_owned()];
        let left = log.left(Topic::Subjects, &parts).await;
        // The bytes may be held for a moment by whoever reads.
        left.is_ok_and(|left| left.is_empty())
    };
    assert!(gone("/s1/").await, "an empty topic holds nothing");
    for (key, value) in [
        ("a/s1/identity", "first"),
        ("b/s1/plate.7", "another partition"),
        ("a/s1/identity", "second"),
        ("c/s2/identity", "kept"),
    ] {
        let new = record(key, value);
        log.append(Topic::Subjects, new).await.unwrap();
    }
    assert!(!gone("/s1/").await, "live");
    log.append(Topic::Subjects, tombstone("a/s1/identity"))
        .await
        .unwrap();
    subjects(log.as_ref()).await;
    assert!(!gone("/s1/").await, "another item is live");
    eventually("what is left is named", async || {
        let parts = ["/s1/plate".to_owned()];
        let left = log.left(Topic::Subjects, &parts).await;
        left.is_ok_and(|left| left == ["b/s1/plate.7"])
    })
    .await;
    assert!(!gone("/s1/plate.7").await);
    log.append(Topic::Subjects, tombstone("b/s1/plate.7"))
        .await
        .unwrap();
    eventually("the bytes are gone", async || {
        // A broker compacts once more has come.
        subjects(log.as_ref()).await;
        gone("/s1/").await
    })
    .await;
    let left = read_all(log.as_ref(), Topic::Subjects).await;
    let erased = left.iter().filter(|record| {
        let key = String::from_utf8_lossy(&record.key);
        key.contains("/s1/") && record.value.is_some()
    });
    assert_eq!(erased.count(), 0, "a yes is true");
    assert!(!gone("/s2/").await, "the other subject stays");
}

async fn other_topics_are_never_compacted(harness: Arc<dyn Harness>) {
    let log = harness.log();
    let others = Topic::ALL
        .into_iter()
        .filter(|topic| *topic != Topic::Subjects && *topic != EXPIRING);
    let others: Vec<_> = others.collect();
    for topic in &others {
        for number in 0..5 {
            let new = record("one-key", number.to_string());
            log.append(*topic, new).await.unwrap();
        }
        log.append(*topic, tombstone("one-key")).await.unwrap();
    }
    // When a superseded subject is gone, compaction has passed.
    for value in ["old", "new"] {
        log.append(Topic::Subjects, record("s/item", value))
            .await
            .unwrap();
    }
    eventually("compaction has run", async || {
        subjects(log.as_ref()).await["s/item"].len() == 1
    })
    .await;
    for topic in others {
        assert_eq!(read_all(log.as_ref(), topic).await.len(), 6, "{topic}");
    }
}

async fn another_partition_count_refuses_to_open(harness: Arc<dyn Harness>) {
    let log = harness.log();
    append_many(log.as_ref(), "k", 5).await;
    let other = LogOptions {
        partitions: NonZeroU32::new(5).unwrap(),
        ..hurried()
    };
    let refused = harness.open(other).await.err().unwrap();
    assert!(matches!(refused, LogError::Misconfigured(_)), "{refused}");
    let told = refused.to_string();
    assert!(told.contains('3') && told.contains('5'), "{told}");
    let same = harness.open(hurried()).await.unwrap();
    assert_eq!(read_all(same.as_ref(), TOPIC).await.len(), 5);
}
