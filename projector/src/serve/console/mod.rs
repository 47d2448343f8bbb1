//! The auditors' console: pages over HTTPS, on a listener of their own, for browsers that come
//! without a certificate. Everything is made on the server; of scripts there is what keeps a page
//! live and what checks proofs in the browser.

mod assets;
mod export;
mod exports;
mod facts;
mod guard;
mod integrity;
mod lang;
mod latency;
mod login;
mod moment;
mod now;
mod page;
mod pictures;
mod reads;
mod reasons;
mod record;
mod report;
mod row;
mod search;
mod story;
mod svg;
mod tally;
mod trouble;
mod visit;
mod words;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use auditlog::CheckpointVerifier;
use authn::tls::{OpenListener, Protocol, ServerTls, Visitor};
use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use domain::ComplexId;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tonic::Status;
use weblogin::WebLogin;

use super::Serving;
use super::status::{Missing, Refusal};
use crate::config::ConsoleConfig;
use moment::Zone;
use visit::Visit;

/// How often certificates are looked at.
const RELOAD: Duration = Duration::from_secs(30);

/// What pages are made from.
struct Site {
    serving: Arc<Serving>,
    config: ConsoleConfig,
    /// The key of the audit log's checkpoints, and what the logs' origins begin with.
    verifier: CheckpointVerifier,
    origin: String,
    login: WebLogin,
    policy: HeaderValue,
    exports: exports::Exports,
    places: Semaphore,
}

impl Site {
    fn zone(&self, complex: &str) -> Zone {
        let complex: Option<ComplexId> = complex.parse().ok();
        let name = complex.as_ref().map(|complex| self.config.zone_of(complex));
        Zone::named(name.unwrap_or(&self.config.time_zone))
    }
}

/// The listener, ready to serve.
pub(super) struct Console {
    site: Arc<Site>,
    tls: Arc<ServerTls>,
    listener: OpenListener,
}

impl Console {
    /// Opens the listener.
    ///
    /// # Errors
    /// A file or the address can't be used.
    pub(super) async fn open(
        config: ConsoleConfig,
        serving: Arc<Serving>,
        verifier: CheckpointVerifier,
        origin: String,
    ) -> anyhow::Result<Self> {
        let login = WebLogin::new("console", config.login.clone())
            .context("section `[serve.console.login]`")?;
        let tls = ServerTls::load_open(config.tls.clone(), Protocol::Http)
            .context("section `[serve.console.tls]`")?;
        let tcp = TcpListener::bind(config.listen)
            .await
            .with_context(|| format!("can't listen on `serve.console.listen` {}", config.listen))?;
        Ok(Self {
            listener: OpenListener::new(tcp, Arc::clone(&tls), config.limits.clone())?,
            tls,
            site: Arc::new(Site {
                places: Semaphore::new(config.requests),
                policy: guard::policy(&login.issuer_origin()),
                exports: exports::Exports::default(),
                login,
                config,
                serving,
                verifier,
                origin,
            }),
        })
    }

    /// The listener's address.
    pub(super) fn local_addr(&self) -> SocketAddr {
        self.listener.local_addr()
    }

    /// Serves until shutdown; requests in work are finished.
    pub(super) async fn run(self, shutdown: CancellationToken) -> anyhow::Result<()> {
        tracing::info!(address = %self.local_addr(), "serving the auditors' console");
        let app = router(self.site).into_make_service_with_connect_info::<Visitor>();
        let served =
            axum::serve(self.listener, app).with_graceful_shutdown(shutdown.cancelled_owned());
        tokio::select! {
            served = served.into_future() => Ok(served?),
            () = self.tls.reload_every(RELOAD) => anyhow::bail!("certificates are no longer watched"),
        }
    }
}

fn router(site: Arc<Site>) -> Router {
    Router::new()
        .route("/", get(home))
        .route("/c/{complex}", get(complex))
        .route("/c/{complex}/now", get(now::show))
        .route("/c/{complex}/search", get(search::show))
        .route("/c/{complex}/records/{event}", get(record::show))
        .route("/c/{complex}/report", get(report::show))
        .route("/c/{complex}/pictures", get(pictures::show))
        .route("/c/{complex}/reads", get(reads::show))
        .route("/c/{complex}/export", get(export::show).post(export::take))
        .route("/c/{complex}/export/progress", get(exports::show))
        .route("/c/{complex}/integrity", get(integrity::show))
        .route(
            "/c/{complex}/integrity/consistency",
            get(integrity::consistency),
        )
        .route("/language/{code}", get(login::language))
        .route(weblogin::SIGNED_OUT, get(login::signed_out))
        .merge(site.login.routes())
        .merge(assets::routes())
        .fallback(nothing)
        .layer(middleware::from_fn_with_state(
            site.login.clone(),
            weblogin::same_origin,
        ))
        .layer(middleware::from_fn_with_state(
            Arc::clone(&site),
            guard::guard,
        ))
        .with_state(site)
}

/// To the first of the auditor's complexes.
async fn home(visit: Visit) -> Response {
    let auditor = match visit.auditor().await {
        Ok(auditor) => auditor,
        Err(refusal) => return visit.refused(&refusal.into()),
    };
    let mut complexes = auditor.complexes();
    // What belongs to no complex is there too, but nobody begins with it.
    let real = complexes.clone().find(|complex| !complex.is_reserved());
    match real.or_else(|| complexes.next()) {
        Some(complex) => Redirect::to(&format!("/c/{complex}/now")).into_response(),
        None => nothing(visit).await,
    }
}

async fn complex(Path(complex): Path<String>, State(_): State<Arc<Site>>) -> Response {
    match complex.parse::<ComplexId>() {
        Ok(complex) => Redirect::to(&format!("/c/{complex}/now")).into_response(),
        Err(_) => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn nothing(visit: Visit) -> Response {
    visit.refused(&Status::from(Refusal::NotFound(Missing::Record)))
}
