use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{LogError, Topic, duration_text};

/// What waits longer is late for a caller who waits for it.
const LONGEST_LINGER: Duration = Duration::from_millis(100);

/// How this process reaches a log on Apache Kafka, and what it does there.
///
/// The topics are made beforehand, with the settings that the rest of
/// [`LogOptions`](crate::LogOptions) names; opening compares them and changes
/// nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KafkaOptions {
    /// PEM file of the authorities that brokers' certificates must come from.
    pub ca: Option<PathBuf>,
    /// PEM file of this process's certificate, with its chain.
    pub certificate: Option<PathBuf>,
    /// PEM file of the certificate's private key, not encrypted.
    pub private_key: Option<PathBuf>,
    /// Talks plain text, unauthenticated; only for a broker on the same machine
    /// that guards nothing.
    pub insecure: bool,
    /// The topics that this process appends to. That it may is tried when the
    /// log is opened; appends to others are refused.
    #[serde(with = "topic_names")]
    pub appends: Vec<Topic>,
    /// The topics that this process reads. That it may is tried when the log is
    /// opened; reads of others are refused.
    #[serde(with = "topic_names")]
    pub reads: Vec<Topic>,
    /// The least `min.insync.replicas` that a topic must have: an acknowledged
    /// record is held by so many brokers.
    pub min_insync_replicas: NonZeroU32,
    /// How long a record may wait for others, so that a request to a broker takes more of them. None
    /// unless set: then those share one that come while the one before is under way. For a process
    /// that appends much rather than soon.
    #[serde(with = "duration_text")]
    pub linger: Duration,
    /// Put before the name of each topic and group, so that logs can share a
    /// cluster; empty unless set.
    pub prefix: String,
}

impl Default for KafkaOptions {
    fn default() -> Self {
        Self {
            ca: None,
            certificate: None,
            private_key: None,
            insecure: false,
            appends: Vec::new(),
            reads: Vec::new(),
            min_insync_replicas: NonZeroU32::MIN.saturating_add(1),
            linger: Duration::ZERO,
            prefix: String::new(),
        }
    }
}

impl KafkaOptions {
    /// Refuses values that can't work.
    ///
    /// # Errors
    /// [`LogError::Misconfigured`], naming the field.
    pub fn validate(&self) -> Result<(), LogError> {
        let files = [&self.ca, &self.certificate, &self.private_key];
        let given = files.iter().filter(|file| file.is_some()).count();
        let named = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        let checks = [
            (
                given == if self.insecure { 0 } else { files.len() },
                "kafka needs ca, certificate and private_key, or insecure = true without them",
            ),
            (
                !(self.appends.is_empty() && self.reads.is_empty()),
                "kafka.appends and kafka.reads must name the topics that this process uses",
            ),
            (
                self.linger <= LONGEST_LINGER,
                "kafka.linger must be at most 100ms",
            ),
            (
                self.prefix.len() <= 64 && self.prefix.chars().all(named),
                "kafka.prefix must be at most 64 letters, digits, dots, underscores and hyphens",
            ),
        ];
        match checks.into_iter().find(|(holds, _)| !holds) {
            Some((_, rule)) => Err(LogError::Misconfigured(rule.to_owned())),
            None => Ok(()),
        }
    }
}

/// Topics by their names in the log.
mod topic_names {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::Topic;

    pub(super) fn serialize<S: Serializer>(topics: &[Topic], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(topics.iter().map(|topic| topic.name()))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Topic>, D::Error> {
        let names = Vec::<String>::deserialize(from)?;
        let parsed = names
            .iter()
            .map(|name| name.parse().map_err(D::Error::custom));
        parsed.collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn read(text: &str) -> KafkaOptions {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn survives_being_written_down() {
        let options = read(
            r#"{"ca": "/ca", "certificate": "/c", "private_key": "/k",
                "appends": ["access.events.v1"], "reads": ["subjects.v1"]}"#,
        );
        options.validate().unwrap();
        assert_eq!(options.reads, [Topic::Subjects]);
        assert_eq!(options.min_insync_replicas.get(), 2);
        assert_eq!(read(&serde_json::to_string(&options).unwrap()), options);
        assert!(serde_json::from_str::<KafkaOptions>(r#"{"reads": ["subject"]}"#).is_err());
    }

    #[test]
    fn plain_text_is_never_an_oversight() {
        let refused = |text: &str| read(text).validate().unwrap_err().to_string();
        assert!(refused(r#"{"reads": ["subjects.v1"]}"#).contains("insecure = true"));
        assert!(
            refused(r#"{"reads": ["subjects.v1"], "ca": "/ca", "insecure": true}"#)
                .contains("insecure = true")
        );
        read(r#"{"reads": ["subjects.v1"], "insecure": true}"#)
            .validate()
            .unwrap();
        assert!(refused(r#"{"insecure": true}"#).contains("kafka.appends"));
        let slow = r#"{"reads": ["subjects.v1"], "insecure": true, "linger": "1s"}"#;
        assert!(refused(slow).contains("kafka.linger"));
    }
}
