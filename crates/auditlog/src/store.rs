use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use object_store::memory::InMemory;
use object_store::{ObjectStore, PutMode};
use url::Url;

use crate::folder::Folder;
use crate::tiles::Name;
use crate::{Error, LogId, Result, fetch};

/// Opens the storage that a URL names: `file:///<absolute path>` (a folder, made where it is
/// missing) or `memory://` (empty, and gone with the last reference to it).
///
/// # Errors
/// [`Error::Scheme`] for any other URL, [`Error::Folder`] when the folder can't be opened.
pub fn open(url: &Url) -> Result<Arc<dyn ObjectStore>> {
    let plain = url.query().is_none() && url.fragment().is_none();
    match (url.scheme(), url.to_file_path()) {
        ("file", Ok(path)) if plain => open_folder(&path),
        ("memory", _) if plain && !url.has_host() && matches!(url.path(), "" | "/") => {
            Ok(Arc::new(InMemory::new()))
        }
        (scheme, _) => Err(Error::Scheme {
            url: format!("{scheme}:…"),
        }),
    }
}

/// Opens a folder, and makes it where it is missing. What is written there is on disk, with its
/// directories, before a write returns, and appears to other processes whole or not at all.
///
/// # Errors
/// [`Error::Folder`] when it can't be made or opened.
pub fn open_folder(path: &Path) -> Result<Arc<dyn ObjectStore>> {
    Ok(Arc::new(Folder::open(path)?))
}

/// Writes an object that is written once and never changes, and gives back what is then stored.
/// One that exists already must be the same, byte for byte. [`Error::Missing`] when it is gone at once.
pub(crate) async fn create(
    store: &dyn ObjectStore,
    log: &LogId,
    (name, bytes): (Name, Bytes),
) -> Result<(Name, Bytes)> {
    let put = store
        .put_opts(
            &name.path(log),
            bytes.clone().into(),
            PutMode::Create.into(),
        )
        .await;
    match put {
        Ok(_) | Err(object_store::Error::AlreadyExists { .. }) => {}
        Err(e) => return Err(e.into()),
    }
    let stored = fetch::exact(store, log, name).await?;
    if stored == bytes {
        Ok((name, stored))
    } else {
        Err(name.mismatch(log, "holds other bytes than are to be written"))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_what_is_supported_is_opened() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("a/b");
        let url = Url::from_file_path(&missing).unwrap();
        open(&url).unwrap();
        assert!(missing.is_dir());
        open(&Url::parse("memory://").unwrap()).unwrap();
        for refused in [
            "s3://key:secret@bucket/x",
            "http://example.org/",
            "memory://host/",
            "file://host/x",
            "file:///x?fsync=false",
        ] {
            let error = open(&Url::parse(refused).unwrap()).unwrap_err();
            assert!(matches!(error, Error::Scheme { .. }), "{refused}");
            assert!(!error.to_string().contains("secret"));
        }
        std::fs::write(folder.path().join("file"), "").unwrap();
        assert!(matches!(
            open_folder(&folder.path().join("file")).unwrap_err(),
            Error::Folder(_)
        ));
    }
}
