//! A writer that is paused at the worst moments, and wakes when another has gone on.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use auditlog::{Error, Head, HeadError, HeadStore, LogId};
use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    ObjectStoreExt, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use crate::common::{Site, fill, log, records, undisturbed};

/// Where a writer is held, and how a test knows that it is.
#[derive(Debug)]
struct Gate {
    arrived: Semaphore,
    leave: Semaphore,
}

impl Gate {
    fn closed() -> Arc<Self> {
        let (arrived, leave) = (Semaphore::new(0), Semaphore::new(0));
        Arc::new(Self { arrived, leave })
    }

    async fn pass(&self) {
        self.arrived.add_permits(1);
        self.leave.acquire().await.unwrap().forget();
    }

    async fn reached(&self) {
        self.arrived.acquire().await.unwrap().forget();
    }
}

/// Heads behind a gate: what moves one is held after it has.
struct HeldHeads(Arc<dyn HeadStore>, Arc<Gate>);

#[async_trait]
impl HeadStore for HeldHeads {
    async fn load(&self, log: &LogId) -> Result<Option<Head>, HeadError> {
        self.0.load(log).await
    }

    async fn compare_and_set(
        &self,
        log: &LogId,
        expected: Option<&Head>,
        new: &Head,
    ) -> Result<(), HeadError> {
        let moved = self.0.compare_and_set(log, expected, new).await;
        self.1.pass().await;
        moved
    }
}

/// Storage behind a gate: whoever puts an object of this name is held, before or after it is put.
#[derive(Debug)]
struct HeldPuts {
    store: Arc<dyn ObjectStore>,
    gate: Arc<Gate>,
    name: &'static str,
    when: When,
}

#[derive(Debug, PartialEq)]
enum When {
    Before,
    After,
}

/// An append that is held where it puts an object of this name.
struct HeldAppend {
    gate: Arc<Gate>,
    append: JoinHandle<auditlog::Result<Head>>,
}

impl HeldAppend {
    /// To a log of 5 leaves, of 3 more.
    async fn begin(site: &Site, name: &'static str, when: When) -> Self {
        fill(&mut site.writer().await.unwrap(), 5, 5).await.unwrap();
        let gate = Gate::closed();
        let held = Site {
            store: Arc::new(HeldPuts {
                store: site.store.clone(),
                gate: gate.clone(),
                name,
                when,
            }),
            ..site.clone()
        };
        let mut writer = held.writer().await.unwrap();
        let append = tokio::spawn(async move { writer.append(records(5..8)).await });
        gate.reached().await;
        Self { gate, append }
    }

    /// What it comes to.
    async fn go_on(self) -> auditlog::Result<Head> {
        self.gate.leave.add_permits(1);
        self.append.await.unwrap()
    }
}

impl fmt::Display for HeldPuts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("held")
    }
}

#[async_trait]
impl ObjectStore for HeldPuts {
    async fn put_opts(
        &self,
        at: &Path,
        payload: PutPayload,
        opts: PutOptions,
    ) -> Result<PutResult> {
        let held = at.as_ref().ends_with(self.name);
        if held && self.when == When::Before {
            self.gate.pass().await;
        }
        let put = self.store.put_opts(at, payload, opts).await;
        if held && self.when == When::After {
            self.gate.pass().await;
        }
        put
    }

    async fn put_multipart_opts(
        &self,
        at: &Path,
        opts: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.store.put_multipart_opts(at, opts).await
    }

    async fn get_opts(&self, at: &Path, options: GetOptions) -> Result<GetResult> {
        self.store.get_opts(at, options).await
    }

    fn delete_stream(
        &self,
        at: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.store.delete_stream(at)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.store.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.store.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.store.copy_opts(from, to, options).await
    }
}

/// The head is moved, nothing published yet: that is where a writer waits for an answer.
#[tokio::test]
async fn who_wakes_behind_another_publishes_nothing() {
    let site = Site::fresh().await;
    let mut paused = site.writer().await.unwrap();
    fill(&mut paused, 5, 5).await.unwrap();
    let gate = Gate::closed();
    let held = Site {
        heads: Arc::new(HeldHeads(site.heads.clone(), gate.clone())),
        ..site.clone()
    };
    let mut paused = held.writer().await.unwrap();
    let append = tokio::spawn(async move { paused.append(records(5..8)).await });
    gate.reached().await;

    let reader = site.reader();
    let mut other = site.writer().await.unwrap();
    // It publishes what the paused one could not, and goes on.
    assert_eq!(reader.checkpoint().await.unwrap().size(), 8);
    fill(&mut other, 300, 100).await.unwrap();
    assert_eq!(reader.checkpoint().await.unwrap().size(), 300);
    gate.leave.add_permits(1);
    let woken = append.await.unwrap();
    assert!(matches!(woken, Err(Error::Conflict { .. })), "{woken:?}");
    assert_eq!(reader.checkpoint().await.unwrap().size(), 300);
    fill(&mut other, 301, 1).await.unwrap();
    assert_eq!(site.settled(301).await, undisturbed(301, 301).await);
}

/// The last moment: it has looked at the head, and only the put is left.
#[tokio::test]
async fn an_older_checkpoint_stands_no_longer_than_its_writer_takes_to_look() {
    let site = Site::fresh().await;
    let held = HeldAppend::begin(&site, "/checkpoint", When::Before).await;
    let mut other = site.writer().await.unwrap();
    fill(&mut other, 300, 100).await.unwrap();
    let woken = held.go_on().await;
    assert!(matches!(woken, Err(Error::Conflict { .. })), "{woken:?}");
    // As whoever gets a conflict does, it opens the log again; nothing need be appended.
    site.writer().await.unwrap();
    assert_eq!(site.reader().checkpoint().await.unwrap().size(), 300);
    fill(&mut other, 301, 1).await.unwrap();
    assert_eq!(site.settled(301).await, undisturbed(301, 301).await);
}

/// It has put a partial tile, and looks for it when another has filled that tile and tidied up.
#[tokio::test]
async fn what_another_tidied_away_is_not_lost() {
    for name in ["/tile/0/000.p/8", "/tile/entries/000.p/8"] {
        let site = Site::fresh().await;
        let held = HeldAppend::begin(&site, name, When::After).await;
        let mut other = site.writer().await.unwrap();
        fill(&mut other, 300, 100).await.unwrap();
        let woken = held.go_on().await;
        assert!(matches!(woken, Err(Error::Conflict { .. })), "{woken:?}");
        site.writer().await.unwrap();
        assert_eq!(site.settled(300).await, undisturbed(300, 300).await);
    }
}

/// It is gone, and nobody went on: that is no other writer's doing, whoever had put it.
#[tokio::test]
async fn what_is_lost_at_once_halts_the_log() {
    let name = "/tile/0/000.p/8";
    let at = Path::from(format!("{}{name}", log()));
    for put_before in [false, true] {
        let site = Site::fresh().await;
        if put_before {
            let elsewhere = Site::in_memory();
            fill(&mut elsewhere.writer().await.unwrap(), 8, 8)
                .await
                .unwrap();
            let bytes = elsewhere.get(&at).await;
            site.store.put(&at, bytes.into()).await.unwrap();
        }
        let held = HeldAppend::begin(&site, name, When::After).await;
        site.store.delete(&at).await.unwrap();
        let woken = held.go_on().await;
        assert!(matches!(woken, Err(Error::Missing { .. })), "{woken:?}");
    }
}
