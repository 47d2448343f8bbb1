//! The control listener: what happens at the simulated devices, and how they fail.
//!
//! Plaintext and unguarded, so on loopback only. A real partner has nothing like it.

mod devices;
mod failures;
mod holdings;
mod inspect;
mod steer;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{ConnectInfo, Request};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::StatusCode;

use crate::api::Failing;
use crate::attestation::Attestor;
use crate::command::Desk;
use crate::credentials::Credentials;
use crate::oauth::AuthorizationServer;
use crate::problem::{Kind, Problem};
use crate::webhooks::Sender;

/// What the control API works with.
#[derive(Clone)]
pub(crate) struct Control {
    pub(crate) desk: Arc<Desk>,
    pub(crate) authorization: Arc<AuthorizationServer>,
    pub(crate) attestor: Arc<Attestor>,
    pub(crate) credentials: Credentials,
    pub(crate) failing: Arc<Failing>,
    /// Without it there is no webhook.
    pub(crate) sender: Option<Arc<Sender>>,
}

/// The routes of the control listener.
pub(crate) fn router(control: Control) -> Router {
    Router::new()
        .route("/livez", get(async || StatusCode::OK))
        .route("/readyz", get(inspect::ready))
        .route("/control/devices", get(failures::list))
        .route(
            "/control/devices/{device}/failure",
            post(failures::fail).delete(failures::mend),
        )
        .route("/control/devices/{device}/status", post(devices::status))
        .route("/control/devices/{device}/plate", post(devices::plate))
        .route("/control/devices/{device}/face", post(devices::face))
        .route("/control/devices/{device}/fob", post(devices::fob))
        .route("/control/devices/{device}/access", post(devices::access))
        .route("/control/devices/{device}/forced", post(devices::forced))
        .route("/control/devices/{device}/held", post(devices::held))
        .route(
            "/control/devices/{device}/counter-loss",
            post(devices::lose_counter),
        )
        .route(
            "/control/devices/{device}/withhold",
            post(failures::withhold),
        )
        .route(
            "/control/token-endpoint",
            post(steer::fail_token_endpoint).delete(steer::mend_token_endpoint),
        )
        .route(
            "/control/authorization",
            post(steer::relax).delete(steer::be_strict),
        )
        .route(
            "/control/attestation",
            post(holdings::spoil_attestation).delete(holdings::mend_attestation),
        )
        .route(
            "/control/calls",
            post(holdings::fail_call).delete(holdings::mend_calls),
        )
        .route(
            "/control/credentials",
            get(holdings::list).post(holdings::plant),
        )
        .route("/control/clock", post(steer::clock))
        .route("/control/events/raw", post(steer::raw))
        .route("/control/rotate-keys", post(steer::rotate_keys))
        .route("/control/journal", get(inspect::journal))
        .route("/control/deliveries", get(inspect::deliveries))
        .route("/control/commands", get(inspect::commands))
        .route("/control/held", get(inspect::held))
        .method_not_allowed_fallback(async || {
            Problem::new(Kind::MethodNotAllowed, "See the README.")
        })
        .fallback(async || Problem::new(Kind::NotFound, "See the README."))
        .layer(from_fn(loopback_only))
        .with_state(control)
}

/// The address is checked in the configuration; the peer's is checked too.
async fn loopback_only(request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    if peer.is_some_and(|ConnectInfo(peer)| peer.ip().is_loopback()) {
        next.run(request).await
    } else {
        StatusCode::FORBIDDEN.into_response()
    }
}
