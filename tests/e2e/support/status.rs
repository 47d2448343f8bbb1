//! What a refusal says.

use tonic::{Code, Status};
use tonic_types::StatusExt as _;

/// A refusal, as a caller can tell it from others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) code: Code,
    /// Of `google.rpc.ErrorInfo`; empty where there is none.
    pub(crate) reason: String,
    /// Of `google.rpc.BadRequest`.
    pub(crate) fields: Vec<String>,
}

impl Told {
    pub(crate) fn new(code: Code, reason: &str, fields: &[&str]) -> Self {
        Self {
            code,
            reason: reason.to_owned(),
            fields: fields.iter().map(|field| (*field).to_owned()).collect(),
        }
    }
}

impl From<&Status> for Told {
    fn from(status: &Status) -> Self {
        let details = status.get_error_details();
        let violations = details.bad_request().map(|bad| bad.field_violations.iter());
        Self {
            code: status.code(),
            reason: details
                .error_info()
                .map(|info| info.reason.clone())
                .unwrap_or_default(),
            fields: violations
                .into_iter()
                .flatten()
                .map(|violation| violation.field.clone())
                .collect(),
        }
    }
}

/// The refusal of a call that must be refused.
pub(crate) fn told<T>(answer: Result<T, Status>) -> Told {
    match answer {
        Ok(_) => Told::new(Code::Ok, "", &[]),
        Err(status) => Told::from(&status),
    }
}

/// Whether the caller was told when to try again.
pub(crate) fn says_when(status: &Status) -> bool {
    let retry = status.get_details_retry_info();
    retry.is_some_and(|retry| retry.retry_delay.is_some())
}
