use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use eventlog::{CommitError, GroupEvent, LogError, Position, Topic};

use crate::case::{Case, Need, cases};
use crate::harness::Harness;
use crate::kit::{Member, TOPIC, append_many, append_many_to, options, soon, text};

pub(crate) fn cases() -> Vec<Case> {
    cases!(
        Need::Nothing,
        options(),
        [
            a_new_group_starts_at_the_start_of_the_log,
            after_a_commit_there_is_no_gap_and_no_repetition,
            what_was_not_committed_is_delivered_again,
            groups_do_not_disturb_each_other,
            one_member_reads_several_topics,
            a_member_can_seek,
            partitions_that_are_not_assigned_are_refused,
            a_cancelled_wait_for_group_events_skips_nothing,
            a_subscription_names_a_group_and_a_topic,
        ]
    )
}

async fn a_new_group_starts_at_the_start_of_the_log(harness: Arc<dyn Harness>) {
    let log = harness.log();
    append_many(log.as_ref(), "k", 40).await;
    let mut member = Member::join(log.as_ref(), "group").await;
    member.until_assigned(3).await;
    assert!(member.assigned.values().all(Option::is_none));
    member.until_records(40).await;
    append_many(log.as_ref(), "more", 10).await;
    member.until_records(50).await;
    let values: BTreeSet<_> = member.records.iter().map(text).collect();
    assert_eq!(values.len(), 50);
}

async fn after_a_commit_there_is_no_gap_and_no_repetition(harness: Arc<dyn Harness>) {
    let log = harness.log();
    append_many(log.as_ref(), "k", 60).await;
    let mut seen = Vec::new();
    while seen.len() < 60 {
        let mut member = Member::join(log.as_ref(), "group").await;
        let count = 13.min(60 - seen.len());
        member.until_records(count).await;
        member.commit_all().await;
        seen.append(&mut member.records);
        member.subscription.close().await;
    }
    let distinct: BTreeSet<_> = seen.iter().map(|record| record.position).collect();
    assert_eq!((seen.len(), distinct.len()), (60, 60));
}

async fn what_was_not_committed_is_delivered_again(harness: Arc<dyn Harness>) {
    let log = harness.log();
    append_many(log.as_ref(), "k", 30).await;
    let mut first = Member::join(log.as_ref(), "group").await;
    first.until_records(30).await;
    let committed = first.records.iter().find(|r| r.position.offset == 2);
    let at = committed.unwrap().position;
    first.subscription.commit(TOPIC, at).await.unwrap();
    first.subscription.close().await;

    let mut second = Member::join(log.as_ref(), "group").await;
    second.until_records(28).await;
    let again: BTreeSet<_> = second.records.iter().map(|r| r.position).collect();
    let expected = |r: &&eventlog::Record| {
        r.position.partition != at.partition || r.position.offset >= at.offset
    };
    let expected: BTreeSet<_> = first
        .records
        .iter()
        .filter(expected)
        .map(|r| r.position)
        .collect();
    assert_eq!(again, expected);
}

async fn groups_do_not_disturb_each_other(harness: Arc<dyn Harness>) {
    let log = harness.log();
    append_many(log.as_ref(), "k", 20).await;
    for group in ["one", "two"] {
        let mut member = Member::join(log.as_ref(), group).await;
        member.until_records(20).await;
        member.commit_all().await;
        member.subscription.close().await;
    }
}

async fn one_member_reads_several_topics(harness: Arc<dyn Harness>) {
    let log = harness.log();
    let topics = [TOPIC, Topic::RegistryEvents];
    for topic in topics {
        append_many_to(log.as_ref(), topic, topic.name(), 20).await;
    }
    let mut member = Member::join_topics(log.as_ref(), "group", &topics).await;
    member.until_assigned(6).await;
    member.until_records(40).await;
    for record in &member.records {
        assert!(text(record).starts_with(record.topic.name()));
    }
}

async fn a_member_can_seek(harness: Arc<dyn Harness>) {
    let log = harness.log();
    let positions = append_many(log.as_ref(), "k", 30).await;
    let mut member = Member::join(log.as_ref(), "group").await;
    member.until_assigned(3).await;
    let to = positions
        .iter()
        .copied()
        .max_by_key(|at| at.offset)
        .unwrap();
    member.subscription.seek(TOPIC, to).await.unwrap();
    let skipped = usize::try_from(to.offset).unwrap();
    member.until_records(30 - skipped).await;
    let first = member
        .records
        .iter()
        .find(|r| r.position.partition == to.partition);
    assert_eq!(first.unwrap().position, to);

    let back = Position { offset: 0, ..to };
    member.subscription.seek(TOPIC, back).await.unwrap();
    member.records.clear();
    member.until_records(skipped + 1).await;
    assert_eq!(member.records[0].position, back);
}

async fn partitions_that_are_not_assigned_are_refused(harness: Arc<dyn Harness>) {
    let log = harness.log();
    let mut member = Member::join(log.as_ref(), "group").await;
    member.until_assigned(3).await;
    let beyond = Position {
        partition: 3,
        offset: 0,
    };
    let subscription = &mut member.subscription;
    let committed = subscription.commit(TOPIC, beyond).await;
    assert_eq!(committed, Err(CommitError::Fenced));
    let sought = subscription.seek(TOPIC, beyond).await;
    assert!(matches!(
        sought,
        Err(LogError::NotAssigned { partition: 3, .. })
    ));
    let of_another_topic = subscription.commit(
        Topic::AuditReads,
        Position {
            partition: 0,
            offset: 0,
        },
    );
    assert_eq!(of_another_topic.await, Err(CommitError::Fenced));
}

async fn a_cancelled_wait_for_group_events_skips_nothing(harness: Arc<dyn Harness>) {
    let log = harness.log();
    append_many(log.as_ref(), "k", 100).await;
    let mut subscription = log.subscribe("group", &[TOPIC]).await.unwrap();
    let mut positions = Vec::new();
    let mut patience = 0;
    let reading = async {
        while positions.len() < 100 {
            let limit = Duration::from_micros(20 * patience);
            match tokio::time::timeout(limit, subscription.next(3)).await {
                Ok(event) => {
                    patience = 0;
                    if let GroupEvent::Records(records) = event.unwrap() {
                        positions.extend(records.iter().map(|record| record.position));
                    }
                }
                Err(_) => patience += 1,
            }
        }
    };
    soon("all records", reading).await;
    let distinct: BTreeSet<_> = positions.iter().collect();
    assert_eq!(distinct.len(), 100);
}

async fn a_subscription_names_a_group_and_a_topic(harness: Arc<dyn Harness>) {
    let log = harness.log();
    let nameless = log.subscribe("", &[TOPIC]).await;
    assert!(matches!(nameless, Err(LogError::Misconfigured(_))));
    let idle = log.subscribe("group", &[]).await;
    assert!(matches!(idle, Err(LogError::Misconfigured(_))));
}
