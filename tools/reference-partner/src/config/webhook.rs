//! The section of the webhook.

use std::path::PathBuf;
use std::time::Duration;

use jiff::fmt::serde::unsigned_duration::friendly::compact::required as duration;
use serde::Deserialize;
use url::Url;

use super::ConfigError;

/// Where and how events are sent.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    /// Base URL; events go to `{url}/v1/events`.
    pub url: Url,
    /// File with the shared secret, `whsec_` and base64.
    pub secret_file: PathBuf,
    /// PEM chain of the partner's client certificate.
    pub certificate: PathBuf,
    /// PEM private key.
    pub key: PathBuf,
    /// PEM roots of the service's certificate.
    pub ca: PathBuf,
    /// Limit for one attempt.
    #[serde(default = "Webhook::default_timeout", with = "duration")]
    pub timeout: Duration,
    /// Upper bound of the wait before the first retry; doubled for each further one.
    #[serde(default = "Webhook::default_retry_min", with = "duration")]
    pub retry_min: Duration,
    /// Upper bound of the wait before any retry.
    #[serde(default = "Webhook::default_retry_max", with = "duration")]
    pub retry_max: Duration,
    /// Age at which an undelivered message is given up.
    #[serde(default = "Webhook::default_give_up", with = "duration")]
    pub give_up_after: Duration,
    /// Most events in one message; above 1, waiting events are sent as a batch.
    #[serde(default = "Webhook::default_batch")]
    pub batch_max: usize,
    /// Messages being sent at once.
    #[serde(default = "Webhook::default_in_flight")]
    pub in_flight: usize,
}

impl Webhook {
    fn default_timeout() -> Duration {
        Duration::from_secs(10)
    }
    fn default_retry_min() -> Duration {
        Duration::from_secs(1)
    }
    fn default_retry_max() -> Duration {
        Duration::from_secs(300)
    }
    fn default_give_up() -> Duration {
        Duration::from_secs(72 * 3600)
    }
    fn default_batch() -> usize {
        1
    }
    fn default_in_flight() -> usize {
        8
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if self.url.scheme() != "https" {
            return Err(ConfigError::new("webhook.url: https only"));
        }
        if !(1..=1000).contains(&self.batch_max) || !(1..=1000).contains(&self.in_flight) {
            return Err(ConfigError::new(
                "webhook.batch_max and webhook.in_flight: 1 to 1000",
            ));
        }
        if self.retry_min.is_zero() || self.retry_min > self.retry_max {
            return Err(ConfigError::new(
                "webhook.retry_min: above 0 and at most retry_max",
            ));
        }
        Ok(())
    }
}
