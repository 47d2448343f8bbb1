//! Health and metrics over plain HTTP, for the machine that the process runs on.

mod bounded;

use std::io;
use std::net::SocketAddr;

use axum::Json;
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use serde::Deserialize;
use serde_json::json;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::health::{Health, HealthStatus};
use crate::metrics::Metrics;

/// `[process.admin]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdminConfig {
    /// Where it listens; loopback, unless `insecure`.
    pub listen: SocketAddr,
    /// Allows an address that others can reach, in plain text and without authentication.
    #[serde(default)]
    pub insecure: bool,
}

/// The admin listener couldn't be opened.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// Plain text on an address that others can reach.
    #[error(
        "{0} is not a loopback address and the admin listener has no TLS; \
         listen on 127.0.0.1 or [::1], or set `insecure = true`"
    )]
    NotLoopback(SocketAddr),
    /// The operating system refused the address.
    #[error("can't listen on {address}: {reason}")]
    Bind {
        /// The configured address.
        address: SocketAddr,
        /// What the operating system said.
        reason: io::Error,
    },
}

impl AdminConfig {
    /// Refuses plain text that leaves the machine.
    ///
    /// # Errors
    /// [`AdminError::NotLoopback`].
    pub fn validate(&self) -> Result<(), AdminError> {
        if self.insecure || self.listen.ip().is_loopback() {
            Ok(())
        } else {
            Err(AdminError::NotLoopback(self.listen))
        }
    }
}

/// The admin listener, bound and not yet served.
#[derive(Debug)]
pub struct AdminListener {
    tcp: TcpListener,
    address: SocketAddr,
}

/// Binds the admin listener.
///
/// # Errors
/// [`AdminError`].
pub async fn bind(config: &AdminConfig) -> Result<AdminListener, AdminError> {
    config.validate()?;
    if !config.listen.ip().is_loopback() {
        tracing::warn!(
            address = %config.listen,
            "health and metrics are served in plain text to whoever reaches this address \
             (insecure = true)"
        );
    }
    let refused = |reason| AdminError::Bind {
        address: config.listen,
        reason,
    };
    let tcp = TcpListener::bind(config.listen).await.map_err(refused)?;
    let address = tcp.local_addr().map_err(refused)?;
    Ok(AdminListener { tcp, address })
}

impl AdminListener {
    /// The bound address; its port is the real one where 0 was configured.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Serves `/livez`, `/readyz` and `/metrics` until `stop`.
    pub async fn serve(self, health: Health, metrics: Metrics, stop: CancellationToken) {
        let router = router(health, metrics);
        // axum::serve retries failed accepts by itself and ends only when told to.
        let served = axum::serve(bounded::Bounded::new(self.tcp), router)
            .with_graceful_shutdown(stop.cancelled_owned())
            .await;
        if let Err(error) = served {
            tracing::error!(%error, "the admin listener ended");
        }
    }
}

fn router(health: Health, metrics: Metrics) -> Router {
    let probes = Router::new()
        .route("/livez", get(live))
        .route("/readyz", get(ready))
        .with_state(health);
    Router::new()
        .route("/metrics", get(render))
        .with_state(metrics)
        .merge(probes)
}

async fn live(State(health): State<Health>) -> impl IntoResponse {
    let status = health.status();
    answer(status.is_live(), &status)
}

async fn ready(State(health): State<Health>) -> impl IntoResponse {
    let status = health.status();
    answer(status.is_ready(), &status)
}

fn answer(good: bool, status: &HealthStatus) -> (StatusCode, Json<serde_json::Value>) {
    if good {
        (StatusCode::OK, Json(json!({"status": "ok"})))
    } else {
        let body = json!({"status": "unavailable", "reasons": status.reasons()});
        (StatusCode::SERVICE_UNAVAILABLE, Json(body))
    }
}

async fn render(State(metrics): State<Metrics>) -> impl IntoResponse {
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], metrics.render())
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
