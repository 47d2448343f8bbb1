use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use eventlog::{CommitError, GroupEvent, LogOptions, Position, SharedLog};
use tokio::sync::mpsc;

use crate::case::{Case, Need, cases};
use crate::harness::Harness;
use crate::kit::{Member, TOPIC, append_many, options, soon};

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = cases!(
        Need::Nothing,
        options(),
        [
            members_share_the_partitions_and_never_hold_one_twice,
            when_a_member_dies_the_other_goes_on_from_its_commit,
            a_member_that_leaves_frees_its_partitions,
            a_busy_member_keeps_its_partitions,
            a_member_can_commit_what_it_is_about_to_lose,
        ]
    );
    cases.extend(cases!(
        Need::Nothing,
        LogOptions {
            rebalance_timeout: Duration::from_secs(3),
            ..options()
        },
        [a_member_that_does_not_let_go_is_fenced]
    ));
    cases
}

/// Runs a member in a task; its events come out in the order in which it got
/// them, each before the member asks for the next.
fn run(log: SharedLog, number: usize, events: mpsc::UnboundedSender<(usize, GroupEvent)>) {
    tokio::spawn(async move {
        let mut member = Member::join(log.as_ref(), "group").await;
        while !events.is_closed() {
            let event = member.step().await;
            if matches!(event, GroupEvent::Records(_)) {
                member.commit_all().await;
            }
            let _ = events.send((number, event));
        }
    });
}

async fn members_share_the_partitions_and_never_hold_one_twice(harness: Arc<dyn Harness>) {
    let log = harness.log();
    let (sender, mut events) = mpsc::unbounded_channel();
    let mut holders: BTreeMap<u32, usize> = BTreeMap::new();
    for number in 0..3 {
        let log = harness.open(options()).await.unwrap();
        run(log, number, sender.clone());
        let members = number + 1;
        let shared = |holders: &BTreeMap<u32, usize>| {
            let distinct: BTreeSet<_> = holders.values().collect();
            holders.len() == 3 && distinct.len() == members
        };
        while !shared(&holders) {
            let (who, event) = soon("a rebalance", events.recv()).await.unwrap();
            match event {
                GroupEvent::Assigned(list) => {
                    for at in list {
                        let before = holders.insert(at.partition, who);
                        assert_eq!(before, None, "partition {} is held twice", at.partition);
                    }
                }
                GroupEvent::Revoked(list) => {
                    for (_, partition) in list {
                        assert_eq!(holders.remove(&partition), Some(who));
                    }
                }
                GroupEvent::Records(_) => {}
            }
        }
    }
    append_many(log.as_ref(), "k", 60).await;
    let mut seen = BTreeSet::new();
    while seen.len() < 60 {
        let (who, event) = soon("records", events.recv()).await.unwrap();
        let GroupEvent::Records(records) = event else {
            continue;
        };
        for record in records {
            assert_eq!(holders.get(&record.position.partition), Some(&who));
            assert!(seen.insert(record.position), "delivered once");
        }
    }
}

async fn when_a_member_dies_the_other_goes_on_from_its_commit(harness: Arc<dyn Harness>) {
    let log = harness.log();
    append_many(log.as_ref(), "k", 30).await;
    let mut first = Member::join(log.as_ref(), "group").await;
    first.until_records(12).await;
    first.commit_all().await;
    let committed = first.read_up_to();
    first.until_records(20).await;
    // Dropped, not closed: to the others it is dead.
    drop(first);

    let mut second = Member::join(log.as_ref(), "group").await;
    second.until_assigned(3).await;
    for (&(_, partition), at) in &second.assigned {
        assert_eq!(*at, committed.get(&partition).copied());
    }
    let left = 30 - usize::try_from(committed.values().sum::<u64>()).unwrap();
    second.until_records(left).await;
    let distinct: BTreeSet<_> = second.records.iter().map(|r| r.position).collect();
    assert_eq!(distinct.len(), left);
    for position in distinct {
        let from = committed.get(&position.partition).copied().unwrap_or(0);
        assert!(position.offset >= from, "nothing committed comes again");
    }
}

async fn a_member_that_leaves_frees_its_partitions(harness: Arc<dyn Harness>) {
    let log = harness.log();
    let mut first = Member::join(log.as_ref(), "group").await;
    first.until_assigned(3).await;
    first.subscription.close().await;
    let mut second = Member::join(log.as_ref(), "group").await;
    second.until_assigned(3).await;
}

async fn a_busy_member_keeps_its_partitions(harness: Arc<dyn Harness>) {
    let log = harness.log();
    append_many(log.as_ref(), "k", 30).await;
    let mut busy = Member::join(log.as_ref(), "group").await;
    busy.until_records(30).await;

    // The other one waits for a share meanwhile, and gets none.
    let other = harness.open(options()).await.unwrap();
    let mut waiting = Member::join(other.as_ref(), "group").await;
    let started = Instant::now();
    while started.elapsed() < 3 * options().session_timeout {
        let pause = Duration::from_millis(200);
        let event = tokio::time::timeout(pause, waiting.subscription.next(7)).await;
        assert!(event.is_err(), "{event:?} while the owner is alive");
    }
    busy.commit_all().await;
    let let_go = async {
        while !matches!(busy.step().await, GroupEvent::Revoked(_)) {}
        // Asking for the next event lets go.
        busy.subscription.next(7).await
    };
    tokio::select! {
        event = let_go => panic!("{event:?} instead of a hand-over"),
        () = waiting.until_assigned(1) => {}
    }
    let committed = waiting.assigned.values().next().copied().flatten();
    assert!(committed.is_some(), "the successor starts at the commit");
}

async fn a_member_can_commit_what_it_is_about_to_lose(harness: Arc<dyn Harness>) {
    let log = harness.log();
    append_many(log.as_ref(), "k", 30).await;
    let mut first = Member::join(log.as_ref(), "group").await;
    first.until_records(30).await;
    let read = first.read_up_to();
    let mut second = Member::join(log.as_ref(), "group").await;
    let revoked = loop {
        if let GroupEvent::Revoked(list) = first.step().await {
            break list;
        }
    };
    for (topic, partition) in &revoked {
        let next = Position {
            partition: *partition,
            offset: read[partition],
        };
        first.subscription.commit(*topic, next).await.unwrap();
    }
    let keep_reading = async {
        loop {
            first.step().await;
        }
    };
    tokio::select! {
        () = keep_reading => {}
        () = second.until_assigned(revoked.len()) => {}
    }
    for (&(_, partition), at) in &second.assigned {
        assert_eq!(*at, Some(read[&partition]));
    }
}

async fn a_member_that_does_not_let_go_is_fenced(harness: Arc<dyn Harness>) {
    let log = harness.log();
    append_many(log.as_ref(), "k", 30).await;
    let mut stuck = Member::join(log.as_ref(), "group").await;
    stuck.until_records(30).await;

    // The stuck one never asks for its next event, so it is not asked for long.
    let mut other = Member::join(log.as_ref(), "group").await;
    other.until_assigned(1).await;
    let &(topic, partition) = other.assigned.keys().next().unwrap();
    let stale = Position {
        partition,
        offset: 1,
    };
    let refused = stuck.subscription.commit(topic, stale).await;
    assert_eq!(refused, Err(CommitError::Fenced));
    other.subscription.commit(TOPIC, stale).await.unwrap();

    // It learns of its loss with the next event.
    while !matches!(stuck.step().await, GroupEvent::Revoked(_)) {}
    assert!(!stuck.assigned.contains_key(&(topic, partition)));
}
