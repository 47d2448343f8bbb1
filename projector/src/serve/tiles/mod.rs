//! The audit log for anybody who wants to check it, over HTTPS in the layout of
//! [C2SP tlog-tiles](https://c2sp.org/tlog-tiles):
//!
//! | path | who may read it |
//! |---|---|
//! | `/<topic>/<complex>/checkpoint` | anybody |
//! | `/<topic>/<complex>/tile/<L>/<N>[.p/<W>]` | anybody: hashes tell nothing of what was hashed |
//! | `/<topic>/<complex>/tile/entries/<N>[.p/<W>]` | an auditor of the complex, by access token |
//! | `/<topic>/<complex>/position/<N>[.p/<W>]`, no part of C2SP | the same |
//!
//! The topic is that of the records, `access.events.v1` or `registry.events.v1`; the log's origin
//! is `audit.origin` of the configuration and the same two. What there isn't, and what the caller may
//! not read, is one answer.

mod answer;
mod path;
mod reads;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use auditlog::PublishedObject;
use authn::tls::{OpenListener, Protocol, ServerTls, Visitor};
use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::Method;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::response::Response;
use service::rate::Rates;
use service::trace::{TRACEPARENT, TraceContext};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use super::auth::TokenGate;
use super::logs::Logs;
use super::status::{Missing, Refusal};
use crate::config::PublishedConfig;
use answer::Answer;
pub use path::Asked;

/// How often certificates are looked at.
const RELOAD: Duration = Duration::from_secs(30);
/// How often addresses that ask no more are forgotten.
const SWEEP: Duration = Duration::from_secs(60);

/// What requests are answered from.
pub(super) struct Published {
    logs: Logs,
    tokens: TokenGate,
    places: Semaphore,
    rates: Rates<IpAddr>,
    longest: Duration,
}

/// The listener, ready to serve.
pub(super) struct PublishedTiles {
    published: Arc<Published>,
    tls: Arc<ServerTls>,
    listener: OpenListener,
}

impl PublishedTiles {
    /// Opens the listener. `logs` must be its own: strangers can make it forget what it has seen.
    ///
    /// # Errors
    /// A file or the address can't be used.
    pub(super) async fn open(
        config: &PublishedConfig,
        logs: Logs,
        tokens: TokenGate,
        longest: Duration,
    ) -> anyhow::Result<Self> {
        let tls = ServerTls::load_open(config.tls.clone(), Protocol::Http)
            .context("section `[serve.tiles.tls]`")?;
        let tcp = TcpListener::bind(config.listen).await;
        let tcp =
            tcp.with_context(|| format!("can't listen on `serve.tiles.listen` {}", config.listen))?;
        Ok(Self {
            published: Arc::new(Published {
                logs,
                tokens,
                places: Semaphore::new(config.requests),
                rates: Rates::new(config.rate),
                longest,
            }),
            listener: OpenListener::new(tcp, Arc::clone(&tls), config.limits.clone())?,
            tls,
        })
    }

    /// The listener's address.
    pub(super) fn local_addr(&self) -> SocketAddr {
        self.listener.local_addr()
    }

    /// Serves until shutdown; requests in work are finished.
    pub(super) async fn run(self, shutdown: CancellationToken) -> anyhow::Result<()> {
        let published = Arc::clone(&self.published);
        let sweep = async {
            loop {
                tokio::time::sleep(SWEEP).await;
                published.rates.sweep();
            }
        };
        tracing::info!(address = %self.local_addr(), "publishing the audit log");
        let app = Router::new()
            .fallback(answer)
            .with_state(self.published)
            .into_make_service_with_connect_info::<Visitor>();
        let served =
            axum::serve(self.listener, app).with_graceful_shutdown(shutdown.cancelled_owned());
        tokio::select! {
            served = served.into_future() => Ok(served?),
            () = sweep => anyhow::bail!("addresses are no longer forgotten"),
            () = self.tls.reload_every(RELOAD) => anyhow::bail!("certificates are no longer watched"),
        }
    }
}

/// Answers one request, counted and traced.
async fn answer(
    State(published): State<Arc<Published>>,
    ConnectInfo(visitor): ConnectInfo<Visitor>,
    request: Request,
) -> Response {
    let (request, _) = request.into_parts();
    let trace = request.headers.get(TRACEPARENT);
    let trace = TraceContext::from_header(trace.and_then(|value| value.to_str().ok()));
    let span = trace.span("tiles");
    let asked = Asked::parse(&request.uri);
    let kind = match &asked {
        Some(asked) => match asked.object {
            PublishedObject::Checkpoint => "checkpoint",
            PublishedObject::Tile { .. } => "tile",
            PublishedObject::Entries { .. } => "entries",
            PublishedObject::Positions { .. } => "positions",
        },
        None => "unknown",
    };
    let answer = published
        .answer(asked, &visitor, &request)
        .instrument(span)
        .await;
    let response = answer.respond(&request.method, &request.headers);
    let labels = [
        ("object", kind.to_owned()),
        ("status", response.status().as_str().to_owned()),
    ];
    metrics::counter!("projector_tiles_requests_total", &labels).increment(1);
    response
}

impl Published {
    async fn answer(&self, asked: Option<Asked>, visitor: &Visitor, request: &Parts) -> Answer {
        if ![Method::GET, Method::HEAD].contains(&request.method) {
            return Answer::MethodNotAllowed;
        }
        if let Err(wait) = self.rates.check(&network(visitor.remote_addr().ip())) {
            return Answer::TooOften(wait);
        }
        let Ok(_place) = self.places.try_acquire() else {
            return Answer::Refused(Refusal::Busy);
        };
        let Some(asked) = asked else {
            return Answer::Refused(Refusal::NotFound(Missing::Checkpoint));
        };
        let read = tokio::time::timeout(self.longest, self.read(&asked, visitor, request)).await;
        match read.unwrap_or(Err(Refusal::Deadline)) {
            Ok(body) => Answer::Object(asked.object, body),
            Err(refusal) => Answer::Refused(refusal),
        }
    }

    async fn read(
        &self,
        asked: &Asked,
        visitor: &Visitor,
        request: &Parts,
    ) -> Result<bytes::Bytes, Refusal> {
        let entries = matches!(asked.object, PublishedObject::Entries { .. });
        // When something was recorded is an auditor's to know, too.
        if entries || matches!(asked.object, PublishedObject::Positions { .. }) {
            let header = request.headers.get(AUTHORIZATION);
            let header = header.and_then(|value| value.to_str().ok());
            let auditor = self.tokens.auditor_of(header, visitor.peer()).await?;
            let missing = Refusal::NotFound(Missing::Complex);
            auditor.may_read(asked.complex.clone().ok_or(missing)?)?;
        }
        let log = self.logs.reader(asked.log.clone())?;
        let body = log.published(asked.object).await?;
        if entries {
            reads::read(asked);
        }
        Ok(body)
    }
}

/// What one household or host has for itself: an IPv4 address, or a /64 of IPv6.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let network = u128::from(address) >> 64 << 64;
            IpAddr::V6(network.into())
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_one_network_are_one() {
        let of = |text: &str| text.parse().map(network).ok();
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:1"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
        assert_eq!(of("192.0.2.1"), of("::ffff:192.0.2.1"));
    }
}
