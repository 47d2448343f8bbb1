use std::num::NonZeroU32;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::retention::Retention;
use crate::{KafkaOptions, LogError, duration_text};

/// How a log is opened. Every process that opens the same log is given the same
/// options. Durations are texts such as `5s`; unknown fields are refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogOptions {
    /// Partitions of each topic. A log that has another count refuses to open,
    /// since the partition of a key depends on it.
    pub partitions: NonZeroU32,
    /// How long an append, or a change of a group, may take before it is given up.
    #[serde(with = "duration_text")]
    pub append_timeout: Duration,
    /// How many appends of this process may wait; one more is refused at once.
    pub queue_capacity: usize,
    /// The most bytes of key, headers and value together that one record may have.
    pub max_record_bytes: usize,
    /// How long a member of a group may give no sign of life before its
    /// partitions go to the others.
    #[serde(with = "duration_text")]
    pub session_timeout: Duration,
    /// How long a member may take to give up a partition that another one waits
    /// for; then it loses it (Kafka's `max.poll.interval.ms`).
    #[serde(with = "duration_text")]
    pub rebalance_timeout: Duration,
    /// How often expired and superseded records are removed, where the adapter
    /// and not a broker does it.
    #[serde(with = "duration_text")]
    pub sweep_interval: Duration,
    /// How long each topic's records are kept.
    pub retention: Retention,
    /// How this process reaches Kafka; needed for `kafka://` and only there. This
    /// alone differs from process to process.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kafka: Option<KafkaOptions>,
}

impl Default for LogOptions {
    fn default() -> Self {
        Self {
            partitions: NonZeroU32::MIN.saturating_add(2),
            append_timeout: Duration::from_secs(5),
            queue_capacity: 1024,
            max_record_bytes: 1_000_000,
            session_timeout: Duration::from_secs(3),
            rebalance_timeout: Duration::from_secs(30),
            sweep_interval: Duration::from_secs(60),
            retention: Retention::default(),
            kafka: None,
        }
    }
}

impl LogOptions {
    /// Refuses values that can't work.
    ///
    /// # Errors
    /// [`LogError::Misconfigured`], naming the field and its bounds.
    pub fn validate(&self) -> Result<(), LogError> {
        let short = Duration::from_millis(1);
        let checks = [
            (
                self.partitions.get() <= 1024,
                "partitions must be 1 to 1024",
            ),
            (
                (1..=1_000_000).contains(&self.queue_capacity),
                "queue_capacity must be 1 to 1000000",
            ),
            (
                (1..=64_000_000).contains(&self.max_record_bytes),
                "max_record_bytes must be 1 to 64000000",
            ),
            (
                self.append_timeout >= short,
                "append_timeout must be at least 1ms",
            ),
            (
                self.session_timeout >= Duration::from_millis(100),
                "session_timeout must be at least 100ms",
            ),
            (
                self.rebalance_timeout >= self.session_timeout,
                "rebalance_timeout must be at least session_timeout",
            ),
            (
                self.sweep_interval >= short,
                "sweep_interval must be at least 1ms",
            ),
        ];
        match checks.into_iter().find(|(holds, _)| !holds) {
            Some((_, rule)) => Err(LogError::Misconfigured(rule.to_owned())),
            None => self.kafka.as_ref().map_or(Ok(()), KafkaOptions::validate),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::retention::Keep;

    #[test]
    fn defaults_are_valid_and_survive_being_written_down() {
        let options = LogOptions::default();
        options.validate().unwrap();
        let text = serde_json::to_string(&options).unwrap();
        assert_eq!(
            serde_json::from_str::<LogOptions>(&text).unwrap(),
            options,
            "{text}"
        );
    }

    #[test]
    fn a_misspelt_field_is_named() {
        for text in [
            r#"{"partition": 3}"#,
            r#"{"retention": {"access_event": "1d"}}"#,
        ] {
            let error = serde_json::from_str::<LogOptions>(text).unwrap_err();
            assert!(error.to_string().contains("unknown field"), "{error}");
        }
        assert!(serde_json::from_str::<LogOptions>(r#"{"partitions": 0}"#).is_err());
    }

    #[test]
    fn only_what_is_written_differs_from_the_defaults() {
        let read: LogOptions = serde_json::from_str(
            r#"{"append_timeout": "750ms", "retention": {"access_events": "forever"}}"#,
        )
        .unwrap();
        assert_eq!(read.append_timeout, Duration::from_millis(750));
        assert_eq!(read.retention.access_events, Keep::Forever);
        assert_eq!(read.queue_capacity, LogOptions::default().queue_capacity);
    }

    #[test]
    fn impossible_values_are_refused_by_name() {
        let refused = |options: LogOptions| options.validate().unwrap_err().to_string();
        let base = LogOptions::default;
        let none = Duration::ZERO;
        assert!(
            refused(LogOptions {
                queue_capacity: 0,
                ..base()
            })
            .contains("queue_capacity")
        );
        assert!(
            refused(LogOptions {
                append_timeout: none,
                ..base()
            })
            .contains("append_timeout")
        );
        assert!(
            refused(LogOptions {
                rebalance_timeout: none,
                ..base()
            })
            .contains("rebalance_timeout")
        );
    }
}
