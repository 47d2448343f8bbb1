//! A partner that speaks byte by byte.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::PATIENCE;

/// One connection.
pub(crate) struct Raw(pub(crate) TlsStream<TcpStream>);

/// An answer's head and body.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Raw {
    pub(crate) async fn connect(port: u16, config: &ClientConfig, alpn: &str) -> io::Result<Self> {
        let mut config = config.clone();
        config.alpn_protocols = vec![alpn.into()];
        let tcp = TcpStream::connect(("127.0.0.1", port)).await?;
        let name = ServerName::try_from("localhost").unwrap();
        let stream = TlsConnector::from(Arc::new(config)).connect(name, tcp);
        Ok(Self(stream.await?))
    }

    pub(crate) async fn say(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.0.write_all(bytes.as_ref()).await?;
        self.0.flush().await
    }

    /// Asks for its deliveries; none where the connection is closed instead.
    pub(crate) async fn ask(&mut self) -> Option<u16> {
        let request = "GET /v1/deliveries HTTP/1.1\r\nhost: localhost\r\n\r\n";
        self.say(request).await.ok()?;
        Some(self.answer().await?.status)
    }

    /// The next answer; none where the connection is closed instead.
    pub(crate) async fn answer(&mut self) -> Option<Answer> {
        let head = timeout(PATIENCE, self.head()).await.unwrap()?;
        let status = head.split(' ').nth(1)?.parse().unwrap();
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("content-length").then_some(value)
        });
        let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
        self.0.read_exact(&mut body).await.ok()?;
        Some(Answer {
            status,
            head,
            body: String::from_utf8(body).unwrap(),
        })
    }

    async fn head(&mut self) -> Option<String> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.0.read_u8().await.ok()?);
        }
        String::from_utf8(head).ok()
    }

    /// Says `byte` again and again, and returns when the connection is closed.
    pub(crate) async fn drip(mut self, byte: u8) {
        let mut heard = [0; 1024];
        let dripping = async {
            while self.say([byte]).await.is_ok() {
                let heard = timeout(Duration::from_millis(10), self.0.read(&mut heard));
                if matches!(heard.await, Ok(Ok(0) | Err(_))) {
                    return;
                }
            }
        };
        timeout(PATIENCE, dripping).await.unwrap();
    }
}
