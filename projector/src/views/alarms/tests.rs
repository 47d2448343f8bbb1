//! Which alarms follow, whatever stands first.
#![allow(clippy::unwrap_used)]

use domain::id::DeviceId;
use jiff::Timestamp;
use proto::access::AccessRecord;
use uuid::Uuid;

use super::*;
use crate::views::AccessIdentity;

const COMMAND: CommandId = CommandId(Uuid::from_u128(1));

fn device(name: &str) -> DeviceId {
    format!("sunrise.{name}").parse().unwrap()
}

fn event(offset: u64) -> EventId {
    EventId(Uuid::from_u128(offset.into()))
}

fn claim(offset: u64, verdict: Verdict) -> ClaimRow {
    ClaimRow {
        complex: "sunrise".parse().unwrap(),
        command: COMMAND,
        offset,
        event: event(offset),
        verdict,
        late: false,
        device: device("gate"),
        leaf: offset,
    }
}

fn completion(offset: u64, outcome: Outcome) -> CompletionRow {
    CompletionRow {
        complex: "sunrise".parse().unwrap(),
        command: COMMAND,
        offset,
        event: event(offset),
        outcome,
        at: Timestamp::UNIX_EPOCH,
        leaf: offset,
    }
}

fn seen(offset: u64, name: &str, observation: Observation) -> ObservationRow {
    ObservationRow {
        complex: "sunrise".parse().unwrap(),
        command: COMMAND,
        position: Position {
            partition: 3,
            offset,
        },
        event: event(offset),
        leaf: offset,
        device: device(name),
        observation,
        occurred_at: Timestamp::UNIX_EPOCH,
    }
}

/// Kind and evidence, by offset.
fn told(rows: &CommandRows) -> Vec<(AlarmKind, Vec<u64>)> {
    let alarms = of_command(rows);
    let told = alarms.iter().map(|row| {
        assert_eq!(i32::from(row.kind), row.alarm.kind);
        let evidence = row.alarm.evidence.iter();
        let offsets: Vec<u64> = evidence
            .map(|evidence| {
                let at = evidence.audit_position.as_ref().unwrap();
                assert_eq!((at.topic.as_str(), at.partition), ("access.events.v1", 3));
                assert_eq!(evidence.leaf_index, at.offset);
                assert_eq!(evidence.event_id, event(at.offset).to_string());
                at.offset
            })
            .collect();
        assert_eq!(row.since(), *offsets.iter().max().unwrap());
        (row.kind, offsets)
    });
    told.collect()
}

#[test]
fn an_opening_is_explained_by_the_allow_that_rules_before_it_at_its_device() {
    use AlarmKind::UnattributedOpening as Unattributed;
    let allow = || claim(1, Verdict::Allow);
    let late = ClaimRow {
        late: true,
        ..allow()
    };
    let granted = |at, name| seen(at, name, Observation::Granted);
    let cases = [
        ("an ALLOW", vec![allow()], granted(5, "gate"), vec![]),
        ("no decision", vec![], granted(5, "gate"), vec![5]),
        (
            "a denial",
            vec![claim(1, Verdict::Deny)],
            granted(5, "gate"),
            vec![5, 1],
        ),
        ("too late", vec![late.clone()], granted(5, "gate"), vec![5]),
        (
            "behind it",
            vec![claim(9, Verdict::Allow)],
            granted(5, "gate"),
            vec![5],
        ),
        (
            "another device",
            vec![allow()],
            granted(5, "door"),
            vec![5, 1],
        ),
        (
            "a denial first",
            vec![claim(3, Verdict::Allow), claim(2, Verdict::Deny)],
            granted(5, "gate"),
            vec![5, 2],
        ),
        (
            "a late one first",
            vec![late, claim(3, Verdict::Allow)],
            granted(5, "gate"),
            vec![],
        ),
        (
            "nobody let in",
            vec![],
            seen(5, "gate", Observation::Denied),
            vec![],
        ),
    ];
    for (case, claims, observation, evidence) in cases {
        let rows = CommandRows {
            claims,
            observations: vec![observation],
            ..CommandRows::default()
        };
        let expected = match evidence.is_empty() {
            true => vec![],
            false => vec![(Unattributed, evidence)],
        };
        assert_eq!(told(&rows), expected, "{case}");
    }
}

