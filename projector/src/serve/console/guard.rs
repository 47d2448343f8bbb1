//! What holds for every answer: so many at once, headers that keep a browser from doing anything that
//! a page doesn't need, and no copy of a page anywhere.

use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::http::StatusCode;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, REFERRER_POLICY, RETRY_AFTER,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use service::trace::{TRACEPARENT, TraceContext};
use tracing::Instrument as _;

use super::Site;

/// Besides `form-action`, which also covers where a logout is sent on to.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; \
                      connect-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'";

const FIXED: [(HeaderName, &str); 7] = [
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "DENY"),
    // Without any referrer a form would come with `Origin: null`, which is nobody's.
    (REFERRER_POLICY, "same-origin"),
    (STRICT_TRANSPORT_SECURITY, "max-age=31536000"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    ),
];

/// Stands before every route.
pub(super) async fn guard(State(site): State<Arc<Site>>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>();
    let route = route.map_or("none", MatchedPath::as_str).to_owned();
    let trace = request.headers().get(TRACEPARENT);
    let trace = TraceContext::from_header(trace.and_then(|value| value.to_str().ok()));
    let mut response = match site.places.try_acquire() {
        Ok(_place) => next.run(request).instrument(trace.span("console")).await,
        Err(_) => (
            StatusCode::SERVICE_UNAVAILABLE,
            [(RETRY_AFTER, "1")],
            "too many requests at once\n",
        )
            .into_response(),
    };
    let labels = [
        ("route", route),
        ("status", response.status().as_str().to_owned()),
    ];
    metrics::counter!("projector_console_requests_total", &labels).increment(1);
    let headers = response.headers_mut();
    for (name, value) in FIXED {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert(CONTENT_SECURITY_POLICY, site.policy.clone());
    // What isn't said to be anybody's to keep is nobody's.
    headers
        .entry(CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}

/// The content security policy, with where forms may lead besides.
pub(super) fn policy(form_action: &str) -> HeaderValue {
    let policy = HeaderValue::from_str(&format!("{POLICY} {form_action}"));
    policy.unwrap_or(HeaderValue::from_static(POLICY))
}
