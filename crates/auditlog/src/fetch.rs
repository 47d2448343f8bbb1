//! Reading a log's objects.

use bytes::Bytes;
use object_store::{ObjectStore, ObjectStoreExt};
use tlog_tiles::HASH_SIZE;

use crate::tiles::{FULL, Name};
use crate::{Error, LogId, Result, bundle};

/// The object of exactly this name, whatever its length below the most that it can have.
pub(crate) async fn bounded(store: &dyn ObjectStore, log: &LogId, name: Name) -> Result<Bytes> {
    let found = match store.get(&name.path(log)).await {
        Ok(found) => found,
        Err(object_store::Error::NotFound { .. }) => {
            return Err(Error::Missing {
                log: log.to_string(),
                object: name.relative(),
            });
        }
        Err(error) => return Err(error.into()),
    };
    if found.meta.size > name.max_bytes() {
        return Err(name.mismatch(log, "is larger than the format permits"));
    }
    Ok(found.bytes().await?)
}

/// The object of exactly this name.
pub(crate) async fn exact(store: &dyn ObjectStore, log: &LogId, name: Name) -> Result<Bytes> {
    let bytes = bounded(store, log, name).await?;
    let fixed = matches!(name, Name::Hashes { .. } | Name::Positions { .. });
    if fixed && bytes.len() as u64 != name.max_bytes() {
        return Err(name.mismatch(log, "has another length than its name says"));
    }
    Ok(bytes)
}

/// The object of this name, or, where a partial tile or bundle was removed because the full one
/// exists, what it held (C2SP tlog-tiles, "Partial Tiles").
pub(crate) async fn object(store: &dyn ObjectStore, log: &LogId, name: Name) -> Result<Bytes> {
    match exact(store, log, name).await {
        Err(Error::Missing { .. }) if name.is_partial() => {
            let full = exact(store, log, name.full()).await?;
            let end = match name {
                Name::Hashes { width, .. } => width as usize * HASH_SIZE,
                Name::Entries { width, .. } => {
                    let entries = bundle::parse(full.clone(), FULL)
                        .map_err(|why| name.full().mismatch(log, why))?;
                    let first: &[Bytes] = entries.get(..width as usize).unwrap_or(&entries);
                    bundle::encoded_len(first)
                }
                Name::Positions { .. } => name.max_bytes() as usize,
                Name::Offset { .. } | Name::Checkpoint | Name::Cosigned | Name::Pruned => {
                    full.len()
                }
            };
            Ok(full.slice(..end))
        }
        other => other,
    }
}
