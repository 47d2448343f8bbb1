//! Following a topic into a fold, and knowing how fresh the fold is.

use std::sync::Arc;
use std::time::Duration;

use eventlog::{EventLog, LogError, Record, Tail, TailFrom, Topic};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

/// How old the end offset may be that a fresh fold has reached.
const FRESH_FOR: Duration = Duration::from_secs(1);
/// How often the end is asked for.
const ASK_EVERY: Duration = Duration::from_millis(250);
/// Pause after an error.
const PAUSE: Duration = Duration::from_millis(250);
/// Records handed over at once.
const BATCH: usize = 1024;

/// Follows every partition of a topic. Stops when it is dropped or told to shut down.
#[derive(Debug)]
pub struct Follower {
    positions: watch::Receiver<Vec<u64>>,
    fresh_until: watch::Receiver<Option<Instant>>,
    stop: CancellationToken,
}

impl Follower {
    /// Starts following from `from`; `fold` is called once a record, in order within a
    /// partition. A log that can't be reached is tried again for ever; meanwhile the fold
    /// isn't fresh.
    pub fn spawn(
        log: Arc<dyn EventLog>,
        topic: Topic,
        from: TailFrom,
        shutdown: CancellationToken,
        fold: impl FnMut(&Record) + Send + 'static,
    ) -> Self {
        let stop = shutdown.child_token();
        let (positions_tx, positions) = watch::channel(Vec::new());
        let (fresh_tx, fresh_until) = watch::channel(None);
        tokio::spawn(stop.clone().run_until_cancelled_owned(tail(
            Arc::clone(&log),
            topic,
            from,
            positions_tx,
            fold,
        )));
        tokio::spawn(stop.clone().run_until_cancelled_owned(watch_end(
            log,
            topic,
            positions.clone(),
            fresh_tx,
        )));
        Self {
            positions,
            fresh_until,
            stop,
        }
    }

    /// Whether the fold has reached an end offset that was fetched at most a second ago.
    pub fn is_fresh(&self) -> bool {
        self.fresh_until
            .borrow()
            .is_some_and(|until| Instant::now() < until)
    }

    /// Waits until the fold is fresh for the first time.
    pub async fn hydrated(&self) {
        let mut fresh = self.fresh_until.clone();
        // An error says that the follower has stopped: then it never will be.
        if fresh.wait_for(Option::is_some).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Waits until the fold has reached an end offset that was asked for after this call: whatever
    /// was in the log before is folded then.
    pub async fn caught_up(&self) {
        let called = Instant::now();
        let mut fresh = self.fresh_until.clone();
        let since = |until: &Option<Instant>| until.is_some_and(|at| at >= called + FRESH_FOR);
        // An error says that the follower has stopped: then it never will be.
        if fresh.wait_for(since).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Next offset to be folded, by partition.
    pub fn positions(&self) -> Vec<u64> {
        self.positions.borrow().clone()
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn tail(
    log: Arc<dyn EventLog>,
    topic: Topic,
    mut from: TailFrom,
    positions: watch::Sender<Vec<u64>>,
    mut fold: impl FnMut(&Record),
) {
    loop {
        let opened = log.tail(topic, from.clone()).await;
        let failed = match opened {
            Ok(mut tail) => {
                positions.send_replace(tail.positions());
                let failed = drain(tail.as_mut(), &positions, &mut fold).await;
                from = TailFrom::Offsets(tail.positions());
                failed
            }
            Err(failed) => failed,
        };
        match &failed {
            // Records are gone that this fold has not seen: it must not go on as if it had.
            LogError::Truncated { .. } | LogError::PastEnd { .. } => {
                error!(%topic, error = %failed, "fold halted; restart the process to rebuild it");
                std::future::pending::<()>().await;
            }
            _ => warn!(%topic, error = %failed, "log tail interrupted; trying again"),
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn drain(
    tail: &mut dyn Tail,
    positions: &watch::Sender<Vec<u64>>,
    fold: &mut impl FnMut(&Record),
) -> LogError {
    loop {
        match tail.next_batch(BATCH).await {
            Ok(records) => {
                records.iter().for_each(&mut *fold);
                positions.send_replace(tail.positions());
            }
            Err(failed) => return failed,
        }
    }
}

async fn watch_end(
    log: Arc<dyn EventLog>,
    topic: Topic,
    mut positions: watch::Receiver<Vec<u64>>,
    fresh: watch::Sender<Option<Instant>>,
) {
    loop {
        let asked = Instant::now();
        if let Ok(end) = log.end_offsets(topic).await {
            let reached = positions.wait_for(|at| {
                at.len() == end.len() && at.iter().zip(&end).all(|(at, end)| at >= end)
            });
            if let Ok(Ok(_)) = tokio::time::timeout(FRESH_FOR, reached).await {
                fresh.send_replace(Some(asked + FRESH_FOR));
            }
        }
        tokio::time::sleep(ASK_EVERY).await;
    }
}