#[test]
fn what_the_partner_reports_is_held_against_the_effective_outcome() {
    use Observation::{Denied, Granted};
    let cases = [
        (Granted, vec![Outcome::Executed], None),
        (Granted, vec![Outcome::Rejected], Some(0)),
        (Granted, vec![Outcome::NotExecuted], Some(0)),
        (Granted, vec![Outcome::Unknown], None),
        (
            Granted,
            vec![Outcome::Unknown, Outcome::NotExecuted],
            Some(1),
        ),
        // The first definite one is the truth; what comes behind it says nothing.
        (Granted, vec![Outcome::Executed, Outcome::NotExecuted], None),
        (Granted, vec![Outcome::Rejected, Outcome::Executed], Some(0)),
        (Denied, vec![Outcome::Executed], Some(0)),
        (Denied, vec![Outcome::Rejected], None),
        (Denied, vec![Outcome::NotExecuted], None),
        (Denied, vec![], None),
    ];
    for (observation, outcomes, contradicting) in cases {
        // The event stands before the completions, and behind them.
        for at in [2, 20] {
            let completions = (10..).zip(&outcomes);
            let completions = completions.map(|(at, outcome)| completion(at, *outcome));
            let mut rows = CommandRows {
                claims: vec![claim(1, Verdict::Allow)],
                completions: completions.collect(),
                observations: vec![seen(at, "gate", observation)],
            };
            let expected: Vec<_> = contradicting
                .map(|index: u64| (AlarmKind::Contradiction, vec![at, 10 + index]))
                .into_iter()
                .collect();
            assert_eq!(told(&rows), expected, "{observation} {outcomes:?} {at}");
            let contradicted = contradicting.is_some();
            assert_eq!(rows.is_contradicted(None), contradicted);
            assert_eq!(rows.is_contradicted(Some(event(at))), contradicted);
            assert!(!rows.is_contradicted(Some(event(99))));
            rows.completions.reverse();
            assert_eq!(told(&rows), expected, "in whatever order rows come");
            // What is about another device says nothing of this outcome.
            rows.observations = vec![seen(at, "door", observation)];
            assert!(!rows.is_contradicted(None));
        }
    }
}

#[test]
fn more_of_the_log_takes_no_alarm_back() {
    let all = CommandRows {
        claims: vec![claim(1, Verdict::Allow), claim(4, Verdict::Deny)],
        completions: vec![
            completion(3, Outcome::Unknown),
            completion(6, Outcome::NotExecuted),
            completion(8, Outcome::Executed),
        ],
        observations: vec![
            seen(0, "gate", Observation::Granted),
            seen(5, "gate", Observation::Granted),
            seen(7, "gate", Observation::Denied),
            seen(9, "gate", Observation::Granted),
        ],
    };
    let mut before = Vec::new();
    for end in 0..=10 {
        let mut rows = all.clone();
        rows.claims.retain(|row| row.offset < end);
        rows.completions.retain(|row| row.offset < end);
        rows.observations.retain(|row| row.position.offset < end);
        let alarms = of_command(&rows);
        assert!(before.iter().all(|row| alarms.contains(row)), "{end}");
        let new: Vec<_> = alarms.iter().filter(|row| row.since() + 1 == end).collect();
        assert_eq!(alarms.len(), before.len() + new.len(), "{end}");
        before = alarms;
    }
    assert_eq!(before.len(), 3);
}

fn access(offset: u64, method: Method, observation: Observation, command: bool) -> AccessRow {
    AccessRow {
        complex: "sunrise".parse().unwrap(),
        identity: AccessIdentity::of_partner_event(&"acme".parse().unwrap(), "1"),
        event: event(offset),
        offset,
        occurred_at: Timestamp::UNIX_EPOCH,
        subject: None,
        device: Some(device("gate")),
        automation: None,
        command: None,
        record: AccessRecord {
            event_id: event(offset).to_string(),
            kind: AccessKind::Observed.into(),
            method: method.number(),
            observation: observation.number(),
            command_id: if command {
                COMMAND.to_string()
            } else {
                String::new()
            },
            leaf_index: offset,
            audit_position: Some(AuditPosition {
                topic: Topic::AccessEvents.name().to_owned(),
                partition: 3,
                offset,
            }),
            ..AccessRecord::default()
        },
    }
}

#[test]
fn the_first_record_under_an_id_counts_and_another_content_is_an_alarm() {
    use Observation::{Denied, ForcedOpen, Granted, HeldOpen};
    let cases = [
        (
            Method::Plate,
            ForcedOpen,
            false,
            Some(AlarmKind::ForcedOpen),
        ),
        (Method::Plate, HeldOpen, false, Some(AlarmKind::HeldOpen)),
        (
            Method::Remote,
            Granted,
            false,
            Some(AlarmKind::UnattributedOpening),
        ),
        (Method::Remote, Granted, true, None),
        (Method::Remote, Denied, false, None),
        (Method::Plate, Granted, false, None),
        (Method::Staff, Granted, false, None),
    ];
    for (method, observation, named, kind) in cases {
        let row = access(7, method, observation, named);
        let first = of_event(&row, &Sent::First);
        assert_eq!(first.alarm.as_ref().map(|alarm| alarm.kind), kind);
        assert_eq!(first.observation.is_some(), named, "{method} {observation}");
        // The same content again.
        assert_eq!(of_event(&row, &Sent::Again), Seen::default());
        // Another content.
        let other = access(2, method, observation, named);
        let conflict = of_event(&row, &Sent::Otherwise(Box::new(other)));
        let alarm = conflict.alarm.unwrap();
        assert_eq!(alarm.kind, AlarmKind::ConflictingDuplicate);
        let evidence: Vec<u64> = alarm.alarm.evidence.iter().map(|e| e.leaf_index).collect();
        assert_eq!((evidence, conflict.observation), (vec![7, 2], None));
    }
}
