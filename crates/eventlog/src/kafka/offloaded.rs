use std::ops::Deref;
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;

/// Clients of this process that are not closed yet.
static OPEN: Mutex<usize> = Mutex::new(0);
static CLOSED: Condvar = Condvar::new();

/// Waits until every client is closed. A process whose last act is to let go of a log must: a client
/// that is still closing while the process exits finds its libraries torn down, and crashes it. False:
/// some are not closed in time.
pub(crate) fn all_closed(limit: Duration) -> bool {
    let open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
    let waited = CLOSED.wait_timeout_while(open, limit, |open| *open > 0);
    let (open, _) = waited.unwrap_or_else(PoisonError::into_inner);
    *open == 0
}

/// Counts one client, until it is closed.
struct Counted;

impl Counted {
    fn new() -> Self {
        *OPEN.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        Self
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        *OPEN.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        CLOSED.notify_all();
    }
}

/// A client that is closed on a thread of its own, since that talks to brokers
/// and must not hold up whoever lets go of it last.
pub(super) struct Offloaded<T: Send + 'static> {
    inner: Option<(T, Counted)>,
    closed: Option<oneshot::Sender<()>>,
}

impl<T: Send + 'static> Offloaded<T> {
    pub(super) fn new(inner: T) -> Self {
        Self {
            inner: Some((inner, Counted::new())),
            closed: None,
        }
    }

    /// With what tells that it has been closed.
    pub(super) fn watched(inner: T) -> (Self, oneshot::Receiver<()>) {
        let (sender, receiver) = oneshot::channel();
        let offloaded = Self {
            inner: Some((inner, Counted::new())),
            closed: Some(sender),
        };
        (offloaded, receiver)
    }
}

impl<T: Send + 'static> Deref for Offloaded<T> {
    type Target = T;

    fn deref(&self) -> &T {
        match &self.inner {
            Some((inner, _)) => inner,
            None => unreachable!("it is taken out by drop alone"),
        }
    }
}

impl<T: Send + 'static> Drop for Offloaded<T> {
    fn drop(&mut self) {
        let (inner, closed) = (self.inner.take(), self.closed.take());
        let close = move || {
            drop(inner);
            drop(closed);
        };
        let started = thread::Builder::new()
            .name("kafka client end".to_owned())
            .spawn(close);
        if let Err(error) = started {
            // The closure, and the client in it, were dropped right here.
            tracing::warn!(%error, "no thread to close a Kafka client on");
        }
    }
}
