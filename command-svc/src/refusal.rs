//! Every way to say no, mapped to gRPC in one place.

use std::collections::HashMap;
use std::time::Duration;

use domain::DeviceId;
use domain::registry::{Registry, StepUp};
use domain::vocabulary::Reason;
use jiff::Timestamp;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

/// `google.rpc.ErrorInfo` domain of every refusal.
const DOMAIN: &str = "smarthome.access";

/// When a refused call may be tried again, where that makes sense.
const RETRY: Duration = Duration::from_secs(1);

/// Why a call was refused. The texts are for developers and name no person.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// The caller's certificate is not on the list.
    #[error("the client certificate is not allowed here")]
    Caller,
    /// The access token is missing or not good.
    #[error("access token: {text}")]
    Token {
        /// Stable reason.
        reason: &'static str,
        /// What is wrong with it.
        text: String,
    },
    /// The access token is of somebody without the role.
    #[error("the access token is not one of an {0}")]
    Role(&'static str),
    /// No pass of the complex has that secret.
    #[error("no such pass in this complex")]
    PassUnknown,
    /// The issuer's keys can't be had.
    #[error("the issuer's keys can't be fetched; try again later")]
    KeysUnavailable,
    /// A field of the request is wrong.
    #[error("{field}: {why}")]
    Field {
        /// The field, as in the contract.
        field: String,
        /// What it must be.
        why: String,
    },
    /// Too much in flight.
    #[error("too many commands in flight; try again shortly")]
    Busy,
    /// Asked too often.
    #[error("too many commands in a short time; try again later")]
    RateLimited {
        /// When there is room again.
        retry: Duration,
    },
    /// The partner has as many commands as it may have at once.
    #[error("the partner is busy; nothing was carried out; try again shortly")]
    PartnerBusy,
    /// The partner fails at present.
    #[error("the partner does not answer at present; nothing was carried out; try again later")]
    PartnerFailing {
        /// When it is tried again, at the earliest.
        retry: Duration,
    },
    /// This instance does not know enough to decide.
    #[error("this instance is catching up with the log; try again shortly")]
    Stale,
    /// The log did not take the record, or may have: the command is not carried out.
    #[error("the event log is unavailable; nothing was carried out; try again with the same key")]
    Log,
    /// The log can't be read.
    #[error("the event log can't be read at present; try again shortly")]
    Unreadable,
    /// The same command is still under way.
    #[error("the command is still under way; ask again with the same key")]
    InProgress,
    /// The decision.
    #[error("denied: {0}")]
    Denied(Reason),
    /// The decision: the device requires another login.
    #[error("denied: STEP_UP_REQUIRED; have the user log in as `max_age` and `acr` say")]
    StepUp(StepUp),
    /// Faces may not be processed in the complex.
    #[error(
        "this complex has no legal basis for faces on record; once one is documented, record it in \
         the complex: face_basis with its type (CONSENT_IN_WRITING, 152-FZ art. 11) and date"
    )]
    NoLegalBasis,
    /// This instance lacks something that the call needs.
    #[error("{0}")]
    NotConfigured(String),
    /// The owner has as many active guest passes as they may.
    #[error("too many active guest passes; revoke one first")]
    TooManyPasses,
    /// The same key with another request.
    #[error("this idempotency key was used for another request; mint a new one")]
    KeyReused,
    /// No such thing, or none of the caller's.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// A change set expected another version.
    #[error("{0}")]
    Conflict(String),
    /// The partner is not in a state for this.
    #[error("partner: {0}")]
    Partner(String),
    /// The partner can't be reached.
    #[error("partner: {0}; try again later")]
    PartnerUnavailable(String),
    /// A legal hold stands in the way.
    #[error(
        "a legal hold stands since {}: {reason}; release it first",
        date(since)
    )]
    Held {
        /// Why.
        reason: String,
        /// Since when.
        since: Timestamp,
    },
    /// A fault of this service. Details are in its log.
    #[error("internal error; the service's log has the details")]
    Internal,
}

impl Refusal {
    /// A wrong field.
    pub(crate) fn field(field: impl Into<String>, why: impl Into<String>) -> Self {
        Refusal::Field {
            field: field.into(),
            why: why.into(),
        }
    }

