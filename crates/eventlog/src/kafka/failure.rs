//! What librdkafka's errors mean to a reader of the log.

use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use crate::LogError;

/// The error, told to a reader. `what` is what was being done, with the name of
/// the topic or group.
pub(super) fn to_log_error(error: &KafkaError, what: &str) -> LogError {
    use RDKafkaErrorCode as Code;
    let advice = match code(error) {
        Some(Code::TopicAuthorizationFailed) => {
            "this process's principal lacks a right to the topic; grant it with kafka-acls"
        }
        Some(Code::GroupAuthorizationFailed) => {
            "this process's principal lacks the right Read to the group; grant it with kafka-acls"
        }
        Some(Code::ClusterAuthorizationFailed) => {
            "this process's principal may write to no topic; grant its rights with kafka-acls"
        }
        Some(Code::UnknownTopic | Code::UnknownTopicOrPartition | Code::UnknownPartition) => {
            "the topic is not there; make it with kafka-topics"
        }
        Some(Code::InvalidSessionTimeout) => {
            "session_timeout lies outside the brokers' group.min.session.timeout.ms and \
             group.max.session.timeout.ms; change one of them"
        }
        Some(Code::InconsistentGroupProtocol) => {
            "the group has members that join in another way; give this one a group of its own"
        }
        _ => return LogError::Unavailable(format!("{what}: {error}")),
    };
    LogError::Misconfigured(format!("{what}: {advice}"))
}

/// The code, if librdkafka gave one.
pub(super) fn code(error: &KafkaError) -> Option<RDKafkaErrorCode> {
    match error {
        KafkaError::AdminOp(code) => Some(*code),
        other => other.rdkafka_error_code(),
    }
}

/// Whether a reader's offset turned out not to be in the log.
pub(super) fn is_out_of_range(error: &KafkaError) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(
        code(error),
        Some(Code::AutoOffsetReset | Code::OffsetOutOfRange)
    )
}

/// Whether the question went to a broker that doesn't lead the partition, or not
/// any more.
pub(super) fn is_about_leaders(error: &KafkaError) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(
        code(error),
        Some(
            Code::FencedLeaderEpoch
                | Code::UnknownLeaderEpoch
                | Code::NotLeaderForPartition
                | Code::LeaderNotAvailable
                | Code::ReplicaNotAvailable
                | Code::BrokerNotAvailable
        )
    )
}
