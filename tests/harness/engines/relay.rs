//! A TCP relay that can be made to hold back what passes through it: a network that stalls, while both
//! ends live.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};

/// A relay; it and what passes through it end with its value, and with the runtime that it was opened on.
#[derive(Debug)]
pub struct Relay {
    requests: Arc<watch::Sender<usize>>,
    answers: Arc<watch::Sender<usize>>,
    task: AbortHandle,
}

/// While this lives, bytes of one direction, or both, are kept back; none is lost.
#[derive(Debug)]
#[must_use = "the relay goes on when this is dropped"]
pub struct Stall(Vec<Arc<watch::Sender<usize>>>);

impl Relay {
    /// Listens on `front` and passes what comes on to `back`.
    ///
    /// # Errors
    /// `front` can't be bound.
    pub async fn open(front: SocketAddr, back: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind(front)
            .await
            .with_context(|| format!("listen on {front}"))?;
        let requests = Arc::new(watch::Sender::new(0));
        let answers = Arc::new(watch::Sender::new(0));
        let (up, down) = (requests.subscribe(), answers.subscribe());
        let task = tokio::spawn(async move {
            // They end with this task.
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                connections.spawn(connect(client, back, up.clone(), down.clone()));
            }
        });
        Ok(Self {
            requests,
            answers,
            task: task.abort_handle(),
        })
    }

    /// Keeps back both directions.
    pub fn stall(&self) -> Stall {
        Stall::new([&self.requests, &self.answers])
    }

    /// Keeps back what the server answers; requests still reach it.
    pub fn stall_answers(&self) -> Stall {
        Stall::new([&self.answers])
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Stall {
    fn new<const N: usize>(gates: [&Arc<watch::Sender<usize>>; N]) -> Self {
        let gates = gates.map(Arc::clone);
        for gate in &gates {
            gate.send_modify(|stalls| *stalls += 1);
        }
        Self(gates.into())
    }
}

impl Drop for Stall {
    fn drop(&mut self) {
        for gate in &self.0 {
            gate.send_modify(|stalls| *stalls -= 1);
        }
    }
}

async fn connect(
    client: TcpStream,
    back: SocketAddr,
    up: watch::Receiver<usize>,
    down: watch::Receiver<usize>,
) {
    let Ok(server) = TcpStream::connect(back).await else {
        return;
    };
    // Small messages must not wait for each other.
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (client_reads, client_writes) = client.into_split();
    let (server_reads, server_writes) = server.into_split();
    // Where one direction ends, the other has nothing left to answer.
    tokio::select! {
        _ = pass(client_reads, server_writes, up) => {}
        _ = pass(server_reads, client_writes, down) => {}
    }
}

async fn pass(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut gate: watch::Receiver<usize>,
) -> std::io::Result<()> {
    let mut buffer = vec![0; 64 << 10];
    loop {
        let length = from.read(&mut buffer).await?;
        if length == 0 {
            return Ok(());
        }
        // Fails where the relay is gone; then what is here may as well pass.
        let _ = gate.wait_for(|stalls| *stalls == 0).await;
        to.write_all(&buffer[..length]).await?;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;
    use crate::process::free_port;

    #[tokio::test]
    async fn what_was_kept_back_arrives_in_order_once_the_stall_ends() {
        let (front, back) = (free_port().unwrap(), free_port().unwrap());
        let server = TcpListener::bind(back.address()).await.unwrap();
        let relay = Relay::open(front.address(), back.address()).await.unwrap();
        let mut client = TcpStream::connect(front.address()).await.unwrap();
        let (mut server, _) = server.accept().await.unwrap();

        let mut read = [0; 3];
        let stall = relay.stall_answers();
        client.write_all(b"ask").await.unwrap();
        server.read_exact(&mut read).await.unwrap();
        server.write_all(b"one").await.unwrap();
        server.write_all(b"two").await.unwrap();
        let early = timeout(Duration::from_millis(50), client.read_exact(&mut read)).await;
        assert!(early.is_err(), "the answer is kept back");
        drop(stall);
        for expected in [b"one", b"two"] {
            client.read_exact(&mut read).await.unwrap();
            assert_eq!(&read, expected);
        }
    }
}
