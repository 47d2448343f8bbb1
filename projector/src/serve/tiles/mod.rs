//! The audit log for anybody who wants to check it, over HTTPS in the layout of
//! [C2SP tlog-tiles](https://c2sp.org/tlog-tiles):
//!
//! | path | who may read it |
//! |---|---|
//! | `/<topic>/<complex>/checkpoint` | anybody |
//! | `/<topic>/<complex>/tile/<L>/<N>[.p/<W>]` | anybody: hashes tell nothing of what was hashed |
//! | `/<topic>/<complex>/tile/entries/<N>[.p/<W>]` | an auditor of the complex, by access token; recorded as a read |
//! | `/<topic>/<complex>/position/<N>[.p/<W>]`, no part of C2SP | the same, not recorded |
//!
//! The topic is that of the records, `access.events.v1`, `registry.events.v1` or `audit.reads.v1`; the log's origin
//! is `audit.origin` of the configuration and the same two. What there isn't, and what the caller may
//! not read, is one answer.

mod answer;
mod path;

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
use domain::vocabulary::ReadMethod;
use service::rate::Rates;
use service::trace::{TRACEPARENT, TraceContext};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use super::auth::{Readable, TokenGate};
use super::call;
use super::logs::Logs;
use super::people;
use super::reads::{Look, Reads};
use super::status::{Missing, Refusal};
use crate::config::PublishedConfig;
use answer::Answer;
pub use path::Asked;

/// How often certificates are looked at.
const RELOAD: Duration = Duration::from_secs(30);
/// How often addresses that ask no more are forgotten.
const SWEEP: Duration = Duration::from_secs(60);

/// An object's bytes, of which it stands in the log who is given them.
type Given = call::Answer<bytes::Bytes>;

/// What requests are answered from.
pub(super) struct Published {
    logs: Logs,
    tokens: TokenGate,
    reads: Arc<Reads>,
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
    /// Opens the listener.
    ///
    /// # Errors
    /// A file or the address can't be used.
    pub(super) async fn open(
        config: &PublishedConfig,
        published: Published,
    ) -> anyhow::Result<Self> {
        let tls = ServerTls::load_open(config.tls.clone(), Protocol::Http)
            .context("section `[serve.tiles.tls]`")?;
        let tcp = TcpListener::bind(config.listen).await;
        let tcp =
            tcp.with_context(|| format!("can't listen on `serve.tiles.listen` {}", config.listen))?;
        Ok(Self {
            published: Arc::new(published),
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
            PublishedObject::Cosigned => "cosigned",
            PublishedObject::Pruned => "pruned",
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
    /// `logs` must be its own: strangers can make it forget what it has seen.
    pub(super) fn new(
        config: &PublishedConfig,
        logs: Logs,
        tokens: TokenGate,
        reads: Arc<Reads>,
        longest: Duration,
    ) -> Self {
        Self {
            logs,
            tokens,
            reads,
            places: Semaphore::new(config.requests),
            rates: Rates::new(config.rate),
            longest,
        }
    }

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
            Ok(given) => Answer::Object(asked.object, given),
            Err(refusal) => Answer::Refused(refusal),
        }
    }

    async fn read(
        &self,
        asked: &Asked,
        visitor: &Visitor,
        request: &Parts,
    ) -> Result<Given, Refusal> {
        let readable = match asked.object {
            // When something was recorded is an auditor's to know, too.
            PublishedObject::Entries { .. } | PublishedObject::Positions { .. } => {
                Some(self.readable(asked, visitor, request).await?)
            }
            PublishedObject::Checkpoint
            | PublishedObject::Cosigned
            | PublishedObject::Pruned
            | PublishedObject::Tile { .. } => None,
        };
        let log = self.logs.reader(asked.log.clone())?;
        let body = log.published(asked.object).await?;
        match (asked.object, &readable) {
            (PublishedObject::Entries { width, .. }, Some(readable)) => {
                let look = Look {
                    object: asked.log.topic().to_owned(),
                    ..Look::at_all(ReadMethod::LogEntries)
                };
                let shown = people::in_bundle(body.clone(), width)?;
                let recorded = self.reads.record(readable, look, shown).await?;
                Ok(Given::recorded(body, recorded))
            }
            (PublishedObject::Entries { .. }, None) => Err(Refusal::Internal),
            // Hashes, and places in the event log: they tell of nobody.
            _ => Ok(Given::of_nobody(body)),
        }
    }

    /// The complex whose log is asked for, if the caller may read it.
    async fn readable(
        &self,
        asked: &Asked,
        visitor: &Visitor,
        request: &Parts,
    ) -> Result<Readable, Refusal> {
        let header = request.headers.get(AUTHORIZATION);
        let header = header.and_then(|value| value.to_str().ok());
        let auditor = self
            .tokens
            .auditor_of(header, visitor.peer(), String::new());
        let missing = Refusal::NotFound(Missing::Complex);
        let complex = asked.complex.clone().ok_or(missing)?;
        auditor.await?.may_read(complex)
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
