//! The token endpoint and the document that tells where it is.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Serialize;
use url::Url;

use super::failure::{EndpointFailure, EndpointMode, shrink};
use super::laxity::Laxity;
use super::request::{TokenError, judge};
use super::scope::Scope;
use super::tokens::Tokens;
use crate::clock::Clock;
use crate::config::Client;
use crate::listener::Connection;

/// What the endpoints work with.
pub(crate) struct AuthorizationServer {
    pub(crate) issuer: Url,
    pub(crate) clients: Vec<Client>,
    pub(crate) ttl: Duration,
    pub(crate) tokens: Arc<Tokens>,
    pub(crate) clock: Arc<Clock>,
    pub(crate) failure: EndpointFailure,
    pub(crate) laxity: Laxity,
}

#[derive(Serialize)]
struct TokenResponse<'a> {
    access_token: &'a str,
    token_type: &'static str,
    expires_in: u64,
    scope: String,
}

/// `POST /oauth/token`.
pub(crate) async fn token(
    State(server): State<Arc<AuthorizationServer>>,
    Extension(connection): Extension<Connection>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let failure = server.failure.take();
    match failure {
        Some(EndpointMode::Down) => return StatusCode::SERVICE_UNAVAILABLE.into_response(),
        Some(EndpointMode::InvalidClient) => return TokenError::INVALID_CLIENT.into_response(),
        Some(EndpointMode::ShrinkScope) | None => {}
    }
    if headers.contains_key(header::AUTHORIZATION) {
        return TokenError::new("invalid_request", "authenticate with the certificate only")
            .into_response();
    }
    let form = HeaderValue::from_static("application/x-www-form-urlencoded");
    if headers.get(header::CONTENT_TYPE) != Some(&form) {
        return TokenError::new("invalid_request", "send application/x-www-form-urlencoded")
            .into_response();
    }
    let mut granted = match judge(&body, &connection.certificate, &server.clients) {
        Ok(granted) => granted,
        Err(error) => {
            tracing::info!(?error, "token refused");
            return error.into_response();
        }
    };
    if failure == Some(EndpointMode::ShrinkScope) {
        granted.scopes = shrink(&granted.scopes);
    }
    let scope = granted.scopes.to_string();
    tracing::info!(client = granted.client_id, scope, "token granted");
    let expires_at = server
        .clock
        .now()
        .saturating_add(server.ttl)
        .unwrap_or(jiff::Timestamp::MAX);
    match server
        .tokens
        .issue(granted, connection.certificate.thumbprint, expires_at)
        .await
    {
        Ok(token) => {
            let body = TokenResponse {
                access_token: &token,
                token_type: "Bearer",
                expires_in: server.ttl.as_secs(),
                scope,
            };
            (
                [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))],
                Json(body),
            )
                .into_response()
        }
        Err(error) => {
            tracing::error!(%error, "token can't be kept");
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
    }
}

#[derive(Serialize)]
struct Metadata<'a> {
    issuer: &'a str,
    token_endpoint: String,
    grant_types_supported: [&'a str; 1],
    response_types_supported: [&'a str; 0],
    token_endpoint_auth_methods_supported: [&'a str; 1],
    scopes_supported: &'a [Scope],
    tls_client_certificate_bound_access_tokens: bool,
}

/// `GET /.well-known/oauth-authorization-server` (RFC 8414).
pub(crate) async fn metadata(State(server): State<Arc<AuthorizationServer>>) -> Response {
    let issuer = server.issuer.as_str().trim_end_matches('/');
    let document = Metadata {
        issuer,
        token_endpoint: format!("{issuer}/oauth/token"),
        grant_types_supported: ["client_credentials"],
        response_types_supported: [],
        token_endpoint_auth_methods_supported: ["tls_client_auth"],
        scopes_supported: Scope::ALL,
        tls_client_certificate_bound_access_tokens: true,
    };
    Json(document).into_response()
}
