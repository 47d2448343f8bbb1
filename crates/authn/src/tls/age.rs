//! The end of a connection's life: a certificate that was withdrawn is out at the latest then.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

/// An old connection that was silent for so long has nothing in flight and ends.
const SILENCE: Duration = Duration::from_secs(10);
/// An old connection that is never silent ends after so long all the same.
const GRACE: Duration = Duration::from_secs(60);

/// Tells when a connection is over: past its age once it is silent, or past age and grace.
#[derive(Debug)]
pub(super) struct Age {
    old_at: Instant,
    last_traffic: Instant,
    timer: Pin<Box<Sleep>>,
}

impl Age {
    pub(super) fn starting_now(max: Duration) -> Self {
        let now = Instant::now();
        Self {
            old_at: now + max,
            last_traffic: now,
            timer: Box::pin(tokio::time::sleep_until(now + max)),
        }
    }

    /// Something was read or written.
    pub(super) fn traffic(&mut self) {
        self.last_traffic = Instant::now();
    }

    /// Ready once the connection is over; wakes the reader then.
    pub(super) fn poll_over(&mut self, context: &mut Context<'_>) -> Poll<()> {
        while self.timer.as_mut().poll(context).is_ready() {
            let end = (self.last_traffic + SILENCE)
                .max(self.old_at)
                .min(self.old_at + GRACE);
            if Instant::now() >= end {
                return Poll::Ready(());
            }
            self.timer.as_mut().reset(end);
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: Duration = Duration::from_secs(300);

    async fn over(age: &mut Age) {
        std::future::poll_fn(|context| age.poll_over(context)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_connection_ends_at_its_age() {
        let begun = Instant::now();
        over(&mut Age::starting_now(MAX)).await;
        assert_eq!(begun.elapsed().as_secs(), 300);
    }

    #[tokio::test(start_paused = true)]
    async fn traffic_puts_the_end_off_until_it_pauses() {
        let begun = Instant::now();
        let mut age = Age::starting_now(MAX);
        tokio::time::advance(Duration::from_secs(295)).await;
        age.traffic();
        over(&mut age).await;
        assert_eq!(begun.elapsed().as_secs(), 305);
    }

    #[tokio::test(start_paused = true)]
    async fn traffic_without_end_doesnt_put_it_off_for_ever() {
        let begun = Instant::now();
        let mut age = Age::starting_now(MAX);
        loop {
            tokio::select! {
                biased;
                () = over(&mut age) => break,
                () = tokio::time::sleep(Duration::from_secs(1)) => age.traffic(),
            }
        }
        assert_eq!(begun.elapsed().as_secs(), 360);
    }
}
