use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::Timestamp;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Topic, duration_text};

/// How long records are kept: a duration such as `1095d`, or `forever`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// Never removed by age.
    Forever,
    /// Removed once their append time is this long ago.
    For(Duration),
}

/// What is kept of each topic. Pseudonyms are personal data, so nothing that
/// names a subject is kept for ever.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Retention {
    /// Of `access.events.v1`; 3 years unless set.
    pub access_events: Keep,
    /// Of `registry.events.v1`; for ever unless set, since no one is named in it.
    pub registry_events: Keep,
    /// Of `device.status.v1`; 90 days unless set.
    pub device_status: Keep,
    /// Of `audit.reads.v1`; 3 years unless set.
    pub audit_reads: Keep,
    /// Of `ingress.rejected.v1`; 30 days unless set.
    pub ingress_rejected: Keep,
    /// How long a tombstone of the compacted `subjects.v1` stays readable, so
    /// that slow readers see it too (Kafka's `delete.retention.ms`); 1 day
    /// unless set.
    pub subject_tombstones: Keep,
}

impl Default for Retention {
    fn default() -> Self {
        let days = |days: u64| Keep::For(Duration::from_secs(days * 24 * 60 * 60));
        Self {
            access_events: days(1095),
            registry_events: Keep::Forever,
            device_status: days(90),
            audit_reads: days(1095),
            ingress_rejected: days(30),
            subject_tombstones: days(1),
        }
    }
}

impl Retention {
    /// How long the topic's records are kept or, in the compacted topic, its
    /// tombstones.
    pub const fn of(&self, topic: Topic) -> Keep {
        match topic {
            Topic::AccessEvents => self.access_events,
            Topic::RegistryEvents => self.registry_events,
            Topic::Subjects => self.subject_tombstones,
            Topic::DeviceStatus => self.device_status,
            Topic::AuditReads => self.audit_reads,
            Topic::IngressRejected => self.ingress_rejected,
        }
    }
}

impl Keep {
    /// The append time before which records have expired at `now`, if any have.
    pub(crate) fn horizon(self, now: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Forever => None,
            Self::For(duration) => now.checked_sub(duration).ok(),
        }
    }
}

impl fmt::Display for Keep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Forever => f.write_str("forever"),
            Self::For(duration) => f.write_str(&duration_text::print(duration)),
        }
    }
}

impl FromStr for Keep {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "forever" => Ok(Self::Forever),
            _ => duration_text::parse(text).map(Self::For),
        }
    }
}

impl Serialize for Keep {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Keep {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}
