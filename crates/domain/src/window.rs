//! When a right holds.

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
        let local = now.as_second() + i64::from(utc_offset);
        let (day, minute) = (local.div_euclid(DAY), local.rem_euclid(DAY) / 60);
        let (from, until) = (i64::from(self.minutes.0), i64::from(self.minutes.1));
        let in_evening = if from > until {
            minute >= from
        } else {
            from == until || (minute >= from && minute < until)
        };
        let in_morning = from > until && minute < until;
        if !in_evening && !in_morning {
            return false;
        }
        let evening = if in_morning { day - 1 } else { day };
        // 1970-01-01 was a Thursday, weekday 4.
        let weekday = (evening + 3).rem_euclid(7) + 1;
        self.weekdays == 0 || self.weekdays & (1 << weekday) != 0
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

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
