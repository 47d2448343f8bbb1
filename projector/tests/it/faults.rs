//! Stores that fail from their n-th write on, before or after doing it: what a process that is
//! killed there leaves behind.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use async_trait::async_trait;
use auditlog::{Head, HeadError, HeadStore, LogId};
use eventlog::Topic;
use futures::StreamExt as _;
use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use projector::store::{Gone, Halt, Progress, Removed, StoreError, ViewReader, ViewStore};
use projector::views::{LeafRow, RowWrite};
use tokio_util::sync::CancellationToken;

/// Where the n-th write fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fails {
    /// It isn't done.
    Before,
    /// It is done, and nobody is told.
    After,
}

/// Counts writes, and lets nothing through from one of them on.
pub struct Fuse {
    at: u64,
    fails: Fails,
    seen: AtomicU64,
    mended: AtomicBool,
    /// Cancelled when it has blown.
    pub blown: CancellationToken,
}

enum Pass {
    Through,
    ThenFail,
    Fail,
}

impl Fuse {
    pub fn at(at: u64, fails: Fails) -> Arc<Self> {
        Arc::new(Self {
            at,
            fails,
            seen: AtomicU64::new(0),
            mended: AtomicBool::new(false),
            blown: CancellationToken::new(),
        })
    }

    pub fn never() -> Arc<Self> {
        Self::at(u64::MAX, Fails::Before)
    }

    /// How many writes were seen.
    pub fn seen(&self) -> u64 {
        self.seen.load(Ordering::SeqCst)
    }

    /// Lets everything through again.
    pub fn mend(&self) {
        self.mended.store(true, Ordering::SeqCst);
    }

    fn write(&self) -> Pass {
        let n = self.seen.fetch_add(1, Ordering::SeqCst);
        if n < self.at || self.mended.load(Ordering::SeqCst) {
            return Pass::Through;
        }
        self.blown.cancel();
        match (n == self.at, self.fails) {
            (true, Fails::After) => Pass::ThenFail,
            _ => Pass::Fail,
        }
    }

    async fn guard<T, E>(
        &self,
        write: impl Future<Output = Result<T, E>>,
        error: impl Fn() -> E,
    ) -> Result<T, E> {
        match self.write() {
            Pass::Through => write.await,
            Pass::Fail => Err(error()),
            Pass::ThenFail => {
                write.await?;
                Err(error())
            }
        }
    }
}

/// Tiles behind a fuse.
pub struct FaultyTiles(pub Arc<dyn ObjectStore>, pub Arc<Fuse>);

fn object_error() -> object_store::Error {
    object_store::Error::Generic {
        store: "faulty",
        source: "injected".into(),
    }
}

impl fmt::Display for FaultyTiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("faulty")
    }
}

impl fmt::Debug for FaultyTiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("faulty")
    }
}

#[async_trait]
impl ObjectStore for FaultyTiles {
    async fn put_opts(
        &self,
        at: &Path,
        payload: PutPayload,
        opts: PutOptions,
    ) -> Result<PutResult> {
        self.1
            .guard(self.0.put_opts(at, payload, opts), object_error)
            .await
    }

    async fn put_multipart_opts(
        &self,
        at: &Path,
        opts: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.1
            .guard(self.0.put_multipart_opts(at, opts), object_error)
            .await
    }

    async fn get_opts(&self, at: &Path, options: GetOptions) -> Result<GetResult> {
        self.0.get_opts(at, options).await
    }

    fn delete_stream(
        &self,
        at: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        match self.1.write() {
            Pass::Through | Pass::ThenFail => self.0.delete_stream(at),
            Pass::Fail => futures::stream::once(async { Err(object_error()) }).boxed(),
        }
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.0.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.0.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.1
            .guard(self.0.copy_opts(from, to, options), object_error)
            .await
    }
}

/// Views and heads behind a fuse.
pub struct FaultyViews(pub Arc<dyn ViewStore>, pub Arc<Fuse>);

fn store_error() -> StoreError {
    StoreError::Unavailable("injected".into())
}

#[async_trait]
impl HeadStore for FaultyViews {
    async fn load(&self, log: &LogId) -> Result<Option<Head>, HeadError> {
        self.0.load(log).await
    }

    async fn compare_and_set(
        &self,
        log: &LogId,
        expected: Option<&Head>,
        new: &Head,
    ) -> Result<(), HeadError> {
        let error = || HeadError::Store("injected".into());
        self.1
            .guard(self.0.compare_and_set(log, expected, new), error)
            .await
    }
}

#[async_trait]
impl ViewStore for FaultyViews {
    fn reader(&self) -> Arc<dyn ViewReader> {
        self.0.reader()
    }

    async fn apply(&self, rows: Vec<RowWrite>, progress: Progress) -> Result<(), StoreError> {
        // A store may keep any part of what it didn't acknowledge.
        let part: Vec<RowWrite> = rows.iter().step_by(2).cloned().collect();
        match self.1.write() {
            Pass::Through => self.0.apply(rows, progress).await,
            Pass::Fail => Err(store_error()),
            Pass::ThenFail => {
                self.0
                    .apply(
                        part,
                        Progress {
                            next: 0,
                            ..progress
                        },
                    )
                    .await?;
                Err(store_error())
            }
        }
    }

    async fn remove(&self, gone: &Gone, apply: bool) -> Result<Removed, StoreError> {
        self.0.remove(gone, apply).await
    }

    async fn leaf_before(&self, log: &LogId, offset: u64) -> Result<Option<LeafRow>, StoreError> {
        self.0.leaf_before(log, offset).await
    }

    async fn halts(&self, topic: Topic, partition: u32) -> Result<Vec<Halt>, StoreError> {
        self.0.halts(topic, partition).await
    }

    async fn halt(&self, halt: Halt) -> Result<(), StoreError> {
        self.1.guard(self.0.halt(halt), store_error).await
    }

    async fn resume(&self, log: &LogId) -> Result<(), StoreError> {
        self.1.guard(self.0.resume(log), store_error).await
    }
}

/// Steps of a range, at most this many of them.
pub fn spread(range: Range<u64>, most: u64) -> impl Iterator<Item = u64> {
    let step = (range.end - range.start).div_ceil(most).max(1);
    range.step_by(usize::try_from(step).unwrap())
}
