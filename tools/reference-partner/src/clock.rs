//! The partner's clock: the system's, shifted by what the control API asked for.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

/// A clock that can be shifted, so that disagreement between two companies' clocks can be shown.
#[derive(Debug)]
pub(crate) struct Clock {
    offset: watch::Sender<SignedDuration>,
}

impl Clock {
    pub(crate) fn new() -> Self {
        Self {
            offset: watch::Sender::new(SignedDuration::ZERO),
        }
    }

    /// The time now, to the millisecond: no more digits than everyone can read.
    pub(crate) fn now(&self) -> Timestamp {
        let now = Timestamp::now().saturating_add(*self.offset.borrow());
        now.and_then(|now| Timestamp::from_millisecond(now.as_millisecond()))
            .unwrap_or(Timestamp::MAX)
    }

    /// Shifts the clock against the system's.
    pub(crate) fn shift(&self, offset: SignedDuration) {
        self.offset.send_replace(offset);
    }

    /// Returns once the clock shows at least `time`; a shift in between is taken into account.
    pub(crate) async fn sleep_until(&self, time: Timestamp) {
        let mut shifts = self.offset.subscribe();
        loop {
            shifts.mark_unchanged();
            let now = self.now();
            if now >= time {
                return;
            }
            let left = Duration::try_from(time.duration_since(now)).unwrap_or(Duration::ZERO);
            tokio::select! {
                () = tokio::time::sleep(left) => {}
                _ = shifts.changed() => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::sync::Arc;

    #[tokio::test]
    async fn a_shift_wakes_a_sleeper() {
        let clock = Arc::new(Clock::new());
        let later = clock.now() + SignedDuration::from_hours(1);
        let sleeper = tokio::spawn({
            let clock = clock.clone();
            async move { clock.sleep_until(later).await }
        });
        tokio::task::yield_now().await;
        clock.shift(SignedDuration::from_hours(2));
        sleeper.await.unwrap();
        assert!(clock.now() >= later);
    }
}