    /// A denial of `device`, with what is required where that is known.
    pub(crate) fn denied(registry: &Registry, device: &DeviceId, reason: Reason) -> Self {
        let device = registry.device(device);
        match (reason, device.and_then(|device| device.step_up.as_ref())) {
            (Reason::StepUpRequired, Some(step_up)) => Refusal::StepUp(step_up.clone()),
            _ => Refusal::Denied(reason),
        }
    }

    /// Stable reason, for `ErrorInfo` and metrics.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Refusal::Caller => "CALLER_NOT_ALLOWED",
            Refusal::Token { reason, .. } => reason,
            Refusal::Role(_) => "ROLE_REQUIRED",
            Refusal::PassUnknown => "PASS_UNKNOWN",
            Refusal::KeysUnavailable => "KEYS_UNAVAILABLE",
            Refusal::Field { .. } => "INVALID_FIELD",
            Refusal::Busy => "BUSY",
            Refusal::RateLimited { .. } => "RATE_LIMITED",
            Refusal::PartnerBusy => "PARTNER_BUSY",
            Refusal::PartnerFailing { .. } => "PARTNER_FAILING",
            Refusal::Stale => "REGISTRY_STALE",
            Refusal::Log | Refusal::Unreadable => "LOG_UNAVAILABLE",
            Refusal::InProgress => "IN_PROGRESS",
            Refusal::Denied(reason) => reason.as_str(),
            Refusal::StepUp(_) => Reason::StepUpRequired.as_str(),
            Refusal::NoLegalBasis => "NO_LEGAL_BASIS",
            Refusal::NotConfigured(_) => "NOT_CONFIGURED",
            Refusal::TooManyPasses => "TOO_MANY_PASSES",
            Refusal::KeyReused => "KEY_REUSED",
            Refusal::NotFound(_) => "NOT_FOUND",
            Refusal::Conflict(_) => "VERSION_CONFLICT",
            Refusal::Partner(_) => "PARTNER_REFUSED",
            Refusal::PartnerUnavailable(_) => "PARTNER_UNAVAILABLE",
            Refusal::Held { .. } => "LEGAL_HOLD",
            Refusal::Internal => "INTERNAL",
        }
    }

    /// Whether it was refused before anything was decided or recorded, for lack of room.
    pub(crate) fn is_not_admitted(&self) -> bool {
        matches!(
            self,
            Refusal::Busy
                | Refusal::RateLimited { .. }
                | Refusal::PartnerBusy
                | Refusal::PartnerFailing { .. }
        )
    }

    /// When it makes sense to try again.
    fn retry(&self) -> Duration {
        match self {
            Refusal::RateLimited { retry } | Refusal::PartnerFailing { retry } => *retry,
            _ => RETRY,
        }
    }

    fn code(&self) -> Code {
        match self {
            Refusal::Caller | Refusal::Role(_) => Code::PermissionDenied,
            Refusal::Token { .. } | Refusal::PassUnknown => Code::Unauthenticated,
            Refusal::Field { .. } => Code::InvalidArgument,
            Refusal::KeysUnavailable
            | Refusal::Busy
            | Refusal::PartnerBusy
            | Refusal::PartnerFailing { .. }
            | Refusal::Stale
            | Refusal::Log
            | Refusal::Unreadable
            | Refusal::InProgress
            | Refusal::PartnerUnavailable(_) => Code::Unavailable,
            Refusal::RateLimited { .. } => Code::ResourceExhausted,
            Refusal::Denied(reason) => denial(*reason),
            Refusal::StepUp(_) => denial(Reason::StepUpRequired),
            Refusal::KeyReused => Code::AlreadyExists,
            Refusal::NotFound(_) => Code::NotFound,
            Refusal::Conflict(_) => Code::Aborted,
            Refusal::NoLegalBasis
            | Refusal::NotConfigured(_)
            | Refusal::TooManyPasses
            | Refusal::Held { .. }
            | Refusal::Partner(_) => Code::FailedPrecondition,
            Refusal::Internal => Code::Internal,
        }
    }
}

