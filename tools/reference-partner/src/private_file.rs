//! Files that nobody but their owner may be able to read.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::config::ConfigError;

/// Refuses a file that others can read; `key` names it in the configuration.
pub(crate) fn check(key: &str, path: &Path) -> Result<(), ConfigError> {
    let metadata = fs::metadata(path)
        .map_err(|error| ConfigError::new(format!("{key}: {}: {error}", path.display())))?;
    if metadata.permissions().mode() & 0o077 == 0 {
        Ok(())
    } else {
        Err(ConfigError::new(format!(
            "{key}: others may read {}; run chmod 600 on it",
            path.display()
        )))
    }
}
