//! `[backfill]`.

use std::time::Duration;

use domain::PartnerId;
use partner::PartnerConfig;
use serde::Deserialize;
use service::config::duration;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How gaps in what partners deliver are filled. Without it nobody looks for gaps.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackfillConfig {
    /// How long a gap stays open before the partner is asked for it.
    #[serde(default = "after", with = "duration")]
    pub after: Duration,
    /// How long a gap stays open before it is recorded that the partner can't be asked.
    #[serde(default = "give_up", with = "duration")]
    pub give_up: Duration,
    /// How much of the log is read at the start. What happened before is unknown, not missing.
    #[serde(default = "window", with = "duration")]
    pub window: Duration,
    /// How to ask each partner, with a client id that may do nothing but read events.
    pub partners: Vec<PartnerConfig>,
}

impl BackfillConfig {
    /// Checks what can be checked without files.
    ///
    /// # Errors
    /// The text names the key.
    pub(crate) fn validate(&self, senders: &[&PartnerId]) -> Result<(), String> {
        if self.after < Duration::from_millis(100) || self.after > DAY {
            return Err("`backfill.after` must be 100ms to 24h".to_owned());
        }
        if self.give_up < self.after || self.give_up > 30 * DAY {
            return Err("`backfill.give_up` must be `backfill.after` to 720h".to_owned());
        }
        if self.window < self.after || self.window > 30 * DAY {
            return Err("`backfill.window` must be `backfill.after` to 720h".to_owned());
        }
        for (index, config) in self.partners.iter().enumerate() {
            let id = &config.partner;
            if !senders.contains(&id) {
                return Err(format!(
                    "`backfill.partners` names `{id}`, which `partners` doesn't; add it there"
                ));
            }
            let before = &self.partners[..index];
            if before.iter().any(|other| other.partner == *id) {
                return Err(format!("`backfill.partners` names `{id}` twice"));
            }
            config
                .validate()
                .map_err(|error| format!("`backfill.partners`: `{id}`: {error}"))?;
        }
        Ok(())
    }
}

fn after() -> Duration {
    Duration::from_secs(30)
}

fn give_up() -> Duration {
    Duration::from_secs(15 * 60)
}

fn window() -> Duration {
    7 * DAY
}
