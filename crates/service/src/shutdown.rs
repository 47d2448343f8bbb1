//! How a process ends: not ready first, then no new work, then what is in flight, then out.

use std::io;
use std::pin::pin;
use std::time::Duration;

use serde::Deserialize;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::health::Health;

/// `[process.shutdown]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ShutdownConfig {
    /// How long the process still takes work after it said that it isn't ready, for load
    /// balancers to notice. Absent: not at all.
    #[serde(with = "crate::config::duration::option")]
    pub drain: Option<Duration>,
    /// How long work in flight may take after that.
    #[serde(with = "crate::config::duration")]
    pub grace: Duration,
}

impl Default for ShutdownConfig {
    fn default() -> Self {
        Self {
            drain: None,
            grace: Duration::from_secs(20),
        }
    }
}

/// A demand to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGTERM: the orchestrator's.
    Terminate,
    /// SIGINT: the keyboard's.
    Interrupt,
}

/// How the process' work came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending<T> {
    /// It returned.
    Finished(T),
    /// It was still running when the grace period was over.
    GraceElapsed,
    /// A second signal wanted the process gone at once.
    Forced,
}

/// Receives SIGTERM and SIGINT from now on.
///
/// # Errors
/// The operating system's, where signals can't be received.
pub fn signals() -> io::Result<mpsc::Receiver<Signal>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let (sender, receiver) = mpsc::channel(4);
    tokio::spawn(async move {
        loop {
            let received = tokio::select! {
                Some(()) = terminate.recv() => Signal::Terminate,
                Some(()) = interrupt.recv() => Signal::Interrupt,
                else => return,
            };
            if sender.send(received).await.is_err() {
                return;
            }
        }
    });
    Ok(receiver)
}

/// Runs `work` to its end. At the first signal: not ready, wait `drain`, cancel `stop`, wait
/// `grace` for the work to return. A second signal ends the wait at once.
pub async fn supervise<T>(
    work: impl Future<Output = T>,
    mut signals: mpsc::Receiver<Signal>,
    config: &ShutdownConfig,
    health: &Health,
    stop: &CancellationToken,
) -> Ending<T> {
    let mut work = pin!(work);
    tokio::select! {
        finished = &mut work => return Ending::Finished(finished),
        Some(signal) = signals.recv() => {
            health.draining();
            tracing::info!(?signal, grace = ?config.grace, "shutting down");
        }
    }
    let orderly = async {
        if let Some(drain) = config.drain {
            tokio::select! {
                finished = &mut work => return Ending::Finished(finished),
                () = tokio::time::sleep(drain) => {}
            }
        }
        stop.cancel();
        match tokio::time::timeout(config.grace, &mut work).await {
            Ok(finished) => Ending::Finished(finished),
            Err(_) => Ending::GraceElapsed,
        }
    };
    tokio::select! {
        biased;
        Some(_) = signals.recv() => Ending::Forced,
        ending = orderly => ending,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn config(drain: Option<u64>) -> ShutdownConfig {
        ShutdownConfig {
            drain: drain.map(Duration::from_secs),
            grace: Duration::from_secs(20),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn first_not_ready_then_stopped_then_finished() {
        let (send, signals) = mpsc::channel(1);
        let (health, stop) = (Health::new(), CancellationToken::new());
        health.started();
        let work = async {
            assert!(health.status().is_ready());
            send.send(Signal::Terminate).await.unwrap();
            let mut watch = health.subscribe();
            watch.wait_for(|status| !status.is_ready()).await.unwrap();
            assert!(!stop.is_cancelled(), "still takes work while others notice");
            stop.cancelled().await;
            7
        };
        let ending = supervise(work, signals, &config(Some(5)), &health, &stop).await;
        assert_eq!(ending, Ending::Finished(7));
    }

    #[tokio::test(start_paused = true)]
    async fn work_that_doesnt_end_is_left_after_the_grace_period() {
        let (send, signals) = mpsc::channel(1);
        send.send(Signal::Interrupt).await.unwrap();
        let (health, stop) = (Health::new(), CancellationToken::new());
        let begun = tokio::time::Instant::now();
        let work = std::future::pending::<()>();
        let ending = supervise(work, signals, &config(None), &health, &stop).await;
        assert_eq!(ending, Ending::GraceElapsed);
        assert_eq!(begun.elapsed().as_secs(), 20);
    }

    #[tokio::test(start_paused = true)]
    async fn a_second_signal_waits_for_nothing() {
        let (send, signals) = mpsc::channel(2);
        send.send(Signal::Terminate).await.unwrap();
        send.send(Signal::Terminate).await.unwrap();
        let (health, stop) = (Health::new(), CancellationToken::new());
        let begun = tokio::time::Instant::now();
        let work = std::future::pending::<()>();
        let ending = supervise(work, signals, &config(Some(5)), &health, &stop).await;
        assert_eq!((ending, begun.elapsed().as_secs()), (Ending::Forced, 0));
    }

    #[tokio::test]
    async fn work_that_ends_by_itself_needs_no_signal() {
        let (_send, signals) = mpsc::channel(1);
        let (health, stop) = (Health::new(), CancellationToken::new());
        let ending = supervise(async { "done" }, signals, &config(None), &health, &stop).await;
        assert_eq!(ending, Ending::Finished("done"));
    }
}
