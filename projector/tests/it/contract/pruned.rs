//! Rows of what was pruned.
// A list of one range is meant, not a list of numbers.
#![allow(clippy::single_range_in_vec_init)]

use super::*;

use domain::event::DeviceSequence;
use domain::id::PartnerId;
use projector::store::{Gone, Removed};
use projector::views::{AlarmRow, HourRow, ObservationRow, ReadRow, ReadScope, SequenceRow};

/// One of each row that stands at this offset, of things that only it is about.
fn of_record(offset: u64) -> Vec<RowWrite> {
    let event = EventId(Uuid::from_u128(0xe000 + u128::from(offset)));
    let (gate, command) = (device("sunrise.gate"), command(offset.into()));
    let second = i64::try_from(offset).unwrap();
    let partner: PartnerId = "acme".parse().unwrap();
    let access = AccessRow {
        complex: complex("sunrise"),
        identity: AccessIdentity::of_event(event),
        event,
        offset,
        occurred_at: at(second),
        subject: Some(Uuid::from_u128(7)),
        device: Some(gate.clone()),
        automation: Some(Automation::Manual),
        command: Some(command),
        record: AccessRecord::default(),
    };
    vec![
        RowWrite::Access(Box::new(access)),
        RowWrite::Claim(ClaimRow {
            complex: complex("sunrise"),
            command,
            offset,
            event,
            verdict: Verdict::Allow,
            late: false,
            device: gate.clone(),
            leaf: offset,
        }),
        RowWrite::Completion(CompletionRow {
            complex: complex("sunrise"),
            command,
            offset,
            event,
            outcome: Outcome::Executed,
            at: at(second),
            leaf: offset,
        }),
        RowWrite::Observation(ObservationRow {
            complex: complex("sunrise"),
            command,
            position: Position {
                partition: 0,
                offset,
            },
            event,
            leaf: offset,
            device: gate.clone(),
            observation: domain::vocabulary::Observation::Granted,
            occurred_at: at(second),
        }),
        RowWrite::Digest(DigestRow {
            complex: complex("sunrise"),
            partner: partner.clone(),
            partner_event: format!("event-{offset}"),
            digest: [1; 32],
            offset,
            event,
        }),
        RowWrite::Alarm(Box::new(AlarmRow {
            complex: complex("sunrise"),
            kind: proto::access::AlarmKind::ForcedOpen,
            device: gate.clone(),
            occurred_at: at(second),
            offset,
            alarm: proto::access::Alarm::default(),
        })),
        RowWrite::Hour(HourRow {
            complex: complex("sunrise"),
            hour: 5,
            identity: format!("decision/{offset}"),
            offset,
            device: Some(gate.clone()),
            result: proto::access::AccessResult::default(),
        }),
        RowWrite::Sequence(SequenceRow {
            device: gate,
            partner,
            sequence: DeviceSequence {
                epoch: 1,
                sequence: offset,
            },
            rejected: false,
            happened: at(second),
            offset: Some(offset),
        }),
        RowWrite::Leaf(LeafRow {
            log: accesses(),
            offset,
            index: offset,
        }),
        RowWrite::Unreadable(UnreadableRow {
            topic: Topic::AccessEvents,
            position: Position {
                partition: 0,
                offset,
            },
            complex: Some(complex("sunrise")),
            reason: "not_signed".to_owned(),
            append_time: at(second),
        }),
    ]
}

fn accesses() -> LogId {
    LogId::new("access.events.v1", "sunrise").unwrap()
}

fn progress() -> Progress {
    Progress {
        topic: Topic::AccessEvents,
        partition: 0,
        next: 0,
    }
}

/// A read, and a number that a report without a leaf has.
fn others(offset: u64) -> Vec<RowWrite> {
    let read = |scope| {
        RowWrite::Read(Box::new(ReadRow {
            complex: complex("sunrise"),
            scope,
            occurred_at: at(1),
            offset,
            read: proto::access::AuditRead::default(),
        }))
    };
    vec![
        read(ReadScope::Complex),
        read(ReadScope::About(Uuid::from_u128(7))),
        RowWrite::Sequence(SequenceRow {
            device: device("sunrise.gate"),
            partner: "acme".parse().unwrap(),
            sequence: DeviceSequence {
                epoch: 2,
                sequence: offset,
            },
            rejected: true,
            happened: at(1),
            offset: None,
        }),
    ]
}

