//! The issuer as a whole: its state, its routes, its life.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::routing::{get, post};
use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio::sync::{Mutex, Notify};

use crate::config::Config;
use crate::error::Error;
use crate::grants::Grants;
use crate::keys::KeyRing;
use crate::tls::{self, TlsListener};
use crate::{NOTICE, authorize, discovery, logout, pages, token};

/// Forms are small.
const LARGEST_BODY: usize = 16 * 1024;
/// How long requests under way may take after the shutdown has begun.
const DRAIN: Duration = Duration::from_secs(5);

/// What the time is, passed in so that a test can say.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The system's clock.
pub fn system_clock() -> Clock {
    Arc::new(Timestamp::now)
}

pub(crate) struct Issuer {
    pub(crate) config: Config,
    pub(crate) keys: Mutex<KeyRing>,
    pub(crate) grants: Mutex<Grants>,
    clock: Clock,
}

impl Issuer {
    pub(crate) fn now(&self) -> Timestamp {
        (self.clock)()
    }
}

/// Serves the issuer on this listener until `shutdown` completes. DEVELOPMENT ONLY.
///
/// # Errors
/// [`Error::Listener`] unless the listener is on loopback and on the issuer URL's port; a file of the
/// configuration can't be used; the listener fails.
pub async fn serve(
    listener: TcpListener,
    config: Config,
    clock: Clock,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), Error> {
    let address = listener.local_addr().map_err(Error::Serve)?;
    if !address.ip().is_loopback() || address.port() != config.listen().port() {
        return Err(Error::Listener(address));
    }
    let acceptor = tls::acceptor(&config.tls)?;
    let keys = KeyRing::open(&config.signing_key_file, config.retired_key_ttl())?;
    let grants = Grants::new(config.refresh_token_ttl());
    let ready_file = config.ready_file.clone();
    if let Some(file) = &ready_file {
        announce(file, address)?;
    }
    tracing::warn!("{NOTICE}");
    tracing::info!(%address, issuer = config.issuer(), "DEVELOPMENT ONLY: serving");

    let issuer = Arc::new(Issuer {
        config,
        keys: Mutex::new(keys),
        grants: Mutex::new(grants),
        clock,
    });
    let closing = Arc::new(Notify::new());
    let begun = Arc::clone(&closing);
    let serving = axum::serve(TlsListener::new(listener, acceptor), routes(issuer))
        .with_graceful_shutdown(async move {
            shutdown.await;
            begun.notify_one();
        });
    let serving = std::pin::pin!(serving.into_future());
    let drained = async {
        closing.notified().await;
        tokio::time::sleep(DRAIN).await;
    };
    let ended = tokio::select! {
        ended = serving => ended.map_err(Error::Serve),
        () = drained => Ok(()),
    };
    if let Some(file) = ready_file {
        // It may be gone already.
        let _ = std::fs::remove_file(file);
    }
    ended
}

fn routes(issuer: Arc<Issuer>) -> Router {
    Router::new()
        .route(
            "/.well-known/openid-configuration",
            get(discovery::metadata),
        )
        .route("/jwks", get(discovery::key_set))
        .route("/authorize", get(authorize::show).post(authorize::submit))
        .route("/token", post(token::exchange))
        .route("/logout", get(logout::asked).post(logout::posted))
        .route("/dev/rotate", post(discovery::rotate))
        .fallback(async || {
            let text = "This address leads nowhere. Logins begin at the client.";
            pages::message(StatusCode::NOT_FOUND, "Not found", text)
        })
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .with_state(issuer)
}

/// Appears whole or not at all, for whoever waits for it.
fn announce(file: &Path, address: SocketAddr) -> Result<(), Error> {
    let fresh = file.with_added_extension("new");
    std::fs::write(&fresh, format!("{address}\n"))
        .and_then(|()| std::fs::rename(&fresh, file))
        .map_err(|source| Error::File {
            path: file.to_owned(),
            source,
        })
}
