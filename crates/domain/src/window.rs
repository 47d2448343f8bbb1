//! When a right holds.

use std::cmp::Ordering;

use jiff::Timestamp;

/// When a right holds: between two instants, on some weekdays, at some hours of the complex's
/// own day.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Window {
    /// First instant; none for always.
    pub not_before: Option<Timestamp>,
    /// First instant after it; none for ever.
    pub not_after: Option<Timestamp>,
    /// ISO 8601 weekdays (1 is Monday, 7 Sunday), as a set of bits 1..=7; 0 for all.
    pub weekdays: u8,
    /// Minute of the day from which it holds, and the first minute at which it doesn't any
    /// more; equal for the whole day. Past midnight when `until` is less than `from`; the
    /// weekday is then that of the evening.
    pub minutes: (u16, u16),
}

const DAY: i64 = 24 * 60 * 60;

impl Window {
    /// Whether the right holds at `now` where local time is UTC plus `utc_offset` seconds.
    pub fn contains(&self, now: Timestamp, utc_offset: i32) -> bool {
        if self.not_before.is_some_and(|from| now < from)
            || self.not_after.is_some_and(|until| now >= until)
        {
            return false;
        }
        self.stretch(now.as_second() + i64::from(utc_offset))
            .is_some()
    }

    /// When the right that holds at `now` stops holding, given that local time stays UTC plus
    /// `utc_offset` seconds; none where it holds for ever, or doesn't hold now.
    pub fn holds_until(&self, now: Timestamp, utc_offset: i32) -> Option<Timestamp> {
        if !self.contains(now, utc_offset) {
            return None;
        }
        let mut local = now.as_second() + i64::from(utc_offset);
        // Whatever goes on for eight stretches goes on the whole week.
        let pause = (0..8).find_map(|_| {
            local = self.stretch(local)?;
            self.stretch(local).is_none().then_some(local)
        });
        let pause = pause.and_then(|at| Timestamp::from_second(at - i64::from(utc_offset)).ok());
        pause.into_iter().chain(self.not_after).min()
    }

    /// Whether, from `now` on, `outer` holds whenever this one does, whatever the local time is.
    pub fn is_within(&self, outer: &Window, now: Timestamp) -> bool {
        let begins_inside = outer
            .not_before
            .is_none_or(|from| self.not_before.unwrap_or(now).max(now) >= from);
        let ends_inside = outer
            .not_after
            .is_none_or(|until| self.not_after.is_some_and(|end| end <= until));
        // Hours begin and end on whole minutes, and repeat after a week.
        let inside = |second| self.stretch(second).is_none() || outer.stretch(second).is_some();
        begins_inside && ends_inside && (0..7 * DAY).step_by(60).all(inside)
    }

