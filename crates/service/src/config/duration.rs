//! Lengths of time as `10m`, `1h 30m`, `500ms`, `7d` (of 24 hours) or ISO 8601's `PT10M`, for
//! `#[serde(with = "service::config::duration")]` on [`std::time::Duration`]. Always above zero.

use std::time::Duration;

use jiff::{SignedDuration, Span, SpanRelativeTo};
use serde::{Deserialize, Deserializer, Serializer, de::Error as _};

/// Reads one length of time.
///
/// # Errors
/// Text that isn't one, or one that isn't above zero.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
}

/// Writes it as it is read.
///
/// # Errors
/// What the serializer reports, or a length above 292 billion years.
pub fn serialize<S: Serializer>(value: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    let signed = SignedDuration::try_from(*value).map_err(serde::ser::Error::custom)?;
    serializer.collect_str(&format_args!("{signed:#}"))
}

fn parse(text: &str) -> Result<Duration, String> {
    text.parse::<Span>()
        .and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()))
        .ok()
        .filter(SignedDuration::is_positive)
        .and_then(|length| Duration::try_from(length).ok())
        .ok_or_else(|| format!("`{text}` is no length of time; write one like 500ms, 1h 30m or 7d"))
}

/// The same for `Option<Duration>`; add `#[serde(default)]`, absent is `None`.
pub mod option {
    use super::{Deserialize, Deserializer, Duration, Serializer};

    /// Reads one length of time.
    ///
    /// # Errors
    /// As [`super::deserialize`].
    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Duration>, D::Error> {
        Option::<String>::deserialize(deserializer)?
            .map(|text| super::parse(&text).map_err(serde::de::Error::custom))
            .transpose()
    }

    /// Writes it as it is read.
    ///
    /// # Errors
    /// As [`super::serialize`].
    pub fn serialize<S: Serializer>(
        value: &Option<Duration>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match value {
            Some(length) => super::serialize(length, serializer),
            None => serializer.serialize_none(),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn lengths_are_read_and_nonsense_is_refused() {
        assert_eq!(parse("10m").unwrap(), Duration::from_secs(600));
        assert_eq!(parse("1h 30m").unwrap(), Duration::from_secs(5400));
        assert_eq!(parse("500ms").unwrap(), Duration::from_millis(500));
        assert_eq!(parse("PT10M").unwrap(), Duration::from_secs(600));
        assert_eq!(parse("7d").unwrap(), Duration::from_secs(7 * 86_400));
        for wrong in ["", "10", "ten minutes", "-5s", "0s", "5s ago", "1 month"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
