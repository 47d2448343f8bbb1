//! When a credential opens: between two instants, on some weekdays, at some hours of a local day.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use serde::{Deserialize, Deserializer, Serialize};

/// Minutes of a day.
const DAY: u16 = 24 * 60;

/// From `not_before` on, until before `not_after`, on `weekdays`, from the minute `from` of the day
/// until before the minute `until`; without a bound where absent.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Window {
    pub(crate) not_before: Option<Timestamp>,
    pub(crate) not_after: Option<Timestamp>,
    /// ISO 8601: 1 is Monday.
    #[serde(
        default,
        deserialize_with = "said",
        skip_serializing_if = "Option::is_none"
    )]
    weekdays: Option<Vec<i8>>,
    #[serde(
        default,
        deserialize_with = "said",
        skip_serializing_if = "Option::is_none"
    )]
    from: Option<u16>,
    #[serde(
        default,
        deserialize_with = "said",
        skip_serializing_if = "Option::is_none"
    )]
    until: Option<u16>,
    /// Whose weekdays and hours.
    #[serde(
        default,
        deserialize_with = "said",
        skip_serializing_if = "Option::is_none"
    )]
    time_zone: Option<String>,
}

/// What is there has a value: `null` is not the same as absent here.
fn said<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(deserializer).map(Some)
}

impl Window {
    /// Without any bound.
    pub(super) fn always() -> Self {
        Self {
            not_before: None,
            not_after: None,
            weekdays: None,
            from: None,
            until: None,
            time_zone: None,
        }
    }

    /// Whether it is as the contract says; names the field and what is expected.
    pub(super) fn check(&self) -> Result<(), (&'static str, &'static str)> {
        if let (Some(from), Some(until)) = (self.not_before, self.not_after)
            && from >= until
        {
            return Err(("/window", "not_before earlier than not_after"));
        }
        if let Some(days) = &self.weekdays {
            let once = |(index, day): (usize, &i8)| !days[..index].contains(day);
            let known = days.iter().all(|day| (1..=7).contains(day));
            if days.is_empty() || !known || !days.iter().enumerate().all(once) {
                return Err(("/window/weekdays", "1 to 7, each once, at least one"));
            }
        }
        match (self.from, self.until) {
            (None, None) => {}
            (Some(from), Some(until)) if from != until && from <= DAY && until <= DAY => {}
            _ => {
                let why = "from and until, two different minutes up to 1440, or neither";
                return Err(("/window", why));
            }
        }
        match (&self.time_zone, self.is_local()) {
            (Some(zone), true) if TimeZone::get(zone).is_ok() => Ok(()),
            (Some(_), true) => Err(("/window/time_zone", "an IANA time zone that is known here")),
            (None, false) => Ok(()),
            _ => {
                let why = "a time zone with weekdays or hours, and only with them";
                Err(("/window/time_zone", why))
            }
        }
    }

    fn is_local(&self) -> bool {
        self.weekdays.is_some() || self.from.is_some()
    }

    /// Whether it opens at `time`. A zone that is no longer known never does.
    pub(super) fn contains(&self, time: Timestamp) -> bool {
        let between = self.not_before.is_none_or(|from| from <= time)
            && self.not_after.is_none_or(|until| time < until);
        if !between || !self.is_local() {
            return between;
        }
        let zone = self.time_zone.as_deref().map(TimeZone::get);
        match zone {
            Some(Ok(zone)) => self.opens_at(zone.to_datetime(time)),
            _ => false,
        }
    }

