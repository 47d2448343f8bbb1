//! The rules written twice, in `domain` and in Cedar, answer the same: verdict, reason and right,
//! on at least a million generated questions.
//!
//! `ORACLE_CASES` asks more, `ORACLE_SEED` the same ones again: worlds are numbered on from the
//! seed, and a failure names the world's own.

#![allow(clippy::unwrap_used)]

mod coverage;
mod difference;
mod entities;
mod judge;
mod run;

use std::str::FromStr;
use std::time::Instant;

use cedar_policy::{Entities, ValidationMode, Validator};

use self::entities::Site;
use self::judge::Judge;

/// A variable of the environment, if it is set.
fn variable<T: FromStr<Err: std::fmt::Debug>>(name: &str) -> Option<T> {
    let text = std::env::var(name).ok().filter(|text| !text.is_empty())?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{name} is no number")),
    )
}

#[test]
fn the_policy_is_well_typed() {
    let judge = Judge::new();
    let result =
        Validator::new(judge.schema().clone()).validate(judge.policies(), ValidationMode::Strict);
    let found: Vec<_> = result
        .validation_errors()
        .map(ToString::to_string)
        .collect();
    assert!(found.is_empty(), "{found:#?}");
    let found: Vec<_> = result
        .validation_warnings()
        .map(ToString::to_string)
        .collect();
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn worlds_are_what_the_schema_says() {
    let judge = Judge::new();
    for seed in 0..100 {
        let site = Site::of(&oracle::world(seed));
        let entities = site.entities.iter().cloned();
        Entities::from_entities(entities, Some(judge.schema())).unwrap();
    }
}

#[test]
fn the_service_and_the_policy_give_the_same_answers() {
    let cases: u64 = variable("ORACLE_CASES").unwrap_or(1_000_000);
    let seed: u64 = variable("ORACLE_SEED").unwrap_or_else(|| fastrand::u64(..));
    println!("ORACLE_SEED={seed} ORACLE_CASES={cases}");
    let begin = Instant::now();
    let judge = Judge::new();
    let coverage = match run::compare(&judge, seed, cases) {
        Ok(coverage) => coverage,
        Err(difference) => panic!("{difference}"),
    };
    let seconds = begin.elapsed().as_secs_f64();
    println!("{coverage}");
    println!(
        "{} questions in {seconds:.1} s, {:.0} a second",
        coverage.cases(),
        coverage.cases() as f64 / seconds
    );
    assert!(coverage.cases() >= cases);
    let gaps = coverage.gaps();
    assert!(gaps.is_empty(), "too rare to show anything: {gaps:#?}");
}
