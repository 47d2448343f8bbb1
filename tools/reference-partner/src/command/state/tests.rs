//! Every reachable state, every input, every order of races.

#![allow(clippy::unwrap_used)]

use std::collections::{HashSet, VecDeque};

use jiff::SignedDuration;
use uuid::Uuid;

use super::*;

fn start() -> Timestamp {
    Timestamp::from_second(1_900_000_000).unwrap()
}

fn request(device: &str) -> OpenRequest {
    OpenRequest {
        complex: ComplexId::parse("sunrise").unwrap(),
        device: DeviceId::parse(device).unwrap(),
        operation: Operation::OpenDoor,
        expires_at: start() + SignedDuration::from_secs(30),
    }
}

fn open(device: &str) -> Input {
    Input::Open {
        request: request(device),
        opening: Uuid::nil().into(),
    }
}

fn cancel() -> Input {
    Input::Cancel(ComplexId::parse("sunrise").unwrap())
}

fn inputs() -> Vec<Input> {
    vec![
        open("sunrise.lobby"),
        open("sunrise.cellar"),
        Input::Actuate,
        Input::Moved,
        Input::NotMoved,
        Input::Reject("no".into()),
        Input::Refuse(Refusal::DeviceOffline),
        cancel(),
        Input::Recover { journalled: true },
        Input::Recover { journalled: false },
    ]
}

/// Before the expiry, at it, after it.
fn times() -> [Timestamp; 3] {
    [0, 30, 60].map(|seconds| start() + SignedDuration::from_secs(seconds))
}

fn is_final(state: &State) -> bool {
    state.final_at().is_some()
}

/// All states that any sequence of inputs reaches.
fn reachable() -> HashSet<State> {
    let mut seen = HashSet::from([State::Unseen]);
    let mut queue = VecDeque::from([State::Unseen]);
    while let Some(state) = queue.pop_front() {
        for input in inputs() {
            for now in times() {
                let (next, _) = state.clone().step(input.clone(), now);
                if seen.insert(next.clone()) {
                    queue.push_back(next);
                }
            }
        }
    }
    seen
}

#[test]
fn every_state_and_input_keeps_the_rules() {
    let states = reachable();
    assert!(states.len() > 20, "only {} states", states.len());
    for state in states {
        for input in inputs() {
            for now in times() {
                let (next, verdict) = state.clone().step(input.clone(), now);
                let case = format!("{state:?} + {input:?} at {now} -> {next:?}, {verdict:?}");
                if is_final(&state) {
                    assert_eq!(next, state, "a final state changed: {case}");
                }
                if matches!(
                    verdict,
                    Verdict::Ignored | Verdict::Wait | Verdict::KeyReused
                ) {
                    assert_eq!(next, state, "changed without saying so: {case}");
                }
                if verdict == Verdict::Actuate {
                    let accepted = matches!(state, State::Accepted { .. });
                    assert!(
                        accepted && now < request("sunrise.lobby").expires_at,
                        "{case}"
                    );
                    assert!(matches!(next, State::Actuating { .. }), "{case}");
                }
                if matches!(&verdict, Verdict::Ended(outcome) if outcome.end == End::Executed) {
                    let moved = matches!(state, State::Actuating { .. })
                        || matches!(input, Input::Recover { journalled: true })
                        || is_final(&state);
                    assert!(moved, "executed though nothing moved: {case}");
                }
                if input == cancel() {
                    let fenced = is_final(&next);
                    let busy = matches!(next, State::Actuating { .. }) && verdict == Verdict::Wait;
                    assert!(fenced || busy, "a cancel that is no fence: {case}");
                }
                if next != State::Unseen {
                    assert!(next.complex().is_some(), "bound to no complex: {case}");
                }
            }
        }
    }
}

/// In whatever order inputs come, repeated or not, the device is told to move at most once, and
/// never after a cancel that said "forbidden".
#[test]
fn no_order_of_inputs_moves_twice_or_after_the_fence() {
    fn explore(state: State, moves: usize, fenced: bool, depth: usize) -> usize {
        assert!(moves <= 1, "moved twice");
        if depth == 0 {
            return 1;
        }
        let mut runs = 0;
        for input in inputs() {
            let is_cancel = input == cancel();
            let (next, verdict) = state.clone().step(input, start());
            let moved = verdict == Verdict::Actuate;
            assert!(!(moved && fenced), "moved after the fence");
            let fenced = fenced || (is_cancel && verdict == Verdict::Forbidden);
            runs += explore(next, moves + usize::from(moved), fenced, depth - 1);
        }
        runs
    }
    assert_eq!(explore(State::Unseen, 0, false, 6), 1_000_000);
}

#[test]
fn the_expiry_is_checked_on_arrival_and_at_the_moment_of_actuation() {
    let [before, at, _] = times();
    let (_, verdict) = State::Unseen.step(open("sunrise.lobby"), at);
    let expired = End::NotExecuted(Refusal::Expired);
    assert!(matches!(verdict, Verdict::Ended(outcome) if outcome.end == expired));
    let (accepted, verdict) = State::Unseen.step(open("sunrise.lobby"), before);
    assert_eq!(verdict, Verdict::Begin);
    let (_, verdict) = accepted.step(Input::Actuate, at);
    assert!(matches!(verdict, Verdict::Ended(outcome) if outcome.end == expired));
}

#[test]
fn a_repetition_gets_the_first_answer_and_another_request_a_conflict() {
    let [now, ..] = times();
    let (state, _) = State::Unseen.step(open("sunrise.lobby"), now);
    let (state, verdict) = state.step(open("sunrise.lobby"), now);
    assert_eq!(verdict, Verdict::Wait);
    let (state, _) = state.step(Input::Actuate, now);
    let (state, first) = state.step(Input::Moved, now);
    let (state, again) = state.step(open("sunrise.lobby"), now);
    assert_eq!(first, again);
    assert_eq!(
        state.step(open("sunrise.cellar"), now).1,
        Verdict::KeyReused
    );
}

#[test]
fn an_id_forbidden_before_it_was_seen_stays_forbidden() {
    let [now, ..] = times();
    let (state, verdict) = State::Unseen.step(cancel(), now);
    assert_eq!(verdict, Verdict::Forbidden);
    let (state, verdict) = state.step(open("sunrise.lobby"), now);
    assert_eq!(verdict, Verdict::Forbidden);
    let (_, verdict) = state.step(Input::Actuate, now);
    assert_eq!(verdict, Verdict::Ignored);
}

#[test]
fn after_a_restart_the_journal_decides() {
    let [now, ..] = times();
    let (accepted, _) = State::Unseen.step(open("sunrise.lobby"), now);
    let (actuating, _) = accepted.clone().step(Input::Actuate, now);
    let (_, verdict) = actuating
        .clone()
        .step(Input::Recover { journalled: true }, now);
    assert!(matches!(verdict, Verdict::Ended(outcome) if outcome.end == End::Executed));
    for state in [accepted, actuating] {
        let (state, verdict) = state.step(Input::Recover { journalled: false }, now);
        assert_eq!(verdict, Verdict::Forbidden);
        assert_eq!(state.step(open("sunrise.lobby"), now).1, Verdict::Forbidden);
    }
}
