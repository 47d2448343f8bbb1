//! The worker of one partner in one complex.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::{Instant, sleep_until};

use super::{CALL, Desk, Pair, Provisioner};

/// After a worker has taken over, calls of the one before may still be under way: so soon it looks
/// again.
const SETTLED: Duration = CALL.saturating_mul(2);
/// Pause after a round that says nothing about when to go on.
const PAUSE: Duration = Duration::from_secs(1);

/// Works on a pair until it is dropped.
pub(super) async fn work(provisioner: Arc<Provisioner>, pair: Pair, desk: Arc<Desk>) {
    let interval = provisioner.config.interval;
    let (mut next_look, mut pause) = (Instant::now(), SETTLED.min(interval));
    loop {
        let full = Instant::now() >= next_look;
        let round = provisioner.round(&pair, &desk, full).await;
        if round.listed {
            next_look = Instant::now() + pause;
            pause = interval;
        }
        let turns = round.until.map(|at| Instant::now() + until(at));
        let look = (round.listed || !full).then_some(next_look);
        let next = [round.retry, turns, look].into_iter().flatten().min();
        let next = next.unwrap_or_else(|| Instant::now() + PAUSE);
        let wait = next.saturating_duration_since(Instant::now());
        desk.status().next_attempt = round.retry.and(Timestamp::now().checked_add(wait).ok());
        tokio::select! {
            () = sleep_until(next) => {}
            () = desk.wake.notified() => {}
        }
    }
}

fn until(at: Timestamp) -> Duration {
    Duration::try_from(at.duration_since(Timestamp::now())).unwrap_or_default()
}