async fn all(store: &dyn ViewStore) -> Vec<String> {
    projector::dump::lines(&*store.reader()).await.unwrap()
}

/// Only those: not of other offsets, of another complex, of another topic.
pub async fn rows_go_with_their_records_and_no_others(store: Arc<dyn ViewStore>) {
    let apply = async |rows| store.apply(rows, progress()).await.unwrap();
    let kept: Vec<u64> = (0..3).chain(6..9).collect();
    for offset in &kept {
        apply(of_record(*offset)).await;
    }
    apply(others(4)).await;
    let expected = all(&*store).await;
    for offset in 3..6 {
        apply(of_record(offset)).await;
    }
    let everything = all(&*store).await;
    assert_eq!(everything.len(), expected.len() + 30);

    let mut gone = Gone::default();
    gone.add(accesses(), vec![3..4, 4..6]);
    let elsewhere = LogId::new("access.events.v1", "sunset").unwrap();
    gone.add(elsewhere, vec![0..100]);
    let counted = store.remove(&gone, false).await.unwrap();
    assert!(all(&*store).await == everything, "only counted");
    let removed = store.remove(&gone, true).await.unwrap();
    assert_eq!(counted, removed);
    let three = [
        "access",
        "alarms",
        "claims",
        "completions",
        "digests",
        "hours",
        "leaves",
        "observations",
        "sequences",
        "unreadable",
    ];
    for table in three {
        assert_eq!(removed.get(table), Some(&3), "{table} in {removed:?}");
    }
    assert!(all(&*store).await == expected);
    assert_eq!(store.remove(&gone, true).await.unwrap(), Removed::new());

    let mut reads = Gone::default();
    reads.add(LogId::new("audit.reads.v1", "sunrise").unwrap(), vec![4..5]);
    let removed = store.remove(&reads, true).await.unwrap();
    assert_eq!(removed.get("reads"), Some(&2), "{removed:?}");
    let left = all(&*store).await;
    assert_eq!(left.len(), expected.len() - 2);
}

/// Of a time of which every row was pruned, a report that comes years late is found.
pub async fn what_comes_late_stands_where_all_was_pruned(store: Arc<dyn ViewStore>) {
    let mut gone = Gone::default();
    gone.add(accesses(), vec![0..10]);
    for offset in 0..10 {
        store.apply(of_record(offset), progress()).await.unwrap();
    }
    store.remove(&gone, true).await.unwrap();
    assert!(all(&*store).await.is_empty());
    // In the same day, hour, span of numbers and offsets.
    let late = of_record(10);
    store.apply(late.clone(), progress()).await.unwrap();
    assert_eq!(all(&*store).await.len(), late.len());
    let reader = store.reader();
    let found = |subject| {
        let query = AccessQuery {
            complex: complex("sunrise"),
            from: None,
            until: None,
            subject,
            device: None,
        };
        let reader = Arc::clone(&reader);
        async move { reader.search(&query, None, 10).await.unwrap().len() }
    };
    assert_eq!(found(None).await, 1);
    assert_eq!(found(Some(Uuid::from_u128(7))).await, 1);
    let counts = reader.counts(&complex("sunrise"), None, at(0)).await;
    assert_eq!(counts.unwrap().len(), 1);
    let event = EventId(Uuid::from_u128(0xe00a));
    let access = reader.access(&complex("sunrise"), event).await.unwrap();
    assert!(access.is_some());
    let before = store.leaf_before(&accesses(), 11).await.unwrap();
    assert_eq!(before.map(|leaf| leaf.offset), Some(10));
}

/// However late their records are projected once more.
#[cfg(feature = "cassandra")]
pub async fn pruned_rows_never_come_back(store: Arc<dyn ViewStore>) {
    let mut gone = Gone::default();
    gone.add(accesses(), vec![0..10]);
    let write = async || {
        for offset in 0..10 {
            store.apply(of_record(offset), progress()).await.unwrap();
        }
    };
    write().await;
    // One is kept, so that the others of its partitions go one by one.
    store.apply(of_record(10), progress()).await.unwrap();
    store.remove(&gone, true).await.unwrap();
    let left = all(&*store).await;
    assert_eq!(left.len(), of_record(10).len());
    write().await;
    assert!(all(&*store).await == left);
}
