//! Requests that are refused whole, as `application/problem+json` (RFC 9457). The one place
//! where errors become HTTP. Nothing from the request is repeated.

use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::event::NotCloudEvents;
use crate::gateway::NotTaken;
use crate::quota::Exceeded;
use crate::telemetry;

/// After how many seconds a partner may send again what was not taken.
const RETRY_SECONDS: u64 = 5;

/// Why a request is refused whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Another content type than CloudEvents'.
    UnsupportedMediaType,
    /// More bytes than a body may have.
    BodyTooLarge {
        /// The limit.
        max: usize,
    },
    /// The body broke off or took too long.
    BodyIncomplete,
    /// As many requests in flight as there may be.
    Busy,
    /// The partner takes more than its share.
    Exceeded(Exceeded),
    /// It was read, and not taken.
    NotTaken(NotTaken),
    /// A method that the path doesn't have.
    MethodNotAllowed,
    /// No such path.
    NotFound,
}

/// The parts of a problem.
struct Problem {
    status: StatusCode,
    /// Last part of the type's URN.
    slug: &'static str,
    title: &'static str,
    /// Stable text for metrics and for the partner's engineers.
    reason: &'static str,
    detail: String,
    errors: Option<Value>,
}

impl Refusal {
    /// Stable text for the partner's engineers.
    pub(super) fn reason(&self) -> &'static str {
        self.problem().reason
    }

    /// After how many seconds it may be sent again, if ever.
    fn retry_after(&self, status: StatusCode) -> Option<u64> {
        match self {
            Self::Exceeded(Exceeded::Rate { wait }) => Some(wait.as_secs() + 1),
            _ if status == StatusCode::SERVICE_UNAVAILABLE
                || status == StatusCode::TOO_MANY_REQUESTS =>
            {
                Some(RETRY_SECONDS)
            }
            _ => None,
        }
    }

    fn problem(&self) -> Problem {
        let problem = |status, slug, title, reason, detail: &str| Problem {
            status,
            slug,
            title,
            reason,
            detail: detail.to_owned(),
            errors: None,
        };
        let too_large = |reason, detail: String| {
            problem(
                StatusCode::PAYLOAD_TOO_LARGE,
                "body-too-large",
                "Body too large",
                reason,
                &detail,
            )
        };
        let unavailable = |reason, detail| {
            let status = StatusCode::SERVICE_UNAVAILABLE;
            problem(status, "unavailable", "Come back later", reason, detail)
        };
        match self {
            Self::UnsupportedMediaType => problem(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported-media-type",
                "Unsupported media type",
                "content_type",
                "send application/cloudevents+json or application/cloudevents-batch+json, in UTF-8",
            ),
            Self::BodyTooLarge { max } => too_large(
                "body_bytes",
                format!("a body may have {max} bytes; send fewer events at once"),
            ),
            Self::BodyIncomplete => unavailable(
                "body_incomplete",
                "the body did not arrive whole in time; send it again",
            ),
            Self::Busy => unavailable("busy", "too many requests at once; send it again later"),
            Self::Exceeded(exceeded) => problem(
                StatusCode::TOO_MANY_REQUESTS,
                "rate-limited",
                "Too many requests",
                match exceeded {
                    Exceeded::Rate { .. } => "rate",
                    Exceeded::InFlight => "in_flight",
                },
                "more than this partner's share; send it again after Retry-After, several events at once",
            ),
            Self::MethodNotAllowed => problem(
                StatusCode::METHOD_NOT_ALLOWED,
                "method-not-allowed",
                "Method not allowed",
                "method",
                "POST /v1/events, POST /v1/events:validate, GET /v1/deliveries",
            ),
            Self::NotFound => problem(
                StatusCode::NOT_FOUND,
                "not-found",
                "Not found",
                "path",
                "POST /v1/events, POST /v1/events:validate, GET /v1/deliveries",
            ),
            Self::NotTaken(why) => match why {
                NotTaken::NotVerified(why) if why.is_certificate() => problem(
                    StatusCode::UNAUTHORIZED,
                    "certificate-refused",
                    "Certificate refused",
                    why.reason(),
                    &why.to_string(),
                ),
                NotTaken::NotVerified(why) => problem(
                    StatusCode::UNAUTHORIZED,
                    "signature-invalid",
                    "Signature invalid",
                    why.reason(),
                    &why.to_string(),
                ),
                NotTaken::NotCloudEvents(NotCloudEvents::TooMany { max }) => too_large(
                    "batch_events",
                    format!("a batch may have {max} events; send fewer at once"),
                ),
                NotTaken::NotCloudEvents(NotCloudEvents::Malformed { field, expected }) => {
                    Problem {
                        errors: Some(
                            json!([{ "field": field.as_str(), "detail": format!("expected {expected}") }]),
                        ),
                        ..problem(
                            StatusCode::BAD_REQUEST,
                            "not-cloudevents",
                            "Not CloudEvents",
                            "not_cloudevents",
                            "the body is no CloudEvent 1.0 in JSON, or no batch of them; see errors",
                        )
                    }
                }
                NotTaken::RegistryStale => unavailable("registry_stale", &why.to_string()),
                NotTaken::QueueFull => unavailable("queue_full", &why.to_string()),
                NotTaken::NotRecorded(_) => unavailable("not_recorded", &why.to_string()),
                NotTaken::NotSealed => unavailable("not_sealed", &why.to_string()),
            },
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let problem = self.problem();
        telemetry::refused(problem.reason, problem.status);
        let mut body = json!({
            "type": format!("urn:smarthome:problem:{}", problem.slug),
            "title": problem.title,
            "status": problem.status.as_u16(),
            "detail": problem.detail,
            "reason": problem.reason,
        });
        if let Some(errors) = problem.errors {
            body["errors"] = errors;
        }
        let json = HeaderValue::from_static("application/problem+json");
        let mut response =
            (problem.status, [(CONTENT_TYPE, json)], body.to_string()).into_response();
        if let Some(seconds) = self.retry_after(problem.status) {
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        response
    }
}

impl From<Exceeded> for Refusal {
    fn from(exceeded: Exceeded) -> Self {
        Self::Exceeded(exceeded)
    }
}

impl From<NotTaken> for Refusal {
    fn from(why: NotTaken) -> Self {
        Self::NotTaken(why)
    }
}
