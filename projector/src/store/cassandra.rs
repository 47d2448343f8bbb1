//! The view store on Apache Cassandra 5 or ScyllaDB; tables and roles are in `deploy/cassandra`.
//!
//! Nothing is read to be written: which of two writes of a row stays is decided by their
//! timestamps, which are made from the offsets of their records, not from clocks. Only heads and
//! halts are moved by compare-and-set (Paxos). Each process connects with its certificate, to
//! which the database binds its role.
//!
//! The connection is made with the first query, and the driver restores it after a failure, so
//! that a store that is down is waited for.

mod address;
mod buckets;
mod commands;
mod error;
mod heads;
mod hours;
mod link;
mod options;
mod others;
mod plan;
mod position;
mod read;
mod removable;
mod remove;
mod root;
mod rows;
mod scan;
mod search;
mod sequences;
mod spans;
mod statements;
mod tls;
mod write;
mod writes;

use std::sync::Arc;

use tokio::sync::OnceCell;
use url::Url;
use uuid::Uuid;

use super::StoreError;
use super::generations::Fence;
use address::Address;
use buckets::Written;
use link::Connected;
use read::CassandraReader;
use root::{Generation, Root};
use writes::Writes;

pub use options::CassandraOptions;

/// A store that is written here.
pub(super) struct CassandraStore {
    views: Arc<Generation>,
    /// The rebuild that writes; none where the generation is the one that serves.
    by: Option<Uuid>,
    writes: OnceCell<Writes>,
    written: Written,
    reader: Arc<CassandraReader>,
}

/// Opens a keyspace to write to the generation that serves. One that can't be reached now is waited for
/// by those who use it; one that refuses this process is an error.
pub(super) async fn open(
    url: &Url,
    options: &CassandraOptions,
) -> Result<CassandraStore, StoreError> {
    let root = Root::new(url, options)?;
    let store = CassandraStore::of(Generation::serving(root), None);
    match store.connected().await {
        Err(StoreError::Unavailable(error)) => {
            tracing::warn!(%error, "the view store can't be reached; it is waited for");
        }
        other => drop(other?),
    }
    Ok(store)
}

/// The root of a store.
pub(super) fn open_root(url: &Url, options: &CassandraOptions) -> Result<Root, StoreError> {
    Root::new(url, options)
}

/// A reader of a keyspace, which needn't be there yet.
pub(super) fn open_reader(
    url: &Url,
    options: &CassandraOptions,
) -> Result<CassandraReader, StoreError> {
    Ok(CassandraReader::following(Root::new(url, options)?))
}

/// Whether the URL names nodes and a keyspace, and the options can be meant.
pub(super) fn check(url: &Url, options: &CassandraOptions) -> Result<(), StoreError> {
    options.check()?;
    Address::parse(url).map(drop)
}

impl CassandraStore {
    /// Connects to nothing.
    fn of(views: Arc<Generation>, by: Option<Uuid>) -> Self {
        Self {
            reader: Arc::new(CassandraReader::new(Arc::clone(&views))),
            views,
            by,
            writes: OnceCell::new(),
            written: Written::default(),
        }
    }

    async fn connected(&self) -> Result<(&Connected, &Writes), StoreError> {
        let connected = self.views.link().await?.connected().await?;
        let writes = self
            .writes
            .get_or_try_init(|| Writes::prepare(connected.session()));
        Ok((connected, writes.await?))
    }

    /// Whether what is written here counts.
    async fn check_fence(&self) -> Result<(), StoreError> {
        let fence = match self.by {
            Some(by) => Fence::Building(by),
            None => Fence::Serving(self.views.number().await?),
        };
        fence.check(self.views.root.says().await?)
    }
}
