use serde::Deserialize;
use url::Url;

use crate::LogOptions;

/// The section `[log]` of a process's configuration: where the event log is.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogConfig {
    /// As [`open`](crate::open) takes it.
    pub url: Url,
    /// Partitions, time-outs, retention; the same at every process of one log.
    #[serde(default)]
    pub options: LogOptions,
}
