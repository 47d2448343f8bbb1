//! Something that only gives objects out, as the object store that the log's reader wants.

use std::fmt::{Debug, Display, Formatter};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt as _};
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload,
    ObjectMeta, ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

/// The most bytes that any object of a log has: 256 leaves with their lengths.
pub const MAX_OBJECT: u64 = 256 * (2 + auditlog::MAX_LEAF_BYTES as u64);

/// Gives objects out by their path.
#[async_trait]
pub trait Objects: Send + Sync + 'static {
    /// The object's bytes, [`MAX_OBJECT`] at most.
    async fn get(&self, path: &str) -> Result<Bytes>;
}

/// An object store that can't be written.
pub struct ReadOnly<T>(pub T);

impl<T> Display for ReadOnly<T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.write_str("read only")
    }
}

impl<T> Debug for ReadOnly<T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.write_str("ReadOnly")
    }
}

fn refused<R>(operation: &str) -> Result<R> {
    Err(Error::NotImplemented {
        operation: operation.to_owned(),
        implementer: "a log that is only read".to_owned(),
    })
}

#[async_trait]
impl<T: Objects> ObjectStore for ReadOnly<T> {
    async fn get_opts(&self, location: &Path, _: GetOptions) -> Result<GetResult> {
        let bytes = self.0.get(location.as_ref()).await?;
        let size = bytes.len() as u64;
        Ok(GetResult {
            payload: GetResultPayload::Stream(stream::iter([Ok(bytes)]).boxed()),
            meta: ObjectMeta {
                location: location.clone(),
                last_modified: Default::default(),
                size,
                e_tag: None,
                version: None,
            },
            range: 0..size,
            attributes: Default::default(),
            extensions: Default::default(),
        })
    }

    async fn put_opts(&self, _: &Path, _: PutPayload, _: PutOptions) -> Result<PutResult> {
        refused("put")
    }

    async fn put_multipart_opts(
        &self,
        _: &Path,
        _: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        refused("put")
    }

    fn delete_stream(
        &self,
        _: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        stream::iter([refused("delete")]).boxed()
    }

    fn list(&self, _: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        stream::iter([refused("list")]).boxed()
    }

    async fn list_with_delimiter(&self, _: Option<&Path>) -> Result<ListResult> {
        refused("list")
    }

    async fn copy_opts(&self, _: &Path, _: &Path, _: CopyOptions) -> Result<()> {
        refused("copy")
    }
}
