//! Errors on the wire: RFC 9457 `application/problem+json`, with the types of the contract.

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;

/// Prefix of every problem type of the contract.
pub(crate) const TYPE_PREFIX: &str = "urn:smarthome:problem:";

macro_rules! problems {
    ($($(#[$doc:meta])* $name:ident = $slug:literal, $status:literal, $title:literal;)*) => {
        /// The known types of problem.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Kind { $($(#[$doc])* $name,)* }

        impl Kind {
            /// Every type, for checking the contract's list.
            #[cfg(test)]
            pub(crate) const ALL: &[Kind] = &[$(Kind::$name,)*];

            /// Last part of the type URI.
            pub(crate) fn slug(self) -> &'static str {
                match self { $(Kind::$name => $slug,)* }
            }

            /// The HTTP status that always goes with the type.
            pub(crate) fn status(self) -> StatusCode {
                let code = match self { $(Kind::$name => $status,)* };
                StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
            }

            fn title(self) -> &'static str {
                match self { $(Kind::$name => $title,)* }
            }
        }
    };
}

problems! {
    InvalidRequest = "invalid-request", 400, "The request is not as the contract says.";
    TokenMissing = "token-missing", 401, "No bearer token was sent.";
    TokenInvalid = "token-invalid", 401, "The token is unknown, expired or bound to another certificate.";
    InsufficientScope = "insufficient-scope", 403, "The token's scope doesn't fit the operation.";
    WrongResource = "wrong-resource", 403, "The token is for another complex.";
    NotFound = "not-found", 404, "This API has no such path.";
    UnknownDevice = "unknown-device", 404, "The complex has no such device.";
    UnknownCommand = "unknown-command", 404, "The command was never seen.";
    MethodNotAllowed = "method-not-allowed", 405, "The path has no such method.";
    KeyReused = "key-reused", 409, "The command id belongs to another request.";
    KeyVersionConflict = "key-version-conflict", 409, "The key version holds another key or is too old.";
    UnknownKeyVersion = "unknown-key-version", 409, "No token key of that version is held.";
    Expired = "expired", 410, "The command expired before it could open.";
    Cancelled = "cancelled", 410, "The command was forbidden before it could open.";
    CursorExpired = "cursor-expired", 410, "Events after this cursor have been deleted.";
    BodyTooLarge = "body-too-large", 413, "The body is above the limit.";
    UnsupportedMediaType = "unsupported-media-type", 415, "The body is not of a type that is taken here.";
    DeviceOffline = "device-offline", 422, "The device can't be reached.";
    OperationNotSupported = "operation-not-supported", 422, "The device has no such operation.";
    UnwrapFailed = "unwrap-failed", 422, "The key can't be unwrapped.";
    RateLimited = "rate-limited", 429, "Too many requests.";
    Internal = "internal", 500, "Something failed here; nothing is certain.";
    Unavailable = "unavailable", 503, "Not available now.";
}

/// One thing that is wrong in a request. Never repeats the value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct FieldError {
    /// JSON Pointer into the body, or `header:NAME`, `path:NAME`, `query:NAME`.
    pub(crate) field: String,
    /// What is expected there.
    pub(crate) detail: String,
}

/// An error answer.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    pub(crate) kind: Kind,
    detail: String,
    errors: Vec<FieldError>,
    retry_after: Option<Duration>,
    challenge: Option<String>,
}

impl Problem {
    /// A problem with a word on what to do next.
    pub(crate) fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            detail: detail.into(),
            errors: Vec::new(),
            retry_after: None,
            challenge: None,
        }
    }

    /// `invalid-request`, for one field.
    pub(crate) fn field(field: impl Into<String>, detail: impl Into<String>) -> Self {
        let mut problem = Self::new(Kind::InvalidRequest, "Correct the fields named in errors.");
        problem.errors.push(FieldError {
            field: field.into(),
            detail: detail.into(),
        });
        problem
    }

    /// Adds `Retry-After`, in whole seconds, rounded up.
    pub(crate) fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// Adds a `WWW-Authenticate` challenge (RFC 6750 section 3).
    pub(crate) fn challenge(mut self, challenge: String) -> Self {
        self.challenge = Some(challenge);
        self
    }
}

#[derive(Serialize)]
struct Body<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    #[serde(skip_serializing_if = "str::is_empty")]
    detail: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [FieldError],
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.kind.status();
        let body = Body {
            r#type: format!("{TYPE_PREFIX}{}", self.kind.slug()),
            title: self.kind.title(),
            status: status.as_u16(),
            detail: &self.detail,
            errors: &self.errors,
        };
        let mut response = (status, axum::Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if let Some(wait) = self.retry_after {
            let seconds = wait.as_millis().div_ceil(1000).max(1);
            if let Ok(value) = HeaderValue::from_str(&seconds.to_string()) {
                headers.insert(header::RETRY_AFTER, value);
            }
        }
        if let Some(value) = self
            .challenge
            .and_then(|text| HeaderValue::from_str(&text).ok())
        {
            headers.insert(header::WWW_AUTHENTICATE, value);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_contract_lists_every_type_with_its_status() {
        let contract = include_str!("../../../proto/partner/openapi.yaml");
        for kind in Kind::ALL {
            let row = format!(
                "`{TYPE_PREFIX}{}` | {} |",
                kind.slug(),
                kind.status().as_u16()
            );
            assert!(contract.contains(&row), "not in the contract: {row}");
        }
        let listed = contract
            .lines()
            .filter(|l| l.trim_start().starts_with("| `urn:smarthome:problem:"))
            .count();
        assert_eq!(listed, Kind::ALL.len());
    }
}
