//! Given decisions and completions in log order, which rules.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::event::{Actor, Body, DecisionInputs, RequestContext};

const KEY_TIME: &str = "2026-11-24T12:00:00Z";
const COMMAND: CommandId = CommandId(Uuid::from_u128(1));

fn key_time() -> Timestamp {
    KEY_TIME.parse().unwrap()
}

fn event(id: u128, body: Body) -> Event {
    Event {
        id: EventId(Uuid::from_u128(id)),
        occurred_at: key_time(),
        complex: "sunrise".parse().unwrap(),
        device: Some("sunrise.gate".parse().unwrap()),
        actor: Actor {
            kind: ActorKind::Owner,
            subject: None,
            caller: "bff".to_owned(),
        },
        correlation: String::new(),
        body,
    }
}

fn decided(verdict: Verdict) -> AccessDecided {
    AccessDecided {
        command: COMMAND,
        request_digest: [0; 32],
        operation: Operation::OpenBarrier,
        verdict,
        reason: Reason::Granted,
        expires_at: key_time(),
        key_time: key_time(),
        inputs: DecisionInputs {
            now: key_time(),
            utc_offset: 0,
            registry_position: LogPosition::default(),
            global_position: LogPosition::default(),
            access_position: LogPosition::default(),
            right: None,
            partner: None,
            perimeter_version: 0,
            recent_openings: Vec::new(),
            cooldown_ms: 0,
            auth_time: None,
            acr: None,
            uses_left: None,
            policy_version: 1,
        },
        context: RequestContext::default(),
    }
}

fn decide(commands: &mut Commands, id: u128, verdict: Verdict, late: SignedDuration) -> Claim {
    let decided = decided(verdict);
    let event = event(id, Body::AccessDecided(decided.clone()));
    commands.fold_decided(&event, &decided, LogPosition::default(), key_time() + late)
}

fn complete(commands: &mut Commands, id: u128, outcome: Outcome) -> bool {
    let completed = CommandCompleted {
        command: COMMAND,
        outcome,
        reason: Reason::Fenced,
        partner_code: String::new(),
        partner_ref: String::new(),
        latency_ms: 0,
        reconciled: false,
        fenced: false,
        second_inputs: None,
    };
    let event = event(id, Body::CommandCompleted(completed.clone()));
    commands.fold_completed(&event, &completed)
}

#[test]
fn the_first_decision_rules_also_when_it_denies() {
    for first in [Verdict::Allow, Verdict::Deny] {
        let mut commands = Commands::default();
        assert_eq!(
            decide(&mut commands, 1, first, SignedDuration::ZERO),
            Claim::Won
        );
        assert_eq!(
            decide(&mut commands, 2, Verdict::Allow, SignedDuration::ZERO),
            Claim::Lost
        );
        // The same record again is the same claim.
        assert_eq!(
            decide(&mut commands, 1, first, SignedDuration::ZERO),
            Claim::Won
        );
        assert_eq!(commands.get(COMMAND).unwrap().verdict, first);
    }
}

#[test]
fn a_decision_appended_too_late_is_void() {
    let mut commands = Commands::default();
    let last = KEY_WINDOW + LEEWAY;
    let late = last + SignedDuration::from_millis(1);
    assert_eq!(
        decide(&mut commands, 1, Verdict::Allow, late),
        Claim::TooLate
    );
    assert!(commands.is_empty());
    assert_eq!(decide(&mut commands, 2, Verdict::Allow, last), Claim::Won);
}

#[test]
fn the_first_definite_completion_is_effective() {
    let mut commands = Commands::default();
    decide(&mut commands, 1, Verdict::Allow, SignedDuration::ZERO);
    assert_eq!(commands.open().count(), 1);
    assert!(complete(&mut commands, 2, Outcome::Unknown));
    assert_eq!(commands.open().count(), 1);
    assert!(complete(&mut commands, 3, Outcome::NotExecuted));
    assert_eq!(commands.open().count(), 0);
    assert!(!complete(&mut commands, 4, Outcome::Executed));
    assert_eq!(
        commands.get(COMMAND).unwrap().outcome(),
        Some(Outcome::NotExecuted)
    );
}

#[test]
fn openings_count_until_they_are_known_not_to_have_happened() {
    let device: DeviceId = "sunrise.gate".parse().unwrap();
    let since = key_time() - SignedDuration::from_secs(1);
    let other = CommandId(Uuid::from_u128(9));
    let mut commands = Commands::default();
    decide(&mut commands, 1, Verdict::Allow, SignedDuration::ZERO);
    assert_eq!(commands.openings(&device, since, other), [key_time()]);
    assert!(commands.openings(&device, since, COMMAND).is_empty());
    assert!(commands.openings(&device, key_time(), other).is_empty());
    complete(&mut commands, 2, Outcome::NotExecuted);
    assert!(commands.openings(&device, since, other).is_empty());
}

#[test]
fn only_settled_commands_are_forgotten() {
    let later = key_time() + SignedDuration::from_hours(1);
    let mut commands = Commands::default();
    decide(&mut commands, 1, Verdict::Allow, SignedDuration::ZERO);
    commands.forget_settled(later);
    assert_eq!(commands.len(), 1);
    complete(&mut commands, 2, Outcome::Executed);
    commands.forget_settled(key_time());
    assert_eq!(commands.len(), 1);
    commands.forget_settled(later);
    assert!(commands.is_empty());
}
