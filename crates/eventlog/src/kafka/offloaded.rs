use std::ops::Deref;
use std::thread;

use tokio::sync::oneshot;

/// A client that is closed on a thread of its own, since that talks to brokers
/// and must not hold up whoever lets go of it last.
pub(super) struct Offloaded<T: Send + 'static> {
    inner: Option<T>,
    closed: Option<oneshot::Sender<()>>,
}

impl<T: Send + 'static> Offloaded<T> {
    pub(super) fn new(inner: T) -> Self {
        Self {
            inner: Some(inner),
            closed: None,
        }
    }

    /// With what tells that it has been closed.
    pub(super) fn watched(inner: T) -> (Self, oneshot::Receiver<()>) {
        let (sender, receiver) = oneshot::channel();
        let offloaded = Self {
            inner: Some(inner),
            closed: Some(sender),
        };
        (offloaded, receiver)
    }
}

impl<T: Send + 'static> Deref for Offloaded<T> {
    type Target = T;

    fn deref(&self) -> &T {
        match &self.inner {
            Some(inner) => inner,
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
            // The closure, and the client in it, was dropped right here.
            tracing::warn!(%error, "no thread to close a Kafka client on");
        }
    }
}
