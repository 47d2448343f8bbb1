//! Why a call is refused, and the one place that makes a gRPC status of it.

use std::time::Duration;

use auditlog::{Error as LogError, WalkError};
use authn::peer::PeerRefused;
use authn::token::TokenError;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, StatusExt as _};

use crate::store::StoreError;

/// The domain of every `google.rpc.ErrorInfo`.
const DOMAIN: &str = "smarthome.access";
/// When to try again.
const RETRY: Duration = Duration::from_secs(1);

/// Why a call is refused.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The certificate isn't that of a reader.
    Peer(PeerRefused),
    /// The access token isn't taken.
    Token(TokenError),
    /// The access token lacks the role.
    Role,
    /// Nobody has registered the reader.
    UnknownReader,
    /// There is nothing of that name, or the caller isn't told.
    NotFound(Missing),
    /// Fields of the request are wrong.
    Fields(Vec<FieldViolation>),
    /// The tree isn't that large.
    OutsideTree,
    /// More calls than are taken at once.
    Busy,
    /// The deadline has passed.
    Deadline,
    /// Something that is needed isn't there yet, or not now.
    Unavailable(&'static str),
    /// What is stored contradicts itself.
    Contradiction(&'static str),
    /// A fault of this program.
    Internal,
}

/// What there isn't.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Missing {
    /// The complex, or the right to know about it.
    Complex,
    /// The record.
    Record,
    /// The device's status, or the right to know about it.
    Device,
    /// The log, or its checkpoint.
    Checkpoint,
    /// The record's leaf, which was pruned.
    Leaf,
}

impl Missing {
    fn text(self) -> (&'static str, &'static str) {
        match self {
            Self::Complex => ("COMPLEX_NOT_FOUND", "no such complex"),
            Self::Record => ("RECORD_NOT_FOUND", "no such record in this complex"),
            Self::Device => ("DEVICE_NOT_FOUND", "no status of such a device"),
            Self::Checkpoint => ("CHECKPOINT_NOT_FOUND", "this log has no checkpoint yet"),
            Self::Leaf => (
                "LEAF_PRUNED",
                "the record is pruned, expired; its hash is still in the tree",
            ),
        }
    }
}

impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Self {
        let (code, reason, message) = told(&refusal);
        let mut details = ErrorDetails::with_error_info(reason, DOMAIN, []);
        if matches!(code, Code::Unavailable | Code::ResourceExhausted) {
            details.set_retry_info(Some(RETRY));
        }
        if let Refusal::Fields(violations) = refusal {
            details.set_bad_request(violations);
        }
        Self::with_error_details(code, message, details)
    }
}

fn told(refusal: &Refusal) -> (Code, &'static str, String) {
    match refusal {
        Refusal::Peer(refused) => (
            Code::PermissionDenied,
            "PEER_NOT_ALLOWED",
            refused.to_string(),
        ),
        Refusal::Token(error) if error.is_unavailable() => {
            (Code::Unavailable, error.reason(), error.to_string())
        }
        Refusal::Token(error) => (Code::Unauthenticated, error.reason(), error.to_string()),
        Refusal::Role => {
            let text = "the access token lacks the role of an auditor";
            (Code::PermissionDenied, "ROLE_REQUIRED", text.to_owned())
        }
        Refusal::UnknownReader => {
            let text = "this reader is not registered, so that reads could not be recorded; an operator \
                        does it: smarthomectl subject register";
            (Code::PermissionDenied, "READER_UNKNOWN", text.to_owned())
        }
        Refusal::NotFound(missing) => {
            let (reason, text) = missing.text();
            (Code::NotFound, reason, text.to_owned())
        }
        Refusal::Fields(violations) => {
            let fields: Vec<&str> = violations.iter().map(|v| v.field.as_str()).collect();
            let text = format!("wrong in the request: {}", fields.join(", "));
            (Code::InvalidArgument, "INVALID_ARGUMENT", text)
        }
        Refusal::OutsideTree => {
            let text = "sizes must be 1 or more, in order, and within the newest checkpoint";
            (Code::OutOfRange, "OUTSIDE_TREE", text.to_owned())
        }
        Refusal::Busy => {
            let text = "too many calls at once; try again";
            (Code::ResourceExhausted, "TOO_MANY_CALLS", text.to_owned())
        }
        Refusal::Deadline => {
            let text = "the deadline has passed; ask for less or allow more time";
            (Code::DeadlineExceeded, "DEADLINE_EXCEEDED", text.to_owned())
        }
        Refusal::Unavailable(reason) => {
            let text = "not available now; try again";
            (Code::Unavailable, reason, text.to_owned())
        }
        Refusal::Contradiction(reason) => {
            let text = "the audit log is damaged; tell its operator";
            (Code::DataLoss, reason, text.to_owned())
        }
        Refusal::Internal => (Code::Internal, "INTERNAL", "an internal error".to_owned()),
    }
}