    /// What the clocks on the spot show decides: an hour that they skip never comes, one that they
    /// repeat comes twice. What goes on past midnight belongs to the evening.
    fn opens_at(&self, local: DateTime) -> bool {
        let minute = u16::try_from(i32::from(local.hour()) * 60 + i32::from(local.minute()));
        let Ok(minute) = minute else {
            return false;
        };
        let (from, until) = (self.from.unwrap_or(0), self.until.unwrap_or(DAY));
        let past_midnight = from > until;
        let in_morning = past_midnight && minute < until;
        let in_evening = minute >= from && (past_midnight || minute < until);
        if !in_morning && !in_evening {
            return false;
        }
        let evening = if in_morning {
            local.date().checked_sub(1.day())
        } else {
            Ok(local.date())
        };
        let days = self.weekdays.as_deref();
        evening.is_ok_and(|evening| {
            let day = evening.weekday().to_monday_one_offset();
            days.is_none_or(|days| days.contains(&day))
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn window(json: &str) -> Window {
        let window: Window = serde_json::from_str(json).unwrap();
        window.check().unwrap();
        window
    }

    fn opens(window: &Window, times: &[&str]) -> Vec<bool> {
        let times = times.iter().map(|time| time.parse().unwrap());
        times.map(|time| window.contains(time)).collect()
    }

    #[test]
    fn hours_and_weekdays_are_those_of_the_zone() {
        // 2026-11-27 is a Friday; Moscow is UTC+3.
        let office =
            window(r#"{"weekdays":[5],"from":540,"until":1080,"time_zone":"Europe/Moscow"}"#);
        let times = [
            "2026-11-27T05:59:59Z",
            "2026-11-27T06:00:00Z",
            "2026-11-27T14:59:59Z",
            "2026-11-27T15:00:00Z",
            "2026-11-26T10:00:00Z",
            "2026-11-28T10:00:00Z",
        ];
        assert_eq!(
            opens(&office, &times),
            [false, true, true, false, false, false]
        );
        let elsewhere =
            window(r#"{"weekdays":[5],"from":540,"until":1080,"time_zone":"Asia/Vladivostok"}"#);
        assert_eq!(opens(&elsewhere, &["2026-11-27T06:00:00Z"]), [true]);
        assert_eq!(opens(&elsewhere, &["2026-11-27T14:00:00Z"]), [false]);
    }

    #[test]
    fn a_night_belongs_to_its_evening() {
        let night =
            window(r#"{"weekdays":[5],"from":1320,"until":360,"time_zone":"Europe/Moscow"}"#);
        let times = [
            "2026-11-27T20:00:00Z",
            "2026-11-28T02:00:00Z",
            "2026-11-28T03:00:00Z",
            "2026-11-27T01:00:00Z",
            "2026-11-28T20:00:00Z",
        ];
        assert_eq!(opens(&night, &times), [true, true, false, false, false]);
        let only_days = window(r#"{"weekdays":[6],"time_zone":"Europe/Moscow"}"#);
        let times = [
            "2026-11-27T20:59:59Z",
            "2026-11-27T21:00:00Z",
            "2026-11-28T20:59:59Z",
            "2026-11-28T21:00:00Z",
        ];
        assert_eq!(opens(&only_days, &times), [false, true, true, false]);
    }

    #[test]
    fn an_hour_that_the_clocks_skip_never_comes_and_one_that_they_repeat_comes_twice() {
        let hour = window(r#"{"from":120,"until":180,"time_zone":"Europe/Berlin"}"#);
        // 2026-03-29: 01:59:59 is followed by 03:00:00.
        let times = [
            "2026-03-29T00:59:59Z",
            "2026-03-29T01:00:00Z",
            "2026-03-29T01:30:00Z",
        ];
        assert_eq!(opens(&hour, &times), [false, false, false]);
        // 2026-10-25: 02:00 to 03:00 comes at UTC+2, then again at UTC+1.
        let times = [
            "2026-10-24T23:59:59Z",
            "2026-10-25T00:00:00Z",
            "2026-10-25T00:59:59Z",
            "2026-10-25T01:00:00Z",
            "2026-10-25T01:59:59Z",
            "2026-10-25T02:00:00Z",
        ];
        assert_eq!(opens(&hour, &times), [false, true, true, true, true, false]);
        // A night over the skipped hour goes on, and ends by the new time.
        let night =
            window(r#"{"weekdays":[6],"from":1320,"until":240,"time_zone":"Europe/Berlin"}"#);
        let times = ["2026-03-29T01:30:00Z", "2026-03-29T02:00:00Z"];
        assert_eq!(opens(&night, &times), [true, false]);
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for json in [
            r#"{"weekdays":[],"time_zone":"Europe/Moscow"}"#,
            r#"{"weekdays":[0],"time_zone":"Europe/Moscow"}"#,
            r#"{"weekdays":[8],"time_zone":"Europe/Moscow"}"#,
            r#"{"weekdays":[1,1],"time_zone":"Europe/Moscow"}"#,
            r#"{"weekdays":[1]}"#,
            r#"{"weekdays":[1],"time_zone":"Europe/Moskva"}"#,
            r#"{"time_zone":"Europe/Moscow"}"#,
            r#"{"from":540,"time_zone":"Europe/Moscow"}"#,
            r#"{"until":540,"time_zone":"Europe/Moscow"}"#,
            r#"{"from":540,"until":540,"time_zone":"Europe/Moscow"}"#,
            r#"{"from":540,"until":1441,"time_zone":"Europe/Moscow"}"#,
            r#"{"from":540,"until":1080}"#,
        ] {
            let window: Window = serde_json::from_str(json).unwrap();
            assert!(window.check().is_err(), "{json}");
        }
        for json in [
            r#"{"holidays":true}"#,
            r#"{"weekdays":null}"#,
            r#"{"from":-1}"#,
        ] {
            assert!(serde_json::from_str::<Window>(json).is_err(), "{json}");
        }
    }

    #[test]
    fn a_window_of_instants_is_kept_and_listed_as_before() {
        let json = r#"{"not_before":null,"not_after":"2027-01-01T00:00:00Z"}"#;
        assert_eq!(serde_json::to_string(&window(json)).unwrap(), json);
    }
}
