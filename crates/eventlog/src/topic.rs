use std::fmt;
use std::str::FromStr;

/// A topic of the event log. The name carries the version of its contract: an
/// incompatible change is a new topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    /// Decisions, completions and the partner's access events, keyed by complex.
    AccessEvents,
    /// Changes of the registry, keyed by complex.
    RegistryEvents,
    /// Subjects and their sealed items. Compacted: the last record of a key
    /// stands for the key, and a tombstone erases it.
    Subjects,
    /// Device statuses, keyed by device.
    DeviceStatus,
    /// Who read which audit data, keyed by complex.
    AuditReads,
    /// What ingress refused, keyed by source.
    IngressRejected,
}

impl Topic {
    /// Every topic, in a fixed order.
    pub const ALL: [Self; 6] = [
        Self::AccessEvents,
        Self::RegistryEvents,
        Self::Subjects,
        Self::DeviceStatus,
        Self::AuditReads,
        Self::IngressRejected,
    ];

    /// The topic's name in the log and in contracts.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AccessEvents => "access.events.v1",
            Self::RegistryEvents => "registry.events.v1",
            Self::Subjects => "subjects.v1",
            Self::DeviceStatus => "device.status.v1",
            Self::AuditReads => "audit.reads.v1",
            Self::IngressRejected => "ingress.rejected.v1",
        }
    }

    /// Whether the topic keeps only the last record of each key (Kafka's
    /// `cleanup.policy=compact`) instead of expiring records by age.
    pub const fn is_compacted(self) -> bool {
        matches!(self, Self::Subjects)
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The text names no topic of this log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown topic; use one of the names in Topic::ALL")]
pub struct UnknownTopic;

impl FromStr for Topic {
    type Err = UnknownTopic;

    fn from_str(name: &str) -> Result<Self, UnknownTopic> {
        Self::ALL
            .into_iter()
            .find(|topic| topic.name() == name)
            .ok_or(UnknownTopic)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back_and_are_distinct() {
        for topic in Topic::ALL {
            assert_eq!(topic.name().parse(), Ok(topic));
        }
        assert_eq!("subjects.v2".parse::<Topic>(), Err(UnknownTopic));
    }
}
