use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::watch;

/// What a test makes the log suffer.
#[derive(Debug)]
pub(super) struct Faults {
    held: watch::Sender<usize>,
    losing: Arc<AtomicUsize>,
}

impl Faults {
    pub(super) fn none() -> Self {
        Self {
            held: watch::Sender::new(0),
            losing: Arc::default(),
        }
    }

    pub(super) fn hold(&self) -> Hold {
        self.held.send_modify(|held| *held += 1);
        Hold(self.held.clone())
    }

    pub(super) fn lose_acknowledgements(&self) -> LostAcknowledgements {
        self.losing.fetch_add(1, Ordering::SeqCst);
        LostAcknowledgements(Arc::clone(&self.losing))
    }

    /// Waits until no hold is in the way.
    pub(super) async fn pass(&self) {
        let mut held = self.held.subscribe();
        // The sender lives as long as `self`, so this can't fail.
        let _ = held.wait_for(|held| *held == 0).await;
    }

    pub(super) fn loses_acknowledgements(&self) -> bool {
        self.losing.load(Ordering::SeqCst) > 0
    }
}

/// While this lives, the log takes no append in: each waits, and times out as
/// not written.
#[derive(Debug)]
#[must_use = "the log goes on when this is dropped"]
pub struct Hold(watch::Sender<usize>);

impl Drop for Hold {
    fn drop(&mut self) {
        self.0.send_modify(|held| *held -= 1);
    }
}

/// While this lives, the log takes appends in but never acknowledges them: each
/// times out as possibly written.
#[derive(Debug)]
#[must_use = "the log acknowledges again when this is dropped"]
pub struct LostAcknowledgements(Arc<AtomicUsize>);

impl Drop for LostAcknowledgements {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}
