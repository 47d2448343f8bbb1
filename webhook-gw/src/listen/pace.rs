//! How long a connection may wait for a request. A peer that sends its headers byte by byte, over
//! HTTP/1.1 or HTTP/2, holds a connection no longer than this.

use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// The limits of every connection.
#[derive(Debug, Clone, Copy)]
pub struct PaceLimits {
    /// From a request's first byte, or from the handshake, until its headers are whole.
    pub header_timeout: Duration,
    /// From one request's end to the next one's first byte.
    pub idle_timeout: Duration,
}

/// Why a connection was cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// Headers did not come whole in time.
    SlowHeaders,
    /// No request came.
    Idle,
}

/// One connection's.
#[derive(Debug)]
pub(super) struct Pace {
    limits: PaceLimits,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Requests whose headers came whole and that are not answered.
    ongoing: usize,
    /// Since when there is none of these.
    quiet: Instant,
    /// When, since then, the first byte came.
    heard: Option<Instant>,
}

/// A request that is being answered.
pub(super) struct Ongoing(Arc<Pace>);

impl Pace {
    /// The first request must follow the handshake at once.
    pub(super) fn starting_now(limits: PaceLimits) -> Self {
        let now = Instant::now();
        Self {
            limits,
            state: Mutex::new(State {
                ongoing: 0,
                quiet: now,
                heard: Some(now),
            }),
        }
    }

    /// Bytes came.
    pub(super) fn hear(&self) {
        let mut state = self.state();
        if state.ongoing == 0 && state.heard.is_none() {
            state.heard = Some(Instant::now());
        }
    }

    /// A request's headers came whole.
    pub(super) fn begin(self: &Arc<Self>) -> Ongoing {
        let mut state = self.state();
        state.ongoing += 1;
        state.heard = None;
        drop(state);
        Ongoing(Arc::clone(self))
    }

    /// Ready when the connection has waited for too long. To be polled by the task that reads the
    /// connection, so that whatever moves the end also wakes it.
    pub(super) async fn over(&self) -> Cut {
        let mut timer = pin!(sleep_until(Instant::now()));
        std::future::poll_fn(|context| {
            let Some((end, cut)) = self.end() else {
                return Poll::Pending;
            };
            if Instant::now() >= end {
                return Poll::Ready(cut);
            }
            if timer.deadline() != end {
                timer.as_mut().reset(end);
            }
            timer.as_mut().poll(context).map(|()| cut)
        })
        .await
    }

    /// When it will have, as things are, and for want of what.
    fn end(&self) -> Option<(Instant, Cut)> {
        let state = self.state();
        match (state.ongoing, state.heard) {
            (0, Some(heard)) => Some((heard + self.limits.header_timeout, Cut::SlowHeaders)),
            (0, None) => Some((state.quiet + self.limits.idle_timeout, Cut::Idle)),
            _ => None,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Ongoing {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.ongoing -= 1;
        state.quiet = Instant::now();
        // What came meanwhile were bodies.
        state.heard = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: PaceLimits = PaceLimits {
        header_timeout: Duration::from_secs(10),
        idle_timeout: Duration::from_secs(120),
    };

    async fn after(seconds: u64) {
        tokio::time::advance(Duration::from_secs(seconds)).await;
    }

    /// How it ends, and how many seconds after `begun`.
    async fn ends(pace: &Pace, begun: Instant) -> (Cut, u64) {
        (pace.over().await, begun.elapsed().as_secs())
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_request_must_follow_the_handshake() {
        let (pace, begun) = (Pace::starting_now(LIMITS), Instant::now());
        after(9).await;
        pace.hear();
        assert_eq!(ends(&pace, begun).await, (Cut::SlowHeaders, 10));
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_may_rest_between_requests_and_no_header_may_drip() {
        let (pace, begun) = (Arc::new(Pace::starting_now(LIMITS)), Instant::now());
        let (one, other) = (pace.begin(), pace.begin());
        after(500).await;
        pace.hear();
        drop(one);
        assert_eq!(pace.end(), None, "another one is being answered");
        drop(other);
        let idle = (begun + Duration::from_secs(620), Cut::Idle);
        assert_eq!(pace.end(), Some(idle));
        after(60).await;
        pace.hear();
        after(5).await;
        pace.hear();
        assert_eq!(ends(&pace, begun).await, (Cut::SlowHeaders, 570));
        drop(pace.begin());
        assert_eq!(ends(&pace, begun).await, (Cut::Idle, 690));
    }
}
