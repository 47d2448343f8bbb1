//! When to try again: exponential with full jitter, never before the receiver asked.

use std::time::Duration;

use aws_lc_rs::rand;
use http::{HeaderMap, header};
use jiff::Timestamp;

/// The bounds of the wait.
#[derive(Debug, Clone, Copy)]
pub(super) struct Backoff {
    pub(super) min: Duration,
    pub(super) max: Duration,
}

impl Backoff {
    /// The wait after the attempt with this number (from 1): random below `min * 2^(n-1)` and
    /// `max`, but at least what the receiver asked for.
    pub(super) fn wait(self, attempt: u32, asked: Option<Duration>) -> Duration {
        let doubled = self
            .min
            .saturating_mul(2_u32.saturating_pow(attempt.saturating_sub(1)));
        let jittered = doubled.min(self.max).mul_f64(fraction());
        jittered.max(asked.unwrap_or(Duration::ZERO))
    }
}

/// A random number from 0 to 1; 1 if the generator fails, which waits longest.
fn fraction() -> f64 {
    let mut bytes = [0xff; 4];
    let _ = rand::fill(&mut bytes);
    f64::from(u32::from_be_bytes(bytes)) / f64::from(u32::MAX)
}

/// Reads `Retry-After` (RFC 9110 section 10.2.3): seconds, or an HTTP date.
pub(super) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::DateTimeParser::new()
        .parse_timestamp(text)
        .ok()?;
    Some(Duration::try_from(date.duration_since(now)).unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn waits_grow_to_the_bound_and_honour_the_receiver() {
        let backoff = Backoff {
            min: Duration::from_secs(1),
            max: Duration::from_secs(60),
        };
        for attempt in 1..100 {
            let bound = Duration::from_secs(1 << (attempt - 1).min(6)).min(backoff.max);
            assert!(backoff.wait(attempt, None) <= bound);
        }
        let asked = Duration::from_secs(90);
        assert_eq!(backoff.wait(1, Some(asked)), asked);
    }

    #[test]
    fn retry_after_is_read_in_both_forms() {
        let now: Timestamp = "1994-11-06T08:49:00Z".parse().unwrap();
        let read = |text: &str| {
            let headers = HeaderMap::from_iter([(header::RETRY_AFTER, text.parse().unwrap())]);
            retry_after(&headers, now).map(|wait| wait.as_secs())
        };
        assert_eq!(read("7"), Some(7));
        assert_eq!(read("Sun, 06 Nov 1994 08:49:37 GMT"), Some(37));
        assert_eq!(read("Sun, 06 Nov 1994 08:48:37 GMT"), Some(0));
        assert_eq!(read("soon"), None);
    }
}
