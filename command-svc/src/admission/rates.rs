//! Rates by key: a bucket of tokens each (GCRA).

use std::hash::Hash;
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use serde::Deserialize;

use crate::refusal::Refusal;

/// How often one key may ask.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// In the long run.
    pub per_minute: NonZeroU32,
    /// At once, after a pause.
    pub burst: NonZeroU32,
}

/// Rates of all kinds.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RatesConfig {
    /// One BFF, by its certificate's name.
    pub caller: Rate,
    /// One owner, or one guest pass.
    pub subject: Rate,
}

impl Default for RatesConfig {
    fn default() -> Self {
        let rate = |per_minute, burst| Rate {
            per_minute: NonZeroU32::new(per_minute).unwrap_or(NonZeroU32::MIN),
            burst: NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN),
        };
        Self {
            caller: rate(60_000, 2_000),
            subject: rate(30, 15),
        }
    }
}

/// The rates of one kind of key.
pub(super) struct Rates<K: Hash + Eq + Clone> {
    limiter: DefaultKeyedRateLimiter<K>,
    clock: DefaultClock,
}

impl<K: Hash + Eq + Clone> Rates<K> {
    pub(super) fn new(rate: Rate) -> Self {
        let quota = Quota::per_minute(rate.per_minute).allow_burst(rate.burst);
        Self {
            limiter: RateLimiter::keyed(quota),
            clock: DefaultClock::default(),
        }
    }

    /// Takes one token of `key`.
    ///
    /// # Errors
    /// There is none; the refusal says when there will be.
    pub(super) fn check(&self, key: &K) -> Result<(), Refusal> {
        self.limiter.check_key(key).map_err(|until| {
            let wait = until.wait_time_from(self.clock.now());
            Refusal::RateLimited {
                retry: wait.max(Duration::from_millis(100)),
            }
        })
    }

    /// Forgets keys whose buckets are full again.
    pub(super) fn sweep(&self) {
        self.limiter.retain_recent();
        self.limiter.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn rates(per_minute: u32, burst: u32) -> Rates<u8> {
        Rates::new(Rate {
            per_minute: per_minute.try_into().unwrap(),
            burst: burst.try_into().unwrap(),
        })
    }

    #[test]
    fn a_burst_then_a_wait_that_is_told() {
        let rates = rates(1, 3);
        for _ in 0..3 {
            rates.check(&1).unwrap();
        }
        let Err(Refusal::RateLimited { retry }) = rates.check(&1) else {
            panic!("the fourth is too much");
        };
        assert!(retry > Duration::from_secs(50) && retry <= Duration::from_secs(60));
        rates.check(&2).unwrap();
    }

    #[test]
    fn whoever_waits_for_nothing_is_forgotten() {
        let rates = rates(u32::MAX, 1);
        rates.check(&1).unwrap();
        assert_eq!(rates.limiter.len(), 1);
        while !rates.limiter.is_empty() {
            rates.sweep();
        }
    }
}
