//! The ways in which the token endpoint can be told to fail.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use serde::Deserialize;

use super::scope::{Scope, ScopeSet};

/// How the token endpoint fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum EndpointMode {
    /// Answers 503.
    Down,
    /// Grants less than was asked, as some servers do.
    ShrinkScope,
    /// Refuses the client.
    InvalidClient,
}

/// The failure in force, and for how many more requests.
#[derive(Debug, Default)]
pub(crate) struct EndpointFailure(Mutex<Option<(EndpointMode, Option<u32>)>>);

impl EndpointFailure {
    /// Sets or clears the failure.
    pub(crate) fn set(&self, failure: Option<(EndpointMode, Option<u32>)>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = failure;
    }

    /// The failure that this request meets; counts it.
    pub(super) fn take(&self) -> Option<EndpointMode> {
        let mut failure = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (mode, times) = (*failure)?;
        let left = times.map(|times| times.saturating_sub(1));
        *failure = (left != Some(0)).then_some((mode, left));
        Some(mode)
    }
}

/// Less than, or other than, what was asked.
pub(super) fn shrink(scopes: &ScopeSet) -> ScopeSet {
    let mut less = scopes.0.clone();
    less.pop_first();
    if less.is_empty() {
        let other = if scopes.0.contains(&Scope::DevicesRead) {
            Scope::EventsRead
        } else {
            Scope::DevicesRead
        };
        less = BTreeSet::from([other]);
    }
    ScopeSet(less)
}
