//! Storage that stops working after a number of operations, as it does for a process that is
//! killed there.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use async_trait::async_trait;
use auditlog::{Head, HeadError, HeadStore, LogId};
use futures::StreamExt;
use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

use crate::common::Site;

/// When the operation that the fault hits takes effect.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Hit {
    /// It doesn't: killed before.
    Before,
    /// It does, but nobody hears of it: killed before the answer.
    After,
}

/// How many operations may still succeed, and what happens to the first that may not.
#[derive(Debug)]
pub(crate) struct Budget(AtomicI64, Hit);

impl Budget {
    /// Whether the operation is done, and whether its caller hears so.
    fn spend(&self) -> (bool, bool) {
        match self.0.fetch_sub(1, Ordering::SeqCst) {
            left if left > 0 => (true, true),
            0 => (self.1 == Hit::After, false),
            _ => (false, false),
        }
    }

    pub(crate) fn spent(&self) -> bool {
        self.0.load(Ordering::SeqCst) < 0
    }
}

/// The same storage, seen by a process that is killed after `operations`.
pub(crate) fn killed_after(site: &Site, operations: i64, hit: Hit) -> (Site, Arc<Budget>) {
    let budget = Arc::new(Budget(AtomicI64::new(operations), hit));
    let store = Arc::new(Faulty(site.store.clone(), budget.clone()));
    let heads = Arc::new(FaultyHeads(site.heads.clone(), budget.clone()));
    (Site { store, heads }, budget)
}

#[derive(Debug)]
struct Faulty(Arc<dyn ObjectStore>, Arc<Budget>);

impl fmt::Display for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("faulty store")
    }
}

fn killed() -> Error {
    Error::Generic {
        store: "faulty",
        source: "killed here".into(),
    }
}

#[async_trait]
impl ObjectStore for Faulty {
    async fn put_opts(
        &self,
        at: &Path,
        payload: PutPayload,
        opts: PutOptions,
    ) -> Result<PutResult> {
        let (done, heard) = self.1.spend();
        if !done {
            return Err(killed());
        }
        let result = self.0.put_opts(at, payload, opts).await;
        if heard { result } else { Err(killed()) }
    }

    async fn get_opts(&self, at: &Path, options: GetOptions) -> Result<GetResult> {
        match self.1.spend() {
            (_, true) => self.0.get_opts(at, options).await,
            _ => Err(killed()),
        }
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        let (store, budget) = (self.0.clone(), self.1.clone());
        locations
            .then(move |location| {
                let (store, (done, heard)) = (store.clone(), budget.spend());
                async move {
                    if !done {
                        return Err(killed());
                    }
                    let one = futures::stream::iter([location]).boxed();
                    let deleted: Vec<_> = store.delete_stream(one).collect().await;
                    match deleted.into_iter().next() {
                        Some(result) if heard => result,
                        _ => Err(killed()),
                    }
                }
            })
            .boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        match self.1.spend() {
            (_, true) => self.0.list(prefix),
            _ => futures::stream::iter([Err(killed())]).boxed(),
        }
    }

    async fn list_with_delimiter(&self, _: Option<&Path>) -> Result<ListResult> {
        Err(killed())
    }

    async fn put_multipart_opts(
        &self,
        _: &Path,
        _: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        Err(killed())
    }

    async fn copy_opts(&self, _: &Path, _: &Path, _: CopyOptions) -> Result<()> {
        Err(killed())
    }
}

struct FaultyHeads(Arc<dyn HeadStore>, Arc<Budget>);

fn unknown() -> HeadError {
    HeadError::Store("killed here".into())
}

#[async_trait]
impl HeadStore for FaultyHeads {
    async fn load(&self, log: &LogId) -> Result<Option<Head>, HeadError> {
        match self.1.spend() {
            (_, true) => self.0.load(log).await,
            _ => Err(unknown()),
        }
    }

    async fn compare_and_set(
        &self,
        log: &LogId,
        expected: Option<&Head>,
        new: &Head,
    ) -> Result<(), HeadError> {
        let (done, heard) = self.1.spend();
        if !done {
            return Err(unknown());
        }
        let result = self.0.compare_and_set(log, expected, new).await;
        if heard { result } else { Err(unknown()) }
    }
}
