//! The page's server.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use authn::tls::{OpenListener, Protocol, ServerTls};
use axum::Router;
use axum::extract::{DefaultBodyLimit, FromRef};
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use jiff::tz::TimeZone;
use service::Context;
use tokio::net::TcpListener;
use weblogin::{SIGNED_OUT, WebLogin, same_origin};

use crate::backend::Backend;
use crate::config::Config;
use crate::{assets, headers, pages};

/// How often certificates are looked at.
const RELOAD: Duration = Duration::from_secs(30);
/// Largest form, in bytes.
const LARGEST_FORM: usize = 16 * 1024;

/// What handlers work with.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) web: WebLogin,
    pub(crate) backend: Backend,
    pub(crate) zone: TimeZone,
}

impl FromRef<App> for WebLogin {
    fn from_ref(app: &App) -> Self {
        app.web.clone()
    }
}

/// Serves until shutdown.
pub(crate) async fn run(config: Config, context: Context) -> Result<()> {
    let (backend, client_tls) = Backend::new(&config)?;
    let web = WebLogin::new("resident", config.login).context("section [login]")?;
    let tls = ServerTls::load_open(config.listen.tls, Protocol::Http);
    let tls = tls.context("section [listen.tls]")?;
    let address = config.listen.address;
    let tcp = TcpListener::bind(address).await;
    let tcp = tcp.with_context(|| format!("can't listen on `listen.address` {address}"))?;
    let listener = OpenListener::new(tcp, Arc::clone(&tls), config.listen.limits)?;
    let app = App {
        web,
        backend,
        zone: config.time_zone.0,
    };
    tracing::info!(%address, origin = app.web.origin().as_str(), "serving the residents' app");
    context.health.started();
    let served = axum::serve(listener, router(app))
        .with_graceful_shutdown(context.shutdown.cancelled_owned());
    tokio::select! {
        served = served.into_future() => Ok(served?),
        () = tls.reload_every(RELOAD) => anyhow::bail!("certificates are no longer watched"),
        () = client_tls.reload_every(RELOAD) => anyhow::bail!("certificates are no longer watched"),
    }
}

fn router(app: App) -> Router {
    let web = app.web.clone();
    let policy = headers::policy(&web.issuer_origin());
    Router::new()
        .route("/", get(pages::doors::show))
        .route("/open", post(pages::doors::open))
        .route(
            "/guests",
            get(pages::guests::show).post(pages::guests::create),
        )
        .route("/guests/withdraw", post(pages::guests::withdraw))
        .route("/pass", get(pages::pass::show))
        .route("/pass/doors", post(pages::pass::doors))
        .route("/pass/open", post(pages::pass::open))
        .route("/history", get(pages::history::show))
        .route("/receipt", get(pages::history::receipt))
        .route("/looked", get(pages::looked::show))
        .route(SIGNED_OUT, get(pages::signed_out))
        .route("/language/{code}", get(pages::language))
        .fallback(pages::nothing)
        .with_state(app)
        .merge(web.routes())
        .merge(assets::routes())
        .layer(from_fn_with_state(web, same_origin))
        .layer(from_fn_with_state(policy, headers::protect))
        .layer(DefaultBodyLimit::max(LARGEST_FORM))
}
