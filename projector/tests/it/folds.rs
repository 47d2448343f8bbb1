//! The folds, against the decider's own and against any order of arrival.

use std::sync::Arc;

use bytes::Bytes;
use domain::commands::Commands;
use domain::event::{Body, Event, LogPosition};
use domain::vocabulary::{Outcome, Verdict};
use eventlog::{Position, Record, Topic};
use jiff::{SignedDuration, Timestamp};
use projector::dump;
use projector::store::{self, Progress, ViewReader};
use projector::views::{self, CommandRows, LeafRow, RowWrite};
use proptest::prelude::*;
use records::Unreadable;

use crate::fixture::{Fixture, command, completed, decided, device};

fn record(offset: u64, append_time: Timestamp, key: &str) -> Record {
    Record {
        topic: Topic::AccessEvents,
        position: Position {
            partition: 0,
            offset,
        },
        key: Bytes::copy_from_slice(key.as_bytes()),
        append_time,
        headers: Vec::new(),
        value: Some(Bytes::new()),
    }
}

#[derive(Debug, Clone)]
enum Step {
    Decide {
        command: u128,
        allow: bool,
        late: bool,
        repeat: bool,
    },
    Complete {
        command: u128,
        outcome: Outcome,
    },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let decide = (
        0..2u128,
        any::<bool>(),
        prop::bool::weighted(0.3),
        any::<bool>(),
    );
    let decide = decide.prop_map(|(command, allow, late, repeat)| Step::Decide {
        command,
        allow,
        late,
        repeat,
    });
    let outcome = prop::sample::select(Outcome::ALL);
    let complete =
        (0..2u128, outcome).prop_map(|(command, outcome)| Step::Complete { command, outcome });
    prop::collection::vec(prop_oneof![decide, complete], 0..14)
}

/// The events of the steps, in log order; some of them are earlier ones again.
fn events(steps: &[Step]) -> Vec<(Event, Timestamp)> {
    let gate = device("sunrise.gate");
    let now = Timestamp::now();
    let mut events: Vec<(Event, Timestamp)> = Vec::new();
    for step in steps {
        let made = match step {
            Step::Decide {
                command: number,
                allow,
                late,
                repeat,
            } => {
                let verdict = if *allow {
                    Verdict::Allow
                } else {
                    Verdict::Deny
                };
                let age = SignedDuration::from_mins(if *late { 12 } else { 1 });
                let fresh = decided(&gate, command(*number), verdict, now - age);
                let earlier = events.iter().find(|(event, _)| {
                    matches!(&event.body, Body::AccessDecided(d) if d.command == command(*number))
                });
                match earlier {
                    Some((event, _)) if *repeat => event.clone(),
                    _ => fresh,
                }
            }
            Step::Complete {
                command: number,
                outcome,
            } => completed(&gate, command(*number), *outcome),
        };
        events.push((made, now));
    }
    events
}

proptest! {
    #[test]
    fn commands_are_what_the_decider_folds(steps in steps()) {
        let mut decider = Commands::default();
        let mut rows = [CommandRows::default(), CommandRows::default()];
        for (offset, (event, appended)) in (0..).zip(events(&steps)) {
            let position = LogPosition { partition: 0, offset };
            match &event.body {
                Body::AccessDecided(d) => _ = decider.fold_decided(&event, d, position, appended),
                Body::CommandCompleted(c) => _ = decider.fold_completed(&event, c),
                _ => unreachable!(),
            }
            let record = record(offset, appended, "sunrise");
            for row in views::rows(&record, &Ok(event), None) {
                match row {
                    RowWrite::Claim(row) => rows[row.command.0.as_u128() as usize].claims.push(row),
                    RowWrite::Completion(row) => {
                        rows[row.command.0.as_u128() as usize].completions.push(row);
                    }
                    _ => {}
                }
            }
        }
        for (number, rows) in (0..).zip(&mut rows) {
            rows.claims.reverse();
            rows.completions.reverse();
            let ours = rows.effective();
            let theirs = decider.get(command(number));
            prop_assert_eq!(ours.map(|c| c.event), theirs.map(|c| c.winner));
            prop_assert_eq!(ours.and_then(|c| c.outcome), theirs.and_then(|c| c.outcome()));
            let at = theirs.and_then(|c| c.completion.as_ref()).map(|c| c.at);
            prop_assert_eq!(ours.and_then(|c| c.completed_at), at);
        }
    }
}

/// All rows that a workload makes.
async fn workload() -> Vec<RowWrite> {
    let fixture = Fixture::new();
    fixture.workload(2).await;
    let reader = fixture.reader();
    let log = &fixture.log;
    let mut rows = Vec::new();
    for topic in views::TOPICS {
        let mut tail = log
            .tail(topic, eventlog::TailFrom::Beginning)
            .await
            .unwrap();
        let ends = log.end_offsets(topic).await.unwrap();
        let mut sizes = std::collections::HashMap::new();
        while tail.positions() != ends {
            for record in tail.next_batch(100).await.unwrap() {
                let id = views::log_of(&record).unwrap();
                let index = sizes.entry(id.clone()).or_insert(0);
                let offset = record.position.offset;
                let leaf = LeafRow {
                    log: id,
                    offset,
                    index: *index,
                };
                *index += 1;
                let leaf = views::has_leaves(topic).then_some(&leaf);
                rows.extend(views::rows(&record, &reader.read(&record), leaf));
            }
        }
    }
    rows
}

