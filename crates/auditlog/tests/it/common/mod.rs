//! What the tests of logs share: a log to write and read, and storage that fails on demand.

pub(crate) mod faults;

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use auditlog::{
    CheckpointSigner, HeadStore, Leaf, LogId, LogReader, LogWriter, MemoryHeads, Origin, Result,
};
use bytes::Bytes;
use futures::TryStreamExt;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};

pub(crate) const BASE: &str = "audit.example.org/smarthome";

pub(crate) static SIGNER: LazyLock<Arc<CheckpointSigner>> =
    LazyLock::new(|| Arc::new(CheckpointSigner::generate(BASE).unwrap().0));

pub(crate) fn log() -> LogId {
    LogId::new("access.events.v1", "sunrise").unwrap()
}

pub(crate) fn origin() -> Origin {
    Origin::new(BASE, &log()).unwrap()
}

/// The storage of one log; the log is opened anew from it as often as a test likes.
#[derive(Clone)]
pub(crate) struct Site {
    pub(crate) store: Arc<dyn ObjectStore>,
    pub(crate) heads: Arc<dyn HeadStore>,
}

impl Site {
    /// An empty one, on the storage that these tests are run on.
    pub(crate) async fn fresh() -> Self {
        Self {
            store: crate::fresh_storage().await,
            heads: Arc::new(MemoryHeads::default()),
        }
    }

    /// An empty one in memory.
    pub(crate) fn in_memory() -> Self {
        Self {
            store: Arc::new(InMemory::new()),
            heads: Arc::new(MemoryHeads::default()),
        }
    }

    pub(crate) async fn writer(&self) -> Result<LogWriter> {
        let (store, heads) = (self.store.clone(), self.heads.clone());
        LogWriter::open(log(), origin(), store, heads, SIGNER.clone()).await
    }

    pub(crate) fn reader(&self) -> LogReader {
        let verifier = SIGNER.verifier().clone();
        LogReader::open(log(), origin(), self.store.clone(), verifier).unwrap()
    }

    /// Every object, by its path below the log's prefix.
    pub(crate) async fn contents(&self) -> BTreeMap<String, Bytes> {
        let listed: Vec<_> = self.store.list(None).try_collect().await.unwrap();
        let mut contents = BTreeMap::new();
        for meta in listed {
            let bytes = self.get(&meta.location).await;
            let prefix = format!("{}/", log());
            let path = meta.location.as_ref().strip_prefix(&prefix).unwrap();
            contents.insert(path.to_owned(), bytes);
        }
        contents
    }

    /// The objects of a log of `size` leaves: without the partial ones of earlier sizes.
    pub(crate) async fn settled(&self, size: u64) -> BTreeMap<String, Bytes> {
        let all = self.contents().await;
        let current = |path: &String| match path.split_once(".p/") {
            None => true,
            Some((full, width)) => {
                let level = full.split('/').nth(1).unwrap().parse().unwrap_or(0);
                let expected = (size >> (8 * level)) % 256;
                !all.contains_key(full) && width.parse::<u64>().unwrap() == expected
            }
        };
        let kept = all.iter().filter(|(path, _)| current(path));
        kept.map(|(path, bytes)| (path.clone(), bytes.clone()))
            .collect()
    }

    pub(crate) async fn get(&self, path: &Path) -> Bytes {
        self.store.get(path).await.unwrap().bytes().await.unwrap()
    }

    pub(crate) async fn flip(&self, path: &str, at: usize) {
        let path = Path::from(format!("{}/{path}", log()));
        let mut bytes = self.get(&path).await.to_vec();
        let at = at % bytes.len();
        bytes[at] ^= 0x10;
        self.store.put(&path, bytes.into()).await.unwrap();
    }
}

/// The record at an event-log offset: a pure function, so that a replay gives the same ones.
/// Only every third offset belongs to this log.
pub(crate) fn record(index: u64) -> (u64, Leaf) {
    let offset = 100 + 3 * index;
    let value = format!("record {index} ").repeat(1 + (index % 5) as usize);
    (offset, Leaf::of(value.into(), 0, offset))
}

pub(crate) fn records(range: std::ops::Range<u64>) -> Vec<(u64, Leaf)> {
    range.map(record).collect()
}

/// The index of the record that the head says comes next.
pub(crate) fn next_index(writer: &LogWriter) -> u64 {
    writer.head().map_or(0, |head| head.size)
}

/// Appends up to `size` leaves in batches of this length, from where the log is.
pub(crate) async fn fill(writer: &mut LogWriter, size: u64, batch: u64) -> Result<()> {
    while next_index(writer) < size {
        let from = next_index(writer);
        let head = writer.append(records(from..size.min(from + batch))).await?;
        assert_eq!(head.next_offset, record(head.size - 1).0 + 1);
    }
    Ok(())
}

/// The objects of a log of `size` leaves that nothing ever happened to.
pub(crate) async fn undisturbed(size: u64, batch: u64) -> BTreeMap<String, Bytes> {
    let site = Site::in_memory();
    fill(&mut site.writer().await.unwrap(), size, batch)
        .await
        .unwrap();
    site.settled(size).await
}
