use crate::Topic;

/// What topics and groups are called in the cluster.
#[derive(Debug, Clone)]
pub(super) struct Names {
    prefix: String,
}

impl Names {
    pub(super) fn new(prefix: &str) -> Self {
        Self {
            prefix: prefix.to_owned(),
        }
    }

    pub(super) fn topic(&self, topic: Topic) -> String {
        format!("{}{topic}", self.prefix)
    }

    pub(super) fn group(&self, group: &str) -> String {
        format!("{}{group}", self.prefix)
    }

    /// The topic of this name, if it is one of this log's.
    pub(super) fn parse(&self, name: &str) -> Option<Topic> {
        name.strip_prefix(&self.prefix)?.parse().ok()
    }
}

/// Kafka's number of a partition.
pub(super) fn to_kafka(partition: u32) -> i32 {
    // The options allow 1024 at most.
    i32::try_from(partition).unwrap_or(i32::MAX)
}