impl From<TokenError> for Refusal {
    fn from(error: TokenError) -> Self {
        Self::Token(error)
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        let chain = chain(&error);
        match error {
            StoreError::Unavailable(_) | StoreError::Superseded => {
                tracing::warn!(error = chain, "views not readable");
                Self::Unavailable("VIEWS_UNAVAILABLE")
            }
            StoreError::Schema { .. } | StoreError::Refused(_) => {
                tracing::error!(error = chain, "views not readable");
                Self::Unavailable("VIEWS_UNAVAILABLE")
            }
            StoreError::Url | StoreError::Corrupt { .. } => {
                tracing::error!(error = chain, "views not readable");
                Self::Internal
            }
        }
    }
}

impl From<auditarchive::Error> for Refusal {
    fn from(error: auditarchive::Error) -> Self {
        use auditarchive::Error;
        match error {
            Error::Log(error) | Error::Walk(WalkError::Log(error)) => error.into(),
            Error::Walk(WalkError::CutShort { .. }) => {
                tracing::error!(error = chain(&error), "the audit log can't be trusted");
                Self::Contradiction("AUDIT_LOG_UNTRUSTED")
            }
            Error::Object { .. } => {
                tracing::warn!(error = chain(&error), "audit log not readable");
                Self::Unavailable("AUDIT_LOG_UNAVAILABLE")
            }
            Error::Room(_) | Error::Output(_) => {
                tracing::error!(error = chain(&error), "no room for an export's records");
                Self::Unavailable("EXPORT_NO_ROOM")
            }
            Error::Pruned { .. } => {
                let text = "some of it has expired and was pruned; ask for a later time";
                Self::Fields(vec![FieldViolation::new("from", text)])
            }
            Error::TooMuch { .. } | Error::TooLarge { .. } => {
                let text = "too much for one export; ask for less time";
                Self::Fields(vec![FieldViolation::new("until", text)])
            }
        }
    }
}

impl From<LogError> for Refusal {
    fn from(error: LogError) -> Self {
        match &error {
            LogError::NoCheckpoint { .. } => Self::NotFound(Missing::Checkpoint),
            LogError::OutOfRange { .. } => Self::OutsideTree,
            LogError::Pruned { .. } => Self::NotFound(Missing::Leaf),
            LogError::Mismatch { .. } | LogError::Missing { .. } | LogError::Untrusted { .. } => {
                tracing::error!(error = chain(&error), "the audit log can't be trusted");
                Self::Contradiction("AUDIT_LOG_UNTRUSTED")
            }
            LogError::Store(_) | LogError::Folder(_) => {
                tracing::warn!(error = chain(&error), "audit log not readable");
                Self::Unavailable("AUDIT_LOG_UNAVAILABLE")
            }
            LogError::Name { .. }
            | LogError::Key(_)
            | LogError::KeyFile(_)
            | LogError::Scheme { .. }
            | LogError::Options(_)
            | LogError::Unfit { .. }
            | LogError::Head { .. }
            | LogError::Conflict { .. }
            | LogError::Order { .. }
            | LogError::Amount { .. }
            | LogError::Closed { .. }
            | LogError::InvalidProof => {
                tracing::error!(error = chain(&error), "audit log not readable");
                Self::Internal
            }
        }
    }
}

fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let chain = anyhow::Chain::new(error).map(ToString::to_string);
    chain.collect::<Vec<_>>().join(": ")
}