    /// Where hours and weekdays permit it at this local second: the second at which the present
    /// stretch of a day or a night ends.
    fn stretch(&self, local: i64) -> Option<i64> {
        let (day, minute) = (local.div_euclid(DAY), local.rem_euclid(DAY) / 60);
        let (from, until) = (i64::from(self.minutes.0), i64::from(self.minutes.1));
        let in_evening = if from > until {
            minute >= from
        } else {
            from == until || (minute >= from && minute < until)
        };
        let in_morning = from > until && minute < until;
        if !in_evening && !in_morning {
            return None;
        }
        let evening = if in_morning { day - 1 } else { day };
        // 1970-01-01 was a Thursday, weekday 4.
        let weekday = (evening + 3).rem_euclid(7) + 1;
        let end = match from.cmp(&until) {
            Ordering::Less => day * DAY + until * 60,
            Ordering::Equal => (day + 1) * DAY,
            Ordering::Greater => (evening + 1) * DAY + until * 60,
        };
        (self.weekdays == 0 || self.weekdays & (1 << weekday) != 0).then_some(end)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use jiff::SignedDuration;

    const MOSCOW: i32 = 3 * 3600;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn hours_are_the_complexes_own() {
        let window = Window {
            minutes: (9 * 60, 18 * 60),
            ..Window::default()
        };
        assert!(window.contains(at("2026-11-24T06:00:00Z"), MOSCOW));
        assert!(!window.contains(at("2026-11-24T05:59:59Z"), MOSCOW));
        assert!(window.contains(at("2026-11-24T14:59:59Z"), MOSCOW));
        assert!(!window.contains(at("2026-11-24T15:00:00Z"), MOSCOW));
    }

    #[test]
    fn a_night_belongs_to_its_evening() {
        // Friday evening into Saturday morning; 2026-11-27 is a Friday.
        let window = Window {
            weekdays: 1 << 5,
            minutes: (22 * 60, 6 * 60),
            ..Window::default()
        };
        assert!(window.contains(at("2026-11-27T20:00:00Z"), MOSCOW));
        assert!(window.contains(at("2026-11-28T02:00:00Z"), MOSCOW));
        assert!(!window.contains(at("2026-11-28T03:00:00Z"), MOSCOW));
        assert!(!window.contains(at("2026-11-28T20:00:00Z"), MOSCOW));
        assert!(!window.contains(at("2026-11-27T01:00:00Z"), MOSCOW));
    }

    #[test]
    fn instants_bound_it_with_an_exclusive_end() {
        let window = Window {
            not_before: Some(at("2026-01-01T00:00:00Z")),
            not_after: Some(at("2026-01-02T00:00:00Z")),
            ..Window::default()
        };
        assert!(window.contains(at("2026-01-01T00:00:00Z"), 0));
        assert!(!window.contains(at("2026-01-02T00:00:00Z"), 0));
        assert!(!window.contains(at("2025-12-31T23:59:59Z"), 0));
    }

    #[test]
    fn it_holds_until_the_first_moment_at_which_it_does_not() {
        // 2026-11-27 is a Friday.
        let now = at("2026-11-27T20:00:00Z");
        let until = |window: &Window| window.holds_until(now, MOSCOW).map(|at| at.to_string());
        let days = |days: &[u8]| days.iter().fold(0, |bits, day| bits | 1 << day);
        let mut window = Window::default();
        assert_eq!(until(&window), None, "for ever");
        window.weekdays = days(&[1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(until(&window), None, "every day");
        window.weekdays = days(&[5, 6]);
        assert_eq!(until(&window).unwrap(), "2026-11-28T21:00:00Z");
        window.minutes = (22 * 60, 6 * 60);
        assert_eq!(until(&window).unwrap(), "2026-11-28T03:00:00Z");
        window.minutes = (0, 24 * 60);
        assert_eq!(until(&window).unwrap(), "2026-11-28T21:00:00Z");
        window.not_after = Some(at("2026-11-27T20:30:00Z"));
        assert_eq!(until(&window).unwrap(), "2026-11-27T20:30:00Z");
        window.weekdays = days(&[1]);
        assert_eq!(until(&window), None, "it doesn't hold now");
    }

    #[test]
    fn its_end_is_where_it_stops_for_every_kind_of_window() {
        let now = at("2026-11-24T12:00:00Z");
        for weekdays in [0, 0b1111_1110, 0b0000_0100, 0b0011_1110, 0b1000_1100] {
            for minutes in [
                (0, 0),
                (0, 1440),
                (540, 1080),
                (1320, 360),
                (900, 0),
                (1, 0),
            ] {
                let window = Window {
                    weekdays,
                    minutes,
                    ..Window::default()
                };
                for hour in 0..7 * 24 {
                    let now = now + SignedDuration::from_hours(hour);
                    let Some(end) = window.holds_until(now, MOSCOW) else {
                        continue;
                    };
                    assert!(!window.contains(end, MOSCOW), "{window:?} {now} {end}");
                    let mut inside = now;
                    while inside < end {
                        assert!(window.contains(inside, MOSCOW), "{window:?} {now} {inside}");
                        inside += SignedDuration::from_mins(30);
                    }
                }
            }
        }
    }

    #[test]
    fn a_window_within_another_never_holds_without_it() {
        let now = at("2026-11-24T12:00:00Z");
        let week = |weekdays: u8, minutes| Window {
            weekdays,
            minutes,
            ..Window::default()
        };
        let windows: Vec<Window> = [0, 0b1111_1110, 0b0000_0100, 0b0011_1110]
            .into_iter()
            .flat_map(|days| {
                [(0, 0), (0, 1440), (540, 1080), (600, 900), (1320, 360)]
                    .map(|minutes| week(days, minutes))
            })
            .collect();
        for inner in &windows {
            for outer in &windows {
                let holds = |window: &Window, hour: i64| {
                    window.contains(now + SignedDuration::from_mins(hour * 30), MOSCOW)
                };
                let expected = (0..7 * 48).all(|hour| !holds(inner, hour) || holds(outer, hour));
                assert_eq!(inner.is_within(outer, now), expected, "{inner:?} {outer:?}");
            }
        }
        let from = |text| Window {
            not_before: Some(at(text)),
            not_after: Some(at("2026-12-31T00:00:00Z")),
            ..Window::default()
        };
        let (past, later) = (from("2026-01-01T00:00:00Z"), from("2026-12-01T00:00:00Z"));
        let mut inner = Window {
            not_after: Some(at("2026-12-31T00:00:00Z")),
            ..Window::default()
        };
        assert!(inner.is_within(&past, now), "what is over does not count");
        assert!(!inner.is_within(&later, now));
        inner.not_before = Some(at("2026-12-01T00:00:00Z"));
        assert!(inner.is_within(&later, now));
        inner.not_after = Some(at("2026-12-31T00:00:01Z"));
        assert!(!inner.is_within(&later, now));
        inner.not_after = None;
        assert!(!inner.is_within(&later, now));
    }

    #[test]
    fn every_weekday_has_its_own_bit() {
        // 2026-11-23 is a Monday.
        for weekday in 1..=7u8 {
            let window = Window {
                weekdays: 1 << weekday,
                ..Window::default()
            };
            let hits: Vec<i64> = (0..7)
                .filter(|day| {
                    let noon = at("2026-11-23T12:00:00Z").as_second() + day * DAY;
                    window.contains(Timestamp::from_second(noon).unwrap(), 0)
                })
                .collect();
            assert_eq!(hits, [i64::from(weekday) - 1]);
        }
    }
}
