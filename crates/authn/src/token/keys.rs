//! The issuer's keys as they are known now, and when they are fetched again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::error::TokenError;
use super::keyset::KeySet;
use super::source::KeySource;

/// Pause after a fetch that failed, so that a token after an outage doesn't wait long.
const FAILED_PAUSE: Duration = Duration::from_secs(1);

/// Reads a monotonic clock.
pub(super) type Clock = Arc<dyn Fn() -> Instant + Send + Sync>;

/// A cache of one issuer's keys. Fetches run one at a time and not too often; keys past half
/// their age are fetched again in the background, keys past their age aren't trusted.
pub(super) struct Keys {
    source: KeySource,
    max_age: Duration,
    interval: Duration,
    clock: Clock,
    current: ArcSwapOption<KeySet>,
    /// Held while a fetch runs.
    last: Arc<Mutex<Option<Attempt>>>,
}

#[derive(Clone, Copy)]
struct Attempt {
    at: Instant,
    failed: bool,
}

/// Why there is no newer key set.
#[derive(Clone, Copy, PartialEq, Eq)]
enum NotFetched {
    /// The last fetch was just now.
    TooSoon,
    /// The issuer can't be reached or answers nonsense.
    Failed,
}

impl Keys {
    pub(super) fn new(
        source: KeySource,
        max_age: Duration,
        interval: Duration,
        clock: Clock,
    ) -> Arc<Self> {
        Arc::new(Self {
            source,
            max_age,
            interval,
            clock,
            current: ArcSwapOption::empty(),
            last: Arc::new(Mutex::new(None)),
        })
    }

    /// A set that is fresh enough and, if at all possible, has the key `kid`.
    pub(super) async fn set_with(self: &Arc<Self>, kid: &str) -> Result<Arc<KeySet>, TokenError> {
        let Some(set) = self.fresh() else {
            return self
                .fetch(None)
                .await
                .map_err(|_| TokenError::KeysUnavailable);
        };
        if set.get(kid).is_some() {
            self.refresh_in_time(&set);
            return Ok(set);
        }
        match self.fetch(Some(set.fetched)).await {
            Ok(set) => Ok(set),
            Err(NotFetched::TooSoon) => Err(TokenError::UnknownKey),
            Err(NotFetched::Failed) => Err(TokenError::KeysUnavailable),
        }
    }

    /// Fetches now, unless somebody just did.
    pub(super) async fn refresh(self: &Arc<Self>) -> Result<(), TokenError> {
        match self.fetch(self.fresh().map(|set| set.fetched)).await {
            Ok(_) => Ok(()),
            Err(NotFetched::TooSoon) if self.fresh().is_some() => Ok(()),
            Err(_) => Err(TokenError::KeysUnavailable),
        }
    }

    fn fresh(&self) -> Option<Arc<KeySet>> {
        let set = self.current.load_full()?;
        (self.age(&set) <= self.max_age).then_some(set)
    }

    fn age(&self, set: &KeySet) -> Duration {
        (self.clock)().saturating_duration_since(set.fetched)
    }

    /// Past half their age, keys are fetched again while they still are trusted.
    fn refresh_in_time(self: &Arc<Self>, set: &KeySet) {
        if self.age(set) <= self.max_age / 2 {
            return;
        }
        let Ok(last) = Arc::clone(&self.last).try_lock_owned() else {
            return;
        };
        if self.may_fetch(&last, self.interval).is_ok() {
            let this = Arc::clone(self);
            tokio::spawn(async move { this.fetch_locked(last).await });
        }
    }

    /// Fetches a set other than the one `seen`. The fetch goes on when the caller hangs up:
    /// others wait for it.
    async fn fetch(self: &Arc<Self>, seen: Option<Instant>) -> Result<Arc<KeySet>, NotFetched> {
        let this = Arc::clone(self);
        let fetching = tokio::spawn(async move {
            let last = Arc::clone(&this.last).lock_owned().await;
            match this.fresh() {
                Some(set) if Some(set.fetched) != seen => return Ok(set),
                _ => this.may_fetch(&last, FAILED_PAUSE)?,
            }
            this.fetch_locked(last).await
        });
        fetching.await.unwrap_or(Err(NotFetched::Failed))
    }

    fn may_fetch(&self, last: &Option<Attempt>, after_failure: Duration) -> Result<(), NotFetched> {
        let Some(last) = last else { return Ok(()) };
        let (pause, refusal) = if last.failed {
            (after_failure, NotFetched::Failed)
        } else {
            (self.interval, NotFetched::TooSoon)
        };
        if (self.clock)().saturating_duration_since(last.at) < pause {
            return Err(refusal);
        }
        Ok(())
    }

    async fn fetch_locked(
        &self,
        mut last: OwnedMutexGuard<Option<Attempt>>,
    ) -> Result<Arc<KeySet>, NotFetched> {
        let begun = (self.clock)();
        let fetched = self.source.fetch(begun).await;
        *last = Some(Attempt {
            at: (self.clock)(),
            failed: fetched.is_err(),
        });
        match fetched {
            Ok(set) => {
                let set = Arc::new(set);
                count("ok");
                tracing::debug!(keys = set.len(), "fetched the issuer's keys");
                if set.len() == 0 {
                    tracing::warn!("the issuer publishes no key that can be used");
                }
                self.current.store(Some(Arc::clone(&set)));
                Ok(set)
            }
            Err(problem) => {
                count("failed");
                tracing::warn!(problem, "can't fetch the issuer's keys");
                Err(NotFetched::Failed)
            }
        }
    }
}

fn count(result: &'static str) {
    metrics::counter!("token_key_fetches_total", "result" => result).increment(1);
}
