//! A folder as an object store whose writes are durable.

use std::collections::HashSet;
use std::fmt;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use futures::stream::BoxStream;
use object_store::local::LocalFileSystem;
use object_store::path::Path as Location;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

/// How many directories are remembered as being on disk, at most.
const KNOWN: usize = 4096;

/// [`LocalFileSystem`] already writes to a temporary file, fsyncs it, links or renames it into
/// place, and fsyncs its directory. Left to do here is what an earlier process may not have got
/// to: one that was killed between linking a file (or making a directory) and the fsync leaves
/// something that is visible but not yet durable, and nothing would fsync it later. So a file
/// that "already exists" is fsynced before that is said, and each directory up to the root is
/// fsynced once by every process that writes below it.
pub(crate) struct Folder {
    files: LocalFileSystem,
    root: PathBuf,
    known: Arc<Mutex<HashSet<PathBuf>>>,
}

impl Folder {
    pub(crate) fn open(path: &Path) -> crate::Result<Self> {
        std::fs::create_dir_all(path).map_err(crate::Error::Folder)?;
        let root = path.canonicalize().map_err(crate::Error::Folder)?;
        for dir in root.ancestors().skip(1) {
            match sync(dir) {
                // Above what is ours to read nothing was made by us either.
                Err(e) if e.kind() == io::ErrorKind::PermissionDenied => break,
                other => other.map_err(crate::Error::Folder)?,
            }
        }
        let files = LocalFileSystem::new_with_prefix(&root)?
            .with_fsync(true)
            .with_automatic_cleanup(true);
        Ok(Self {
            files,
            root,
            known: Arc::default(),
        })
    }

    async fn settle(&self, location: &Location, existed: bool) -> Result<()> {
        let path = self.files.path_to_filesystem(location)?;
        let (root, known) = (self.root.clone(), Arc::clone(&self.known));
        tokio::task::spawn_blocking(move || settle(&path, &root, &known, existed))
            .await?
            .map_err(|source| object_store::Error::Generic {
                store: "folder",
                source: source.into(),
            })
    }
}

fn settle(
    path: &Path,
    root: &Path,
    known: &Mutex<HashSet<PathBuf>>,
    existed: bool,
) -> io::Result<()> {
    if existed {
        sync(path)?;
        sync(path.parent().unwrap_or(root))?;
    }
    let below_root = |dir: &&Path| *dir != root && dir.starts_with(root);
    let is_known = |dir: &Path| {
        let known = known.lock().unwrap_or_else(PoisonError::into_inner);
        known.contains(dir)
    };
    let fresh: Vec<&Path> = path
        .ancestors()
        .skip(1)
        .take_while(|dir| below_root(dir) && !is_known(dir))
        .collect();
    for dir in &fresh {
        sync(dir.parent().unwrap_or(root))?;
    }
    let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
    if known.len() + fresh.len() > KNOWN {
        known.clear();
    }
    known.extend(fresh.into_iter().map(Path::to_path_buf));
    Ok(())
}

fn sync(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

#[async_trait]
impl ObjectStore for Folder {
    async fn put_opts(
        &self,
        location: &Location,
        payload: PutPayload,
        opts: PutOptions,
    ) -> Result<PutResult> {
        let put = self.files.put_opts(location, payload, opts).await;
        match &put {
            Ok(_) => self.settle(location, false).await?,
            Err(object_store::Error::AlreadyExists { .. }) => self.settle(location, true).await?,
            Err(_) => {}
        }
        put
    }

    async fn put_multipart_opts(
        &self,
        location: &Location,
        opts: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.files.put_multipart_opts(location, opts).await
    }

    async fn get_opts(&self, location: &Location, options: GetOptions) -> Result<GetResult> {
        self.files.get_opts(location, options).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Location>>,
    ) -> BoxStream<'static, Result<Location>> {
        self.files.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Location>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.files.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Location>) -> Result<ListResult> {
        self.files.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Location, to: &Location, options: CopyOptions) -> Result<()> {
        self.files.copy_opts(from, to, options).await
    }
}

impl fmt::Display for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "folder {}", self.root.display())
    }
}

impl fmt::Debug for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use object_store::{ObjectStoreExt, PutMode};

    #[tokio::test]
    async fn files_are_created_once_and_no_temporary_ones_stay() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::open(dir.path()).unwrap();
        let at = Location::from("t/c/tile/0/x001/234.p/5");
        let create = |bytes: &'static [u8]| {
            folder.put_opts(&at, PutPayload::from_static(bytes), PutMode::Create.into())
        };
        create(b"one").await.unwrap();
        assert!(matches!(
            create(b"two").await,
            Err(object_store::Error::AlreadyExists { .. })
        ));
        let read = folder.get(&at).await.unwrap().bytes().await.unwrap();
        assert_eq!(&read[..], b"one");
        assert_eq!(folder.known.lock().unwrap().len(), 6);
        let parent = dir.path().join("t/c/tile/0/x001/234.p");
        assert_eq!(std::fs::read_dir(&parent).unwrap().count(), 1);
        folder.delete(&at).await.unwrap();
        assert!(!parent.exists(), "an emptied folder is removed");
    }
}
