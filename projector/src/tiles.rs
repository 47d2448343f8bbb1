//! Opens the audit log's storage as `[tiles]` says.

#[cfg(feature = "s3")]
mod s3;

use std::sync::Arc;

use object_store::ObjectStore;

use crate::config::TilesConfig;

/// To write logs.
///
/// # Errors
/// It can't be opened, or isn't fit to keep a log; the text says what to change.
pub(crate) async fn to_write(tiles: &TilesConfig) -> anyhow::Result<Arc<dyn ObjectStore>> {
    match tiles.url.scheme() {
        #[cfg(feature = "s3")]
        "s3" => s3::open(tiles, auditlog::Access::Write).await,
        _ => Ok(auditlog::open(&tiles.url)?),
    }
}

/// To read logs that another process writes.
///
/// # Errors
/// As [`to_write`].
pub(crate) async fn to_read(tiles: &TilesConfig) -> anyhow::Result<Arc<dyn ObjectStore>> {
    match tiles.url.scheme() {
        #[cfg(feature = "s3")]
        "s3" => s3::open(tiles, auditlog::Access::Read).await,
        _ => Ok(auditlog::open(&tiles.url)?),
    }
}
