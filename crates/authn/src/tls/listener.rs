//! Accepts TLS connections, many at once and never too many.

use std::io;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::Stream;
use serde::Deserialize;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::{AbortHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

use super::age::Age;
use super::connection::Connection;
use super::server::ServerTls;
use super::visitor::{Visitor, Welcome};
use crate::peer::PeerIdentity;

/// Pause after an accept that failed for want of something, such as file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What a listener may spend on its peers.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ListenerLimits {
    /// Handshakes at once; more wait in the kernel's queue.
    pub handshakes: NonZeroU32,
    /// How long one handshake may take.
    #[serde(with = "service::config::duration")]
    pub handshake_timeout: Duration,
    /// Connections at once; one more is closed as soon as it is accepted.
    pub connections: NonZeroU32,
    /// A connection older than this ends as soon as it is silent for 10 s, and 60 s later in any
    /// case. A gRPC server also sets tonic's `max_connection_age`, a little lower, which lets
    /// calls in flight finish. 5 minutes unless set: for so long a certificate that was revoked, or
    /// whose roots are gone, may still be used on a connection that it opened before.
    #[serde(with = "service::config::duration::option")]
    pub max_connection_age: Option<Duration>,
}

impl Default for ListenerLimits {
    fn default() -> Self {
        const HANDSHAKES: NonZeroU32 = NonZeroU32::MIN.saturating_add(63);
        const CONNECTIONS: NonZeroU32 = NonZeroU32::MIN.saturating_add(1023);
        Self {
            handshakes: HANDSHAKES,
            handshake_timeout: Duration::from_secs(5),
            connections: CONNECTIONS,
            max_connection_age: Some(Duration::from_secs(300)),
        }
    }
}

impl ListenerLimits {
    /// When a gRPC server should ask its clients to connect anew: before this listener does.
    pub fn graceful_age(&self) -> Option<Duration> {
        self.max_connection_age.map(|age| age.mul_f32(0.9))
    }
}

/// A stream of connections whose peers are known.
pub type TlsListener = Listener<PeerIdentity>;

/// A stream of connections of anybody: a certificate may be shown, and is verified then. Give it
/// a [`ServerTls::load_open`].
pub type OpenListener = Listener<Visitor>;

/// A stream of connections; also a listener for `axum::serve`. `P` is what is known of the other
/// end.
///
/// Neither a failing handshake nor a failing accept ends it.
#[derive(Debug)]
pub struct Listener<P> {
    incoming: mpsc::Receiver<Connection<P>>,
    address: SocketAddr,
    accepting: AbortHandle,
}

impl<P: Welcome> Listener<P> {
    /// Starts to accept on `tcp`, in the current tokio runtime.
    ///
    /// # Errors
    /// Where the operating system doesn't tell the bound address.
    pub fn new(tcp: TcpListener, tls: Arc<ServerTls>, limits: ListenerLimits) -> io::Result<Self> {
        let address = tcp.local_addr()?;
        let (ready, incoming) = mpsc::channel(permits(limits.handshakes));
        let accepting = tokio::spawn(accept(tcp, tls, limits, ready)).abort_handle();
        Ok(Self {
            incoming,
            address,
            accepting,
        })
    }

    /// The bound address; its port is the real one where 0 was asked for.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }
}

impl<P> Drop for Listener<P> {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl<P> Stream for Listener<P> {
    type Item = io::Result<Connection<P>>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.incoming.poll_recv(context).map(|next| next.map(Ok))
    }
}

impl<P: Welcome> axum::serve::Listener for Listener<P> {
    type Io = Connection<P>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection<P>, SocketAddr) {
        match self.incoming.recv().await {
            Some(connection) => {
                let remote = connection.remote_addr();
                (connection, remote)
            }
            // Only while the runtime shuts down.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

async fn accept<P: Welcome>(
    tcp: TcpListener,
    tls: Arc<ServerTls>,
    limits: ListenerLimits,
    ready: mpsc::Sender<Connection<P>>,
) {
    let handshakes = Arc::new(Semaphore::new(permits(limits.handshakes)));
    let connections = Arc::new(Semaphore::new(permits(limits.connections)));
    // Dropped with this task, which ends the handshakes in flight.
    let mut running = JoinSet::new();
    loop {
        let Ok(turn) = Arc::clone(&handshakes).acquire_owned().await else {
            return;
        };
        let accepted = loop {
            tokio::select! {
                accepted = tcp.accept() => break accepted,
                Some(_) = running.join_next() => {}
            }
        };
        let (stream, remote) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                count("accept_failed");
                tracing::warn!(%error, "a connection couldn't be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let Ok(slot) = Arc::clone(&connections).try_acquire_owned() else {
            count("too_many_connections");
            continue;
        };
        let (tls, ready, limits) = (Arc::clone(&tls), ready.clone(), limits.clone());
        running.spawn(async move {
            match handshake(stream, remote, &tls, &limits, slot).await {
                Ok(connection) => {
                    count("ok");
                    // Fails only when the listener is gone.
                    let _ = ready.send(connection).await;
                }
                Err(refused) => {
                    count(refused.result);
                    tracing::debug!(%remote, reason = refused.reason, "handshake refused");
                }
            }
            drop(turn);
        });
    }
}

struct Refused {
    result: &'static str,
    reason: String,
}

async fn handshake<P: Welcome>(
    stream: TcpStream,
    remote: SocketAddr,
    tls: &ServerTls,
    limits: &ListenerLimits,
    slot: OwnedSemaphorePermit,
) -> Result<Connection<P>, Refused> {
    let refused = |result, reason: &dyn ToString| Refused {
        result,
        reason: reason.to_string(),
    };
    // Small answers must not wait for more bytes; without it they only take longer.
    let _ = stream.set_nodelay(true);
    let accepted = TlsAcceptor::from(tls.current()).accept(stream);
    let stream = tokio::time::timeout(limits.handshake_timeout, accepted)
        .await
        .map_err(|_| refused("timed_out", &"not complete in time"))?
        .map_err(|error| refused("failed", &error))?;
    let leaf = stream
        .get_ref()
        .1
        .peer_certificates()
        .and_then(<[_]>::first);
    let peer = P::welcome(leaf.map(AsRef::as_ref), remote);
    let peer = peer.map_err(|reason| refused("failed", &reason))?;
    let age = limits.max_connection_age.map(Age::starting_now);
    Ok(Connection::new(stream, peer, remote, age, slot))
}

fn count(result: &'static str) {
    metrics::counter!("tls_handshakes_total", "result" => result).increment(1);
}

fn permits(limit: NonZeroU32) -> usize {
    usize::try_from(limit.get())
        .unwrap_or(usize::MAX)
        .min(Semaphore::MAX_PERMITS)
}
