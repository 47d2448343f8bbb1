//! Opens the view store that a configuration or a URL names.

use std::sync::Arc;

use url::Url;

#[cfg(feature = "cassandra")]
use super::{CassandraOptions, cassandra};
use super::{Generations, StoreError, ViewReader, ViewStore, sqlite};
use crate::config::ViewsConfig;

/// Opens the store that `[views]` names to write to it: a SQLite file, which is made where it is
/// missing, or the tables of a Cassandra keyspace.
///
/// # Errors
/// [`StoreError`].
pub async fn open_configured(views: &ViewsConfig) -> Result<Arc<dyn ViewStore>, StoreError> {
    match views.url.scheme() {
        #[cfg(feature = "cassandra")]
        CASSANDRA => Ok(Arc::new(
            cassandra::open(&views.url, options(views)?).await?,
        )),
        _ => open(&views.url).await,
    }
}

/// A reader of the store that `[views]` names, opened as [`open_reader`] does.
///
/// # Errors
/// [`StoreError::Url`]; [`StoreError::Refused`] for certificate files that can't be used.
pub fn open_configured_reader(views: &ViewsConfig) -> Result<Arc<dyn ViewReader>, StoreError> {
    match views.url.scheme() {
        #[cfg(feature = "cassandra")]
        CASSANDRA => Ok(Arc::new(cassandra::open_reader(
            &views.url,
            options(views)?,
        )?)),
        _ => open_reader(&views.url),
    }
}

/// The root of the store that `[views]` names: its generations.
///
/// # Errors
/// [`StoreError`].
pub async fn open_configured_root(views: &ViewsConfig) -> Result<Arc<dyn Generations>, StoreError> {
    match views.url.scheme() {
        #[cfg(feature = "cassandra")]
        CASSANDRA => Ok(Arc::new(cassandra::open_root(&views.url, options(views)?)?)),
        "sqlite" => Ok(Arc::new(sqlite::open_root(&views.url).await?)),
        _ => Err(StoreError::Url),
    }
}

/// Whether `[views]` names a store; nothing is opened.
///
/// # Errors
/// [`StoreError::Url`]; [`StoreError::Refused`] where a section is missing.
pub fn check(views: &ViewsConfig) -> Result<(), StoreError> {
    match views.url.scheme() {
        #[cfg(feature = "cassandra")]
        CASSANDRA => cassandra::check(&views.url, options(views)?),
        _ => check_url(&views.url),
    }
}

#[cfg(feature = "cassandra")]
const CASSANDRA: &str = "cassandra";

#[cfg(feature = "cassandra")]
fn options(views: &ViewsConfig) -> Result<&CassandraOptions, StoreError> {
    let missing = || StoreError::Refused("section `[views.cassandra]` is missing".to_owned());
    views.cassandra.as_ref().ok_or_else(missing)
}

/// Opens the store that the URL names to write to it, and makes it where it is missing:
/// `sqlite:///absolute/path`, a file.
///
/// # Errors
/// [`StoreError`].
pub async fn open(url: &Url) -> Result<Arc<dyn ViewStore>, StoreError> {
    match url.scheme() {
        "sqlite" => Ok(Arc::new(sqlite::open(url).await?)),
        _ => Err(StoreError::Url),
    }
}

/// Makes a SQLite store that nobody has open one file, to be only read from now on.
///
/// # Errors
/// [`StoreError`].
pub async fn seal(url: &Url) -> Result<(), StoreError> {
    match url.scheme() {
        "sqlite" => sqlite::seal(url).await,
        _ => Err(StoreError::Url),
    }
}

/// A reader of the store that the URL names. The store is opened with the first query, and
/// again after a failure, since whoever writes it may start later.
///
/// # Errors
/// [`StoreError::Url`].
pub fn open_reader(url: &Url) -> Result<Arc<dyn ViewReader>, StoreError> {
    match url.scheme() {
        "sqlite" => Ok(Arc::new(sqlite::open_reader(url)?)),
        _ => Err(StoreError::Url),
    }
}

/// A store that is gone with its last reference.
///
/// # Errors
/// [`StoreError`].
pub async fn scratch() -> Result<Arc<dyn ViewStore>, StoreError> {
    Ok(Arc::new(sqlite::scratch().await?))
}

/// Whether a URL is one that [`open`] takes; nothing is opened.
///
/// # Errors
/// [`StoreError::Url`].
pub fn check_url(url: &Url) -> Result<(), StoreError> {
    open_reader(url).map(drop)
}
