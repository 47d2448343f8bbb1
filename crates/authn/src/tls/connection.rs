//! One connection whose peer is known.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::serve::IncomingStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio_rustls::server::TlsStream;

use super::age::Age;
use super::listener::{OpenListener, TlsListener};
use super::visitor::Visitor;
use crate::peer::PeerIdentity;

/// A connection that has completed its handshake with a verified client certificate.
pub type TlsConnection = Connection<PeerIdentity>;

/// A connection that has completed its handshake; `P` is what is known of the other end.
#[derive(Debug)]
pub struct Connection<P> {
    stream: TlsStream<TcpStream>,
    peer: P,
    remote: SocketAddr,
    age: Option<Age>,
    /// Its place among the connections that the listener may have.
    _slot: OwnedSemaphorePermit,
}

impl<P> Connection<P> {
    pub(super) fn new(
        stream: TlsStream<TcpStream>,
        peer: P,
        remote: SocketAddr,
        age: Option<Age>,
        slot: OwnedSemaphorePermit,
    ) -> Self {
        Self {
            stream,
            peer,
            remote,
            age,
            _slot: slot,
        }
    }

    /// Who is at the other end.
    pub fn peer(&self) -> &P {
        &self.peer
    }

    /// Where the other end is.
    pub fn remote_addr(&self) -> SocketAddr {
        self.remote
    }

    /// Whether HTTP/2 was agreed on in the handshake (ALPN); HTTP/1.1 otherwise.
    pub fn speaks_http2(&self) -> bool {
        self.stream.get_ref().1.alpn_protocol() == Some(b"h2")
    }

    fn traffic(&mut self) {
        if let Some(age) = &mut self.age {
            age.traffic();
        }
    }
}

impl<P: Unpin> AsyncRead for Connection<P> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Some(age) = &mut self.age
            && age.poll_over(context).is_ready()
        {
            // Reads as the peer's end of stream: the server closes the connection.
            return Poll::Ready(Ok(()));
        }
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if read.is_ready() {
            self.traffic();
        }
        read
    }
}

impl<P: Unpin> AsyncWrite for Connection<P> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        if written.is_ready() {
            self.traffic();
        }
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, bytes);
        if written.is_ready() {
            self.traffic();
        }
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// Puts the [`PeerIdentity`] into the extensions of every gRPC request.
impl tonic::transport::server::Connected for TlsConnection {
    type ConnectInfo = PeerIdentity;

    fn connect_info(&self) -> PeerIdentity {
        self.peer.clone()
    }
}

/// Makes `ConnectInfo<PeerIdentity>` available to every HTTP handler.
impl axum::extract::connect_info::Connected<IncomingStream<'_, TlsListener>> for PeerIdentity {
    fn connect_info(stream: IncomingStream<'_, TlsListener>) -> Self {
        stream.io().peer.clone()
    }
}

/// Makes `ConnectInfo<Visitor>` available to every HTTP handler.
impl axum::extract::connect_info::Connected<IncomingStream<'_, OpenListener>> for Visitor {
    fn connect_info(stream: IncomingStream<'_, OpenListener>) -> Self {
        stream.io().peer.clone()
    }
}
