//! `[serve.exports]`.

use std::time::Duration;

use serde::Deserialize;

/// `[serve.exports]`: limits of archives that are given out.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ExportsConfig {
    /// Exports at once; one more is refused.
    pub at_once: usize,
    /// How long one may take, whatever its deadline.
    #[serde(with = "service::config::duration")]
    pub longest: Duration,
    /// Bundles of up to 256 records in one. A million records take about 1.5 GB of temporary files.
    pub bundles: u64,
}

impl Default for ExportsConfig {
    fn default() -> Self {
        Self {
            at_once: 2,
            longest: Duration::from_secs(30 * 60),
            bundles: 4_096,
        }
    }
}
