//! Why the tool ends without having proven what it was asked to, and the exit code of each.

use crate::say::Say;

/// What a script learns from the exit code, and a person from the text.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Stop {
    /// What was given contradicts what was signed.
    #[error("REFUTED: {0}")]
    Refuted(String),
    /// The command line or a file that it names is wrong.
    #[error("{0}")]
    Usage(String),
    /// All that is kept is proven, and something is not kept any more: what was found, and what could
    /// not be looked at.
    #[error("PROVEN is what is kept; {1}")]
    Pruned(Box<Say>, String),
    /// Something is missing or can't be reached: it proves nothing, neither way.
    #[error("can't tell: {0}")]
    Unknown(String),
}

impl Stop {
    /// 1 to 4; 0 is for what is proven.
    pub(crate) fn code(&self) -> u8 {
        match self {
            Stop::Refuted(_) => 1,
            Stop::Usage(_) => 2,
            Stop::Unknown(_) => 3,
            Stop::Pruned(..) => 4,
        }
    }

    /// A word for scripts.
    pub(crate) fn verdict(&self) -> &'static str {
        match self {
            Stop::Refuted(_) => "refuted",
            Stop::Usage(_) => "usage",
            Stop::Unknown(_) => "unknown",
            Stop::Pruned(..) => "pruned",
        }
    }

    /// A file that can't be read.
    pub(crate) fn file(path: &std::path::Path, error: &std::io::Error) -> Self {
        Stop::Usage(format!("can't read {}: {error}", path.display()))
    }

    /// A file that can't be written.
    pub(crate) fn unwritten(path: &std::path::Path, error: &std::io::Error) -> Self {
        Stop::Unknown(format!("can't write {}: {error}", path.display()))
    }
}

impl From<auditlog::Error> for Stop {
    fn from(error: auditlog::Error) -> Self {
        use auditlog::Error;
        match &error {
            Error::Mismatch {
                log,
                object,
                detail,
            } => Stop::Refuted(format!("{log}: {object} {detail}")),
            Error::Untrusted { .. } | Error::InvalidProof => Stop::Refuted(error.to_string()),
            Error::Name { .. } | Error::Key(_) | Error::OutOfRange { .. } => {
                Stop::Usage(error.to_string())
            }
            Error::Missing { log, object } => Stop::Unknown(format!("{log}: {object} isn't there")),
            // With what the store said, which names the object.
            _ => Stop::Unknown(format!("{:#}", anyhow::Error::new(error))),
        }
    }
}

impl From<auditarchive::Error> for Stop {
    fn from(error: auditarchive::Error) -> Self {
        match error {
            auditarchive::Error::Log(error) => error.into(),
            auditarchive::Error::Walk(error) => error.into(),
            other => Stop::Unknown(other.to_string()),
        }
    }
}

impl From<auditlog::WalkError> for Stop {
    fn from(error: auditlog::WalkError) -> Self {
        match error {
            auditlog::WalkError::Log(error) => error.into(),
            cut @ auditlog::WalkError::CutShort { .. } => Stop::Unknown(cut.to_string()),
        }
    }
}
