//! Partners' connections: whose they are, how many, and how long one may wait for a request.

mod pace;
mod watched;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use authn::peer::PeerIdentity;
use authn::tls::{TlsConnection, TlsListener};
use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, Response};
use futures::StreamExt;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

pub(crate) use self::pace::Cut;
use self::pace::Pace;
pub use self::pace::PaceLimits;
use self::watched::Watched;
use crate::gateway::Gateway;
use crate::{http, telemetry};

/// Requests at once on one HTTP/2 connection.
const STREAMS: u32 = 128;
/// Bytes that an HTTP/2 peer may send before they are read.
const WINDOW: u32 = 256 * 1024;
/// Bytes that are read ahead on an HTTP/1.1 connection; the most that a request's headers may have.
const READ_AHEAD: usize = 64 * 1024;
/// How long a connection that was told to end may take to.
const PARTING: Duration = Duration::from_secs(1);

/// Serves partners until `stop`, and then lets requests in flight end.
pub(crate) async fn serve(
    mut listener: TlsListener,
    gateway: Arc<Gateway>,
    limits: PaceLimits,
    stop: CancellationToken,
) {
    let router = http::router(Arc::clone(&gateway));
    let connections = TaskTracker::new();
    loop {
        let next = tokio::select! {
            () = stop.cancelled() => break,
            next = listener.next() => next,
        };
        // Ends only while the runtime shuts down.
        let Some(Ok(connection)) = next else { break };
        // Dropped, and so closed, without an answer where the peer has as many as it may.
        let Some(place) = gateway.connect(connection.peer()) else {
            continue;
        };
        let (router, stop) = (router.clone(), stop.clone());
        connections.spawn(async move {
            converse(connection, router, limits, stop).await;
            drop(place);
        });
    }
    drop(listener);
    connections.close();
    connections.wait().await;
}

/// One connection, to its end.
async fn converse(
    connection: TlsConnection,
    router: Router,
    limits: PaceLimits,
    stop: CancellationToken,
) {
    let peer = connection.peer().clone();
    let http2 = connection.speaks_http2();
    let pace = Arc::new(Pace::starting_now(limits));
    let watched = TokioIo::new(Watched::new(connection, Arc::clone(&pace)));
    let at = Arc::clone(&pace);
    let service = service_fn(move |request| {
        let ongoing = at.begin();
        let answer = answer(router.clone(), request, peer.clone());
        async move {
            let answer = answer.await;
            drop(ongoing);
            answer
        }
    });
    let builder = builder(http2);
    let serving = builder.serve_connection(watched, service);
    tokio::pin!(serving);
    let cut = tokio::select! {
        // Its error is the peer's, which knows it.
        _ = serving.as_mut() => return,
        cut = pace.over() => Some(cut),
        () = stop.cancelled() => None,
    };
    serving.as_mut().graceful_shutdown();
    match cut {
        // A request that has just begun may still be answered.
        Some(cut) => {
            telemetry::connection_cut(cut);
            let _ = timeout(PARTING, serving).await;
        }
        None => {
            tokio::select! {
                _ = serving.as_mut() => {}
                cut = pace.over() => telemetry::connection_cut(cut),
            }
        }
    }
}

/// Speaks what was agreed on in the handshake, and nothing else.
fn builder(http2: bool) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .max_buf_size(READ_AHEAD);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(WINDOW);
    if http2 {
        builder.http2_only()
    } else {
        builder.http1_only()
    }
}

async fn answer(
    router: Router,
    request: Request<Incoming>,
    peer: PeerIdentity,
) -> Result<Response<Body>, Infallible> {
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(ConnectInfo(peer));
    router.oneshot(request).await
}
