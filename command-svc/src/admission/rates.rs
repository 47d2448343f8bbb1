//! How often callers and owners may ask.

use std::time::Duration;

use serde::Deserialize;
use service::rate::Rate;

use crate::refusal::Refusal;

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
        Self {
            caller: Rate::new(60_000, 2_000),
            subject: Rate::new(30, 15),
        }
    }
}

/// Who has to wait is told for how long.
pub(super) fn refused(wait: Duration) -> Refusal {
    Refusal::RateLimited {
        retry: wait.max(Duration::from_millis(100)),
    }
}
