//! When rights and perimeters hold.

use domain::window::Window;
use jiff::{SignedDuration, Timestamp};

use crate::dice::Dice;

/// A window around `base`, often an unlimited one.
pub(super) fn window(dice: &mut Dice, base: Timestamp) -> Window {
    if dice.chance(40) {
        return Window::default();
    }
    let (not_before, not_after) = span(dice, base, 40);
    Window {
        not_before,
        not_after,
        // Bit 0 stands for no day.
        weekdays: if dice.chance(50) {
            0
        } else {
            dice.number(0..=0xff) as u8
        },
        minutes: minutes(dice),
    }
}

/// From and until, each there in `percent` of cases, and then mostly on the good side of `base`.
pub(super) fn span(
    dice: &mut Dice,
    base: Timestamp,
    percent: u8,
) -> (Option<Timestamp>, Option<Timestamp>) {
    let mut end = |good: i64| {
        let there = dice.chance(percent);
        let sign = if dice.chance(90) { good } else { -good };
        let far = if dice.chance(50) { 86_400 } else { 30 * 86_400 };
        let apart = SignedDuration::from_secs(sign * dice.number(0..=far));
        there.then_some(base + apart)
    };
    (end(-1), end(1))
}

/// The whole day, some hours of it, or a night.
fn minutes(dice: &mut Dice) -> (u16, u16) {
    let mut half_hour = || dice.number(0..=48) as u16 * 30;
    let (one, two) = (half_hour(), half_hour());
    match dice.below(10) {
        0..4 => (one, one),
        4..6 => (one.min(two), one.max(two)),
        6..8 => (one.max(two), one.min(two)),
        _ => (dice.number(0..=1440) as u16, dice.number(0..=1440) as u16),
    }
}
