//! Logins that have begun: bounded in number, short-lived, each of one browser, each answered once.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::provider::Asked;
use crate::random::{self, Digest};

/// A login that waits for its answer.
pub(crate) struct Pending {
    pub(crate) asked: Asked,
    /// The page that the person wanted.
    pub(crate) to: String,
    /// Of the cookie of the browser that began it.
    browser: Digest,
    begun: Instant,
}

/// All of them, by the digest of their state.
pub(crate) struct Pendings {
    most: usize,
    lives: Duration,
    by_state: Mutex<HashMap<Digest, Pending>>,
}

impl Pendings {
    pub(crate) fn new(most: usize, lives: Duration) -> Self {
        Self {
            most,
            lives,
            by_state: Mutex::default(),
        }
    }

    /// Keeps one. Where there is no room, the oldest goes: whoever begins logins in masses does not
    /// lock others out for long.
    pub(crate) fn begin(&self, asked: Asked, browser: &str, to: String, now: Instant) {
        let mut all = self.by_state.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= self.most {
            all.retain(|_, one| now.saturating_duration_since(one.begun) < self.lives);
        }
        if all.len() >= self.most {
            let oldest = all.iter().min_by_key(|(_, one)| one.begun);
            if let Some(oldest) = oldest.map(|(state, _)| *state) {
                all.remove(&oldest);
            }
        }
        let state = random::digest(&asked.state);
        let pending = Pending {
            asked,
            to,
            browser: random::digest(browser),
            begun: now,
        };
        all.insert(state, pending);
    }

    /// The login that a state answers, in the browser that began it. Whatever comes of it, that state
    /// is spent.
    pub(crate) fn take(&self, state: &str, browser: &str, now: Instant) -> Option<Pending> {
        let mut all = self.by_state.lock().unwrap_or_else(PoisonError::into_inner);
        let pending = all.remove(&random::digest(state))?;
        let young = now.saturating_duration_since(pending.begun) < self.lives;
        (young && pending.browser == random::digest(browser)).then_some(pending)
    }
}
