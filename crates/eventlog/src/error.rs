use crate::Topic;

/// An append was not acknowledged. The two cases differ in what may be done
/// next: only after [`AppendError::NotWritten`] is it certain that nobody will
/// ever read the record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// The record is not in the log and never will be.
    #[error("the record was not written: {reason}")]
    NotWritten {
        /// Why, and what to do next.
        reason: String,
    },
    /// Nobody can say yet: the record may be in the log, once, or appear in it
    /// later. Don't act on it; read the log to find out.
    #[error("the record may have been written: {reason}")]
    MaybeWritten {
        /// Why, and what to do next.
        reason: String,
    },
}

impl AppendError {
    pub(crate) fn not_written(reason: impl Into<String>) -> Self {
        Self::NotWritten {
            reason: reason.into(),
        }
    }

    pub(crate) fn maybe_written(reason: impl Into<String>) -> Self {
        Self::MaybeWritten {
            reason: reason.into(),
        }
    }

    /// Whether the record may be in the log in spite of the error.
    pub const fn may_be_written(&self) -> bool {
        matches!(self, Self::MaybeWritten { .. })
    }
}

/// Reading the log, or a group's membership, failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogError {
    /// The log can't be reached now. The same call may be repeated after a pause.
    #[error("the event log is unavailable: {0}; try again after a pause")]
    Unavailable(String),
    /// Retention has removed what was asked for. Nothing was skipped in silence:
    /// the reader decides whether it can go on from `start`.
    #[error(
        "{topic} partition {partition} now starts at offset {start}, after the requested {requested}; \
         rebuild from what is retained, or go on from the start offset"
    )]
    Truncated {
        /// The topic read.
        topic: Topic,
        /// The partition read.
        partition: u32,
        /// The offset that was to be read next.
        requested: u64,
        /// The first offset that the log still has.
        start: u64,
    },
    /// The position lies past the end: it belongs to another log, or this log
    /// has lost records.
    #[error(
        "{topic} partition {partition} ends at offset {end}, before the requested {requested}; \
         the position belongs to another log or this one has lost records"
    )]
    PastEnd {
        /// The topic read.
        topic: Topic,
        /// The partition read.
        partition: u32,
        /// The offset that was to be read next.
        requested: u64,
        /// The next offset that the log will write.
        end: u64,
    },
    /// The member does not own this partition now.
    #[error("{topic} partition {partition} is not assigned to this member of the group")]
    NotAssigned {
        /// The topic named.
        topic: Topic,
        /// The partition named.
        partition: u32,
    },
    /// The configuration, or a call, can't be right; repeating it won't help.
    #[error("the event log is misconfigured: {0}")]
    Misconfigured(String),
}

/// A group's position was not committed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// The partition is another member's by now. What was processed since the
    /// last commit will be processed again by its new owner.
    #[error("the partition is no longer this member's; drop its work and read on")]
    Fenced,
    /// The log can't be reached now, or did not answer in time; the commit may
    /// have happened. It may be repeated.
    #[error("the position could not be committed: {0}; try again after a pause")]
    Unavailable(String),
}
