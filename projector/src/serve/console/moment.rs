//! Times as people read them: in the complex' own zone.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

/// A time zone, by its IANA name.
#[derive(Clone, Debug)]
pub(super) struct Zone {
    pub(super) name: String,
    zone: TimeZone,
}

/// An instant, for a `time` element.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Moment {
    /// RFC 3339, in UTC.
    pub(super) iso: String,
    /// The day, by the zone's calendar.
    pub(super) date: String,
    /// The time of day, by the zone's clocks.
    pub(super) time: String,
}

impl Zone {
    /// The zone of this name; UTC where there is none, which the configuration's check excludes.
    pub(super) fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            zone: TimeZone::get(name).unwrap_or(TimeZone::UTC),
        }
    }

    /// An instant as it is shown.
    pub(super) fn moment(&self, at: Timestamp) -> Moment {
        let local = self.zone.to_datetime(at);
        Moment {
            iso: at.to_string(),
            date: day(local.date()),
            time: local.strftime("%H:%M:%S").to_string(),
        }
    }

    /// An instant of a message; none for what is absent or no instant.
    pub(super) fn of_wire(&self, at: Option<&prost_types::Timestamp>) -> Option<Moment> {
        Some(self.moment(instant(at?)?))
    }

    /// The day of an instant, its weekday from Monday, which is 0, and its hour.
    pub(super) fn place(&self, at: Timestamp) -> (String, usize, usize) {
        let local = self.zone.to_datetime(at);
        let number = |small: i8| usize::try_from(small).unwrap_or(0);
        let weekday = local.weekday().to_monday_zero_offset();
        (day(local.date()), number(weekday), number(local.hour()))
    }

    /// The days up to that of an instant, so many of them.
    pub(super) fn days_to(&self, last: Timestamp, count: u16) -> Vec<String> {
        let last = self.zone.to_datetime(last).date();
        let days = (0..count).rev();
        let before = |days: u16| last.checked_sub(jiff::Span::new().days(days)).ok();
        days.filter_map(before).map(day).collect()
    }

    /// What a `datetime-local` or `date` field says, by the zone's clocks; none for what is neither.
    /// A time that a change of the clocks skips or repeats is taken as jiff's "compatible" says.
    pub(super) fn parse(&self, text: &str) -> Option<Timestamp> {
        let local: DateTime = text.parse().ok()?;
        self.zone.to_timestamp(local).ok()
    }
}

/// A day as it is shown (ISO 8601).
fn day(day: Date) -> String {
    day.strftime("%Y-%m-%d").to_string()
}

/// An instant of a message.
pub(super) fn instant(at: &prost_types::Timestamp) -> Option<Timestamp> {
    Timestamp::new(at.seconds, at.nanos).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_typed_is_what_is_shown() {
        let zone = Zone::named("Europe/Moscow");
        let typed = zone.parse("2026-11-24T13:00").unwrap();
        assert_eq!(typed.to_string(), "2026-11-24T10:00:00Z");
        let shown = zone.moment(typed);
        assert_eq!(
            (shown.date.as_str(), shown.time.as_str()),
            ("2026-11-24", "13:00:00")
        );
        assert_eq!(
            zone.parse("2026-11-24").unwrap().to_string(),
            "2026-11-23T21:00:00Z"
        );
        assert_eq!(zone.parse("soon"), None);
        let midnight = "2026-02-28T21:00:00Z".parse().unwrap();
        assert_eq!(zone.place(midnight), ("2026-03-01".to_owned(), 6, 0));
        assert_eq!(zone.days_to(midnight, 2), ["2026-02-28", "2026-03-01"]);
    }
}
