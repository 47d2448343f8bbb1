//! As designed, everything holds in every state, and whatever happens comes to an end.

use std::time::Instant;

use model::scenario::{FRESH, Scenario, VOID};
use model::{Ingredients, Model, Property, explore};

use crate::spaces::{COOLDOWN, DUPLICATES, FAULTS, PASS, REVOCATION};

fn holds(scenario: Scenario) {
    let began = Instant::now();
    let found = explore(&Model::new(scenario, Ingredients::DESIGNED), Property::ALL);
    println!(
        "as designed: {}: {} states, {} steps, {} deep, {:.1} s",
        scenario.name,
        found.states,
        found.steps,
        found.depth,
        began.elapsed().as_secs_f64()
    );
    if let Some(trace) = found.counterexample {
        panic!("{trace}");
    }
    assert!(found.ends, "some steps go round in a circle");
}

#[test]
fn duplicates() {
    holds(DUPLICATES);
}

#[test]
fn faults() {
    holds(FAULTS);
}

#[test]
fn cooldown() {
    holds(COOLDOWN);
}

#[test]
fn revocation() {
    holds(REVOCATION);
}

#[test]
fn pass() {
    holds(PASS);
}

#[test]
fn pass_and_crash() {
    holds(Scenario {
        name: "a pass with one use, a crash",
        faults: 0,
        crashes: 1,
        phases: &[FRESH, VOID],
        ..PASS
    });
}

/// More of everything; minutes.
#[test]
#[ignore = "takes minutes and some gigabytes"]
fn more_faults() {
    holds(Scenario {
        faults: 4,
        hand_overs: 2,
        ..FAULTS
    });
}

/// More of everything; minutes.
#[test]
#[ignore = "takes minutes and some gigabytes"]
fn rejections_and_a_pass() {
    holds(Scenario {
        rejections: true,
        ..PASS
    });
}
