//! HTTP: routes, and what each answer looks like.

mod body;
mod deliveries;
mod events;
mod refusal;
mod verdicts;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};

use crate::gateway::Gateway;
use refusal::Refusal;

/// The routes that a partner may call. Each request needs `ConnectInfo<authn::peer::PeerIdentity>`
/// among its extensions.
pub fn router(gateway: Arc<Gateway>) -> Router {
    Router::new()
        .route("/v1/events", post(events::post))
        .route("/v1/events:validate", post(events::validate))
        .route("/v1/deliveries", get(deliveries::get))
        .method_not_allowed_fallback(async || Refusal::MethodNotAllowed)
        .fallback(async || Refusal::NotFound)
        .with_state(gateway)
}
