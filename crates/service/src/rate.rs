//! Rates by key: a bucket of tokens each (GCRA).

use std::hash::Hash;
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use serde::Deserialize;

/// How often one key may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// In the long run.
    pub per_minute: NonZeroU32,
    /// At once, after a pause.
    pub burst: NonZeroU32,
}

impl Rate {
    /// At least 1 of each.
    pub fn new(per_minute: u32, burst: u32) -> Self {
        let at_least_one = |count| NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN);
        Self {
            per_minute: at_least_one(per_minute),
            burst: at_least_one(burst),
        }
    }
}

/// The rates of one kind of key.
pub struct Rates<K: Hash + Eq + Clone> {
    limiter: DefaultKeyedRateLimiter<K>,
    clock: DefaultClock,
}

impl<K: Hash + Eq + Clone> Rates<K> {
    /// Every key's bucket is full.
    pub fn new(rate: Rate) -> Self {
        let quota = Quota::per_minute(rate.per_minute).allow_burst(rate.burst);
        Self {
            limiter: RateLimiter::keyed(quota),
            clock: DefaultClock::default(),
        }
    }

    /// Takes one token of `key`.
    ///
    /// # Errors
    /// There is none; after how long there will be.
    pub fn check(&self, key: &K) -> Result<(), Duration> {
        self.limiter
            .check_key(key)
            .map_err(|until| until.wait_time_from(self.clock.now()))
    }

    /// Forgets keys whose buckets are full again.
    pub fn sweep(&self) {
        self.limiter.retain_recent();
        self.limiter.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_burst_then_a_wait_that_is_told() {
        let rates: Rates<u8> = Rates::new(Rate::new(1, 3));
        for _ in 0..3 {
            rates.check(&1).unwrap();
        }
        let wait = rates.check(&1).expect_err("the fourth is too much");
        assert!(wait > Duration::from_secs(50) && wait <= Duration::from_secs(60));
        rates.check(&2).unwrap();
    }

    #[test]
    fn whoever_waits_for_nothing_is_forgotten() {
        let rates: Rates<u8> = Rates::new(Rate::new(u32::MAX, 1));
        rates.check(&1).unwrap();
        assert_eq!(rates.limiter.len(), 1);
        while !rates.limiter.is_empty() {
            rates.sweep();
        }
    }
}
