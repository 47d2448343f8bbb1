//! Durations in configuration: text such as `250ms`, `1m 30s` or `1095d`, in
//! jiff's friendly format or ISO 8601; a day is 24 hours.

use std::time::Duration;

use jiff::fmt::friendly::SpanPrinter;
use jiff::{Span, SpanRelativeTo};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serializer};

pub(crate) fn parse(text: &str) -> Result<Duration, &'static str> {
    const EXPECTED: &str = "not a duration; write for example 250ms, 30s, 12h or 30d";
    let span: Span = text.parse().map_err(|_| EXPECTED)?;
    let signed = span
        .to_duration(SpanRelativeTo::days_are_24_hours())
        .map_err(|_| EXPECTED)?;
    Duration::try_from(signed).map_err(|_| EXPECTED)
}

pub(crate) fn print(duration: &Duration) -> String {
    SpanPrinter::new().unsigned_duration_to_string(duration)
}

pub(crate) fn serialize<S: Serializer>(duration: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&print(duration))
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    parse(&String::deserialize(from)?).map_err(D::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_prints_and_days() {
        for (text, seconds) in [("1095d", 94_608_000), ("1m 30s", 90), ("PT2H", 7200)] {
            let duration = Duration::from_secs(seconds);
            assert_eq!(parse(text), Ok(duration), "{text}");
            assert_eq!(parse(&print(&duration)), Ok(duration));
        }
        let short = Duration::from_millis(250);
        assert_eq!(parse(&print(&short)), Ok(short));
    }

    #[test]
    fn refuses_what_has_no_fixed_length_or_runs_backwards() {
        for text in ["", "30", "-5s", "1 month", "soon"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
