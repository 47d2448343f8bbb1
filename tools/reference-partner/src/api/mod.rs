//! The REST API v1: one file a resource.

mod attestation;
mod commands;
mod credentials;
pub(crate) mod devices;
mod events;
pub(crate) mod extract;
pub(crate) mod failing;
mod faults;
mod open;
mod token_key;

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::{DefaultBodyLimit, FromRef, MatchedPath, Request};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::Response;
use axum::routing::{get, post, put};
use tracing::Instrument;

pub(crate) use extract::StrictJson;
pub(crate) use failing::Failing;

use crate::attestation::Attestor;
use crate::command::Desk;
use crate::credentials::Credentials;
use crate::oauth::{self, AuthorizationServer};
use crate::problem::{Kind, Problem};
use crate::received::{self, Received};
use crate::store::StoreError;
use crate::token_key::WrappingKey;

/// Most bytes of a body.
const BODY_LIMIT: usize = 64 * 1024;

/// What the API works with.
#[derive(Clone)]
pub(crate) struct Api {
    pub(crate) authorization: Arc<AuthorizationServer>,
    pub(crate) desk: Arc<Desk>,
    pub(crate) credentials: Credentials,
    pub(crate) wrapping: Arc<WrappingKey>,
    pub(crate) attestor: Arc<Attestor>,
    pub(crate) failing: Arc<Failing>,
}

impl FromRef<Api> for Arc<AuthorizationServer> {
    fn from_ref(api: &Api) -> Self {
        api.authorization.clone()
    }
}

/// The routes of the mTLS listener.
pub(crate) fn router(api: Api, received: Option<Arc<Received>>) -> Router {
    let router = Router::new()
        .route(
            "/.well-known/oauth-authorization-server",
            get(oauth::metadata),
        )
        .route("/oauth/token", post(oauth::token))
        .route("/v1/complexes/{complex}/devices", get(devices::list))
        .route(
            "/v1/complexes/{complex}/devices/{device}/open",
            post(open::open),
        )
        .route("/v1/complexes/{complex}/events", get(events::list))
        .route(
            "/v1/complexes/{complex}/credentials",
            get(credentials::list),
        )
        .route(
            "/v1/complexes/{complex}/credentials/{credential}",
            put(credentials::put).delete(credentials::delete),
        )
        .route("/v1/complexes/{complex}/token-key", put(token_key::put))
        .route("/v1/commands/{command_id}", get(commands::status))
        .route("/v1/commands/{command_id}/cancel", post(commands::cancel))
        .route("/v1/security/attestation", get(attestation::get))
        .method_not_allowed_fallback(async || {
            Problem::new(Kind::MethodNotAllowed, "See the contract.")
        })
        .fallback(async || Problem::new(Kind::NotFound, "See the contract."))
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(from_fn_with_state(api.failing.clone(), failing::fail))
        .layer(from_fn(log))
        .with_state(api);
    match received {
        Some(received) => router.layer(from_fn_with_state((received, BODY_LIMIT), received::keep)),
        None => router,
    }
}

/// One line a call: the route as declared, never a path or body with ids in it.
async fn log(request: Request, next: Next) -> Response {
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or("none", MatchedPath::as_str);
    let span = tracing::info_span!("call", method = %request.method(), route, client = tracing::field::Empty);
    let started = Instant::now();
    async move {
        let response = next.run(request).await;
        let ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        tracing::info!(status = response.status().as_u16(), ms, "answered");
        response
    }
    .instrument(span)
    .await
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "call failed");
        Problem::new(
            Kind::Internal,
            "Ask again; for an open, ask for its state or cancel it.",
        )
    }
}
