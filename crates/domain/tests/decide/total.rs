//! Every question has an answer, also one that makes no sense.

use domain::openable;
use domain::registry::Entity;
use domain::vocabulary::{Reason, Verdict};
use domain::window::Window;
use jiff::{SignedDuration, Timestamp};
use oracle::{Ask, Dice, World};
use proptest::prelude::*;

use crate::cases::{answer, cases};

/// Any instant, often one of the first or last.
fn instant(dice: &mut Dice) -> Timestamp {
    let (first, last) = (Timestamp::MIN, Timestamp::MAX);
    let apart = SignedDuration::from_nanos(dice.number(0..=1_200_000_000_000));
    match dice.below(4) {
        0 => first + apart,
        1 => last - apart,
        _ => {
            let second = dice.number(first.as_second()..=last.as_second());
            Timestamp::from_second(second).unwrap()
        }
    }
}

fn distort_window(dice: &mut Dice, window: &mut Window) {
    *window = Window {
        not_before: dice.chance(50).then(|| instant(dice)),
        not_after: dice.chance(50).then(|| instant(dice)),
        weekdays: dice.number(0..=255) as u8,
        minutes: (
            dice.number(0..=65_535) as u16,
            dice.number(0..=65_535) as u16,
        ),
    };
}

/// Puts any number wherever there is one.
fn distort(dice: &mut Dice, world: &mut World, ask: &mut Ask) {
    for (_, entity) in &mut world.entities {
        if dice.chance(70) {
            continue;
        }
        match entity {
            Entity::Device(device) => {
                device.cooldown_ms = dice.one([u32::MAX, 1, dice.clone().below(1 << 32) as u32]);
                if let Some(step_up) = &mut device.step_up {
                    step_up.max_age_seconds = dice.one([u32::MAX, 1]);
                }
            }
            Entity::Perimeter(perimeter) => {
                perimeter.not_before = dice.chance(50).then(|| instant(dice));
                perimeter.not_after = dice.chance(50).then(|| instant(dice));
            }
            Entity::Grant(grant) => distort_window(dice, &mut grant.window),
            Entity::GuestPass(pass) => {
                distort_window(dice, &mut pass.window);
                pass.max_uses = dice.one([0, 1, u32::MAX]);
            }
            _ => {}
        }
    }
    let keep = |dice: &mut Dice, at: Timestamp| {
        if dice.chance(50) { at } else { instant(dice) }
    };
    ask.at.now = keep(dice, ask.at.now);
    ask.command.key_time = keep(dice, ask.command.key_time);
    ask.command.expires_at = keep(dice, ask.command.expires_at);
    ask.command.auth_time = dice.chance(50).then(|| instant(dice));
    if dice.chance(50) {
        let offset = dice.number(i64::from(i32::MIN)..=i64::from(i32::MAX));
        ask.at.utc_offset = dice.one([offset as i32, i32::MIN, i32::MAX]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn every_question_has_one_answer(case in cases(), seed: u64) {
        let dice = &mut Dice::of(seed);
        for ask in &case.asks {
            let (mut world, mut ask) = (case.world.clone(), ask.clone());
            if dice.chance(75) {
                distort(dice, &mut world, &mut ask);
            }
            let decision = answer(&world, &ask);
            prop_assert_eq!(
                decision.verdict == Verdict::Allow,
                decision.reason == Reason::Granted
            );
            // An answer names the right that it rests on.
            prop_assert!(decision.verdict == Verdict::Deny || decision.right.is_some());
            // The numbers up to here are of decisions, those above of what became of them.
            prop_assert!(decision.reason.number() < Reason::PartnerExecuted.number());
            prop_assert_eq!(&decision, &answer(&world, &ask));
            let registry = world.registry().unwrap();
            let login = (ask.command.auth_time, ask.command.acr.as_deref());
            let subject = domain::SubjectRef(ask.command.asker.subject());
            let complex = ask.command.device.complex();
            let listed = openable(&registry, &complex, subject, login, ask.at);
            prop_assert!(listed.iter().all(|device| !device.operations.is_empty()));
        }
    }
}