/// Status of a denial. Reasons that never deny are faults if they get here.
fn denial(reason: Reason) -> Code {
    match reason {
        Reason::NoGrant
        | Reason::GrantRevoked
        | Reason::OutsideWindow
        | Reason::UsesExhausted
        | Reason::DeviceDisabled
        | Reason::OutOfPerimeter
        | Reason::OperationNotAllowed
        | Reason::PartnerSuspended
        | Reason::StepUpRequired => Code::PermissionDenied,
        Reason::CommandExpired => Code::FailedPrecondition,
        Reason::Cooldown => Code::ResourceExhausted,
        Reason::RegistryStale => Code::Unavailable,
        Reason::Granted
        | Reason::PartnerExecuted
        | Reason::PartnerRejected
        | Reason::PartnerOverloaded
        | Reason::PartnerReported
        | Reason::DeviceOffline
        | Reason::PartnerUnreachable
        | Reason::PartnerSilent
        | Reason::PartnerUnintelligible
        | Reason::Fenced => Code::Internal,
    }
}

/// The day, in UTC.
fn date(at: &Timestamp) -> String {
    at.strftime("%Y-%m-%d").to_string()
}

/// `google.rpc.ErrorInfo` metadata: the login that is required, as the parameters of a new
/// authorization request (RFC 9470, section 4).
fn metadata(refusal: &Refusal) -> HashMap<String, String> {
    let mut metadata = HashMap::new();
    if let Refusal::StepUp(step_up) = refusal {
        metadata.insert("max_age".to_owned(), step_up.max_age_seconds.to_string());
        if let Some(acr) = &step_up.acr {
            metadata.insert("acr".to_owned(), acr.clone());
        }
    }
    metadata
}

impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Self {
        let code = refusal.code();
        let mut details =
            ErrorDetails::with_error_info(refusal.reason(), DOMAIN, metadata(&refusal));
        if matches!(
            code,
            Code::Unavailable | Code::ResourceExhausted | Code::Aborted
        ) {
            details.set_retry_info(Some(refusal.retry()));
        }
        if let Refusal::Field { field, why } = &refusal {
            details.add_bad_request_violation(field, why);
        }
        Status::with_error_details(code, refusal.to_string(), details)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_unknown_device_and_a_missing_grant_look_the_same() {
        let status = Status::from(Refusal::Denied(Reason::NoGrant));
        assert_eq!(status.code(), Code::PermissionDenied);
        assert_eq!(status.get_details_error_info().unwrap().reason, "NO_GRANT");
    }

    #[test]
    fn a_login_that_is_required_is_told() {
        let status = Status::from(Refusal::StepUp(StepUp {
            max_age_seconds: 300,
            acr: Some("gold".to_owned()),
        }));
        assert_eq!(status.code(), Code::PermissionDenied);
        let info = status.get_details_error_info().unwrap();
        assert_eq!(info.reason, "STEP_UP_REQUIRED");
        assert_eq!(info.metadata["max_age"], "300");
        assert_eq!(info.metadata["acr"], "gold");
        let other = Status::from(Refusal::Denied(Reason::NoGrant));
        let info = other.get_details_error_info().unwrap();
        assert!(info.metadata.is_empty());
    }

    #[test]
    fn what_may_be_tried_again_says_when() {
        for refusal in [
            Refusal::Stale,
            Refusal::Log,
            Refusal::Busy,
            Refusal::PartnerBusy,
            Refusal::Denied(Reason::Cooldown),
        ] {
            let status = Status::from(refusal);
            assert!(
                status
                    .get_details_retry_info()
                    .unwrap()
                    .retry_delay
                    .is_some()
            );
        }
        assert!(
            Status::from(Refusal::Denied(Reason::NoGrant))
                .get_details_retry_info()
                .is_none()
        );
    }

    #[test]
    fn a_wait_that_is_known_is_told() {
        let retry = Duration::from_secs(42);
        for (refusal, code) in [
            (Refusal::RateLimited { retry }, Code::ResourceExhausted),
            (Refusal::PartnerFailing { retry }, Code::Unavailable),
        ] {
            assert!(refusal.is_not_admitted());
            let status = Status::from(refusal);
            assert_eq!(status.code(), code);
            let told = status.get_details_retry_info().unwrap();
            assert_eq!(told.retry_delay, Some(retry));
        }
    }

    #[test]
    fn a_wrong_field_is_named() {
        let status = Status::from(Refusal::field("device_id", "expected <complex>.<device>"));
        let violations = status.get_details_bad_request().unwrap().field_violations;
        assert_eq!(violations[0].field, "device_id");
        assert_eq!(status.code(), Code::InvalidArgument);
    }
}