async fn stored(batches: impl IntoIterator<Item = Vec<RowWrite>>) -> Vec<String> {
    let store = store::scratch().await.unwrap();
    for rows in batches {
        let progress = Progress {
            topic: Topic::AccessEvents,
            partition: 0,
            next: 0,
        };
        store.apply(rows, progress).await.unwrap();
    }
    let reader: Arc<dyn ViewReader> = store.reader();
    dump::lines(&*reader).await.unwrap()
}

#[tokio::test]
async fn any_order_any_batches_and_repetition_give_the_same_tables() {
    let rows = workload().await;
    let expected = stored([rows.clone()]).await;
    assert!(expected.len() > 100);
    for kind in ["COMMAND", "OBSERVED", "UNREADABLE"] {
        assert!(
            expected
                .iter()
                .any(|line| line.contains(&format!("\"{kind}\""))),
            "{kind}"
        );
    }
    let config = ProptestConfig {
        cases: 24,
        ..ProptestConfig::default()
    };
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let strategy = (
        prop::collection::vec(0..rows.len(), 0..200),
        Just(rows.clone()).prop_shuffle(),
        1..50usize,
    );
    let handle = tokio::runtime::Handle::current();
    tokio::task::spawn_blocking(move || {
        runner.run(&strategy, |(again, mut shuffled, size)| {
            shuffled.extend(again.iter().map(|i| rows[*i].clone()));
            let batches: Vec<_> = shuffled.chunks(size).map(<[RowWrite]>::to_vec).collect();
            let got = handle.block_on(stored(batches));
            prop_assert_eq!(&got, &expected);
            Ok(())
        })
    })
    .await
    .unwrap()
    .unwrap();
}

#[test]
fn what_cannot_be_read_has_an_id_that_nobody_can_choose() {
    let record = record(7, Timestamp::now(), "sunrise");
    let rows = views::rows(&record, &Err(Unreadable::NotProtobuf), None);
    let [RowWrite::Unreadable(unreadable), RowWrite::Access(access)] = &rows[..] else {
        panic!("{rows:?}");
    };
    assert_eq!(unreadable.reason, "not_protobuf");
    assert_eq!(access.event, views::unreadable::event_id(&record));
    let rows = views::rows(
        &self::record(7, Timestamp::now(), "no complex"),
        &Err(Unreadable::Key),
        None,
    );
    assert!(matches!(&rows[..], [RowWrite::Unreadable(row)] if row.complex.is_none()));
}

#[test]
fn an_event_about_another_complex_or_in_another_topic_is_not_believed() {
    let gate = device("sunset.gate");
    let mut foreign = crate::fixture::observed(&gate, "e", 1, Timestamp::now());
    foreign.complex = "sunrise".parse().unwrap();
    let rows = views::rows(&record(0, Timestamp::now(), "sunrise"), &Ok(foreign), None);
    assert!(matches!(&rows[0], RowWrite::Unreadable(row) if row.reason == "other_complex"));
    let sequence = domain::event::DeviceSequence {
        epoch: 0,
        sequence: 0,
    };
    let misplaced = crate::fixture::status(&gate, sequence, Timestamp::now());
    let rows = views::rows(&record(0, Timestamp::now(), "sunset"), &Ok(misplaced), None);
    assert!(matches!(&rows[0], RowWrite::Unreadable(row) if row.reason == "wrong_topic"));
}

#[test]
fn uses_of_passes_leave_a_leaf_and_no_row_and_belong_to_the_registry() {
    use domain::event::{PassUseConsumed, PassUseReturned};
    let (pass, command) = (domain::PassId(uuid::Uuid::from_u128(1)), command(1));
    let consumed = Body::PassUseConsumed(PassUseConsumed {
        pass,
        command,
        key_time: Timestamp::now(),
    });
    let returned = Body::PassUseReturned(PassUseReturned { pass, command });
    for body in [consumed, returned] {
        let event = Event {
            body,
            ..crate::fixture::registry("sunrise")
        };
        let mut at = record(0, Timestamp::now(), "sunrise");
        let rows = views::rows(&at, &Ok(event.clone()), None);
        assert!(
            matches!(&rows[0], RowWrite::Unreadable(row) if row.reason == "wrong_topic"),
            "in the access topic"
        );
        at.topic = Topic::RegistryEvents;
        assert!(views::rows(&at, &Ok(event), None).is_empty());
    }
}

#[test]
fn what_is_done_at_a_partner_leaves_a_leaf_and_no_row() {
    use domain::event::{Effect, ProvisioningChanged};
    let changed = ProvisioningChanged {
        partner: "gatekeeper".parse().unwrap(),
        effect: Effect::TokenKeyDelivered { key_version: 1 },
        reason: "NEWEST".to_owned(),
    };
    let event = Event {
        body: Body::ProvisioningChanged(changed),
        ..crate::fixture::registry("sunrise")
    };
    let mut at = record(0, Timestamp::now(), "sunrise");
    let rows = views::rows(&at, &Ok(event.clone()), None);
    assert!(matches!(&rows[0], RowWrite::Unreadable(row) if row.reason == "wrong_topic"));
    at.topic = Topic::RegistryEvents;
    assert!(views::rows(&at, &Ok(event), None).is_empty());
}
