//! What is answered, and the one place that makes HTTP of it.

use std::time::Duration;

use auditlog::PublishedObject;
use aws_lc_rs::digest::{SHA256, digest};
use axum::body::Body;
use axum::http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, ETAG, IF_NONE_MATCH, RETRY_AFTER, VARY,
    WWW_AUTHENTICATE,
};
use axum::http::response::Builder;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;

use crate::serve::call::Answer as Given;
use crate::serve::status::Refusal;

const TEXT: &str = "text/plain; charset=utf-8";
const BINARY: &str = "application/octet-stream";
/// A checkpoint is replaced whenever something is recorded.
const BRIEFLY: &str = "public, max-age=5";
/// A tile of a width never changes.
const FOR_EVER: &str = "public, max-age=31536000, immutable";
/// Nor does a bundle, but it is for whoever asked.
const FOR_EVER_TO_ONE: &str = "private, max-age=31536000, immutable";
const NOT: &str = "no-store";

/// What is answered.
pub(super) enum Answer {
    /// The object.
    Object(PublishedObject, Given<Bytes>),
    /// Why not.
    Refused(Refusal),
    /// The address asks too often; it may again after this time.
    TooOften(Duration),
    /// Only GET and HEAD.
    MethodNotAllowed,
}

impl Answer {
    /// As HTTP, to a request of this method and with these headers.
    pub(super) fn respond(self, method: &Method, headers: &HeaderMap) -> Response {
        let (response, body) = match self {
            Self::Object(object, given) => object_response(object, given.into_inner(), headers),
            Self::Refused(refusal) => refused(&refusal),
            Self::TooOften(wait) => {
                let response = plain(StatusCode::TOO_MANY_REQUESTS)
                    .header(RETRY_AFTER, wait.as_secs().saturating_add(1));
                (response, Bytes::from_static(b"too many requests\n"))
            }
            Self::MethodNotAllowed => {
                let response = plain(StatusCode::METHOD_NOT_ALLOWED).header(ALLOW, "GET, HEAD");
                (response, Bytes::from_static(b"only GET and HEAD\n"))
            }
        };
        let response = match (method, body.is_empty()) {
            // As long as the body would be (RFC 9110, section 8.6).
            (&Method::HEAD, false) => response
                .header(CONTENT_LENGTH, body.len())
                .body(Body::empty()),
            _ => response.body(Body::from(body)),
        };
        response.unwrap_or_else(|_| {
            let mut response = Response::default();
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            response
        })
    }
}

fn object_response(object: PublishedObject, body: Bytes, headers: &HeaderMap) -> (Builder, Bytes) {
    let (content, cache) = match object {
        PublishedObject::Checkpoint | PublishedObject::Cosigned | PublishedObject::Pruned => {
            (TEXT, BRIEFLY)
        }
        PublishedObject::Tile { .. } => (BINARY, FOR_EVER),
        PublishedObject::Entries { .. } | PublishedObject::Positions { .. } => {
            (BINARY, FOR_EVER_TO_ONE)
        }
    };
    let hash = digest(&SHA256, &body);
    let tag = format!("\"{}\"", URL_SAFE_NO_PAD.encode(hash));
    let mut response = Response::builder()
        .header(CACHE_CONTROL, cache)
        .header(ETAG, &tag);
    if cache == FOR_EVER_TO_ONE {
        response = response.header(VARY, "authorization");
    }
    if has_it(headers, &tag) {
        return (response.status(StatusCode::NOT_MODIFIED), Bytes::new());
    }
    (response.header(CONTENT_TYPE, content), body)
}

/// Whether the caller holds the object already (RFC 9110, section 13.1.2).
fn has_it(headers: &HeaderMap, tag: &str) -> bool {
    headers
        .get_all(IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|held| held == "*" || held.strip_prefix("W/").unwrap_or(held) == tag)
}

fn refused(refusal: &Refusal) -> (Builder, Bytes) {
    let (status, text): (_, &[u8]) = match refusal {
        Refusal::Token(error) if error.is_unavailable() => (
            StatusCode::SERVICE_UNAVAILABLE,
            b"the access token can't be checked now; try again\n",
        ),
        Refusal::Token(_) => (
            StatusCode::UNAUTHORIZED,
            b"entries need an auditor's access token that is good here\n",
        ),
        Refusal::Role => (
            StatusCode::FORBIDDEN,
            b"the access token lacks the role of an auditor\n",
        ),
        Refusal::UnknownReader => (
            StatusCode::FORBIDDEN,
            b"this reader is not registered; an operator does it: smarthomectl subject register\n",
        ),
        // One answer to all that there isn't, and to what the caller may not read.
        Refusal::NotFound(_) | Refusal::OutsideTree | Refusal::Fields(_) => {
            (StatusCode::NOT_FOUND, b"not found\n")
        }
        Refusal::Busy | Refusal::Deadline | Refusal::Unavailable(_) => {
            (StatusCode::SERVICE_UNAVAILABLE, b"not now; try again\n")
        }
        Refusal::Contradiction(_) => (
            StatusCode::INTERNAL_SERVER_ERROR,
            b"the audit log is damaged; tell its operator\n",
        ),
        Refusal::Peer(_) | Refusal::Internal => {
            (StatusCode::INTERNAL_SERVER_ERROR, b"an internal error\n")
        }
    };
    let mut response = plain(status);
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response = response.header(RETRY_AFTER, 1);
    }
    if let Refusal::Token(error) = refusal
        && status == StatusCode::UNAUTHORIZED
    {
        // RFC 6750, section 3.
        let challenge = match error {
            authn::token::TokenError::Missing => "Bearer",
            _ => "Bearer error=\"invalid_token\"",
        };
        response = response.header(WWW_AUTHENTICATE, challenge);
    }
    (response, Bytes::from_static(text))
}

fn plain(status: StatusCode) -> Builder {
    Response::builder()
        .status(status)
        .header(CACHE_CONTROL, NOT)
        .header(CONTENT_TYPE, TEXT)
}
