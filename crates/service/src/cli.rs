//! Command-line arguments that every process has.

use std::path::PathBuf;

use crate::config::{ConfigError, ProcessConfig, load};

/// `--config` and `--check-config`; flatten it into the process' own arguments.
#[derive(Clone, Debug, clap::Args)]
pub struct CommonArgs {
    /// Configuration file (TOML)
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,

    /// Load and validate the configuration, say what is wrong with it, and exit (0: good, 2: not)
    #[arg(long)]
    pub check_config: bool,
}

/// Why a process doesn't start with this configuration.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// It can't be read or typed.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// It breaks a rule of [`ProcessConfig::validate`].
    #[error("configuration {file} is wrong:\n  {problem}")]
    Rule {
        /// The file.
        file: String,
        /// What to change.
        problem: String,
    },
}

impl CommonArgs {
    /// Loads and validates the configuration.
    ///
    /// # Errors
    /// [`StartError`], whose text names the file and the key.
    pub fn load<C: ProcessConfig>(&self) -> Result<C, StartError> {
        let config: C = load(&self.config, C::ENV_PREFIX)?;
        config
            .process()
            .validate()
            .and_then(|()| config.validate())
            .map_err(|problem| StartError::Rule {
                file: self.config.display().to_string(),
                problem,
            })?;
        Ok(config)
    }
}
