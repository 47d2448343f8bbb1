//! What the configuration of every process has.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::admin::AdminConfig;
use crate::shutdown::ShutdownConfig;
use crate::telemetry::TelemetryConfig;

/// The configuration of one process.
pub trait ProcessConfig: DeserializeOwned + Send + 'static {
    /// The process' name as logs and traces show it, such as `command-svc`.
    const NAME: &'static str;
    /// What its environment variables start with, such as `COMMAND_SVC`.
    const ENV_PREFIX: &'static str;

    /// The part that every process has.
    fn process(&self) -> &ProcessSettings;

    /// Rules that types alone can't express; also applied by `--check-config`.
    ///
    /// # Errors
    /// A text that names the key and says what to write instead.
    fn validate(&self) -> Result<(), String> {
        Ok(())
    }
}

/// `[process]` of every configuration file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProcessSettings {
    /// Listener for health and metrics.
    pub admin: AdminConfig,
    /// Logs.
    #[serde(default)]
    pub telemetry: TelemetryConfig,
    /// How the process ends.
    #[serde(default)]
    pub shutdown: ShutdownConfig,
}

impl ProcessSettings {
    /// Rules that types alone can't express.
    ///
    /// # Errors
    /// A text that names the key and says what to write instead.
    pub fn validate(&self) -> Result<(), String> {
        self.admin
            .validate()
            .map_err(|error| format!("`process.admin.listen`: {error}"))?;
        self.telemetry
            .validate()
            .map_err(|error| format!("`process.telemetry.filter`: {error}"))
    }
}
