//! A connection that tells its [`Pace`] when bytes come.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use authn::tls::TlsConnection;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::pace::Pace;

pub(super) struct Watched {
    connection: TlsConnection,
    pace: Arc<Pace>,
}

impl Watched {
    pub(super) fn new(connection: TlsConnection, pace: Arc<Pace>) -> Self {
        Self { connection, pace }
    }

    fn connection(self: Pin<&mut Self>) -> Pin<&mut TlsConnection> {
        Pin::new(&mut self.get_mut().connection)
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = self.as_mut().connection().poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.pace.hear();
        }
        read
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.connection().poll_write(context, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.connection().poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.connection.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.connection().poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.connection().poll_shutdown(context)
    }
}
