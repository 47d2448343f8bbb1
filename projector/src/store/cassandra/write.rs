//! Writing: what a batch of records made, many requests at once, then the progress.

use std::sync::Arc;

use async_trait::async_trait;
use auditlog::LogId;
use eventlog::Topic;
use futures::{StreamExt as _, TryStreamExt as _};

use super::super::{Gone, Halt, Progress, Removed, StoreError, ViewReader, ViewStore};
use super::plan::Plan;
use super::position::{bucket_of_offset, last_wins, stored};
use super::removable::TABLES;
use super::root::Generation;
use super::rows::{self, partition};
use super::{CassandraStore, remove};
use crate::views::{LeafRow, RowWrite};

#[async_trait]
impl ViewStore for CassandraStore {
    fn reader(&self) -> Arc<dyn ViewReader> {
        Arc::<super::read::CassandraReader>::clone(&self.reader)
    }

    async fn apply(&self, rows: Vec<RowWrite>, progress: Progress) -> Result<(), StoreError> {
        // What a swap or another rebuild overtakes meanwhile doesn't count: it is looked again at the end.
        self.check_fence().await?;
        let (connected, writes) = self.connected().await?;
        let plan = Plan::of(&rows)?;
        let buckets = self.written.fresh(plan.buckets()?);
        let mut requests = plan.requests(connected, writes)?;
        let of_buckets = buckets.iter();
        requests.extend(of_buckets.map(|(bucket, at)| bucket.request(connected, writes, *at)));
        let requests = futures::stream::iter(requests).buffer_unordered(connected.requests);
        requests.try_collect::<()>().await?;
        self.written.remember(buckets);
        let place = (progress.topic.name(), partition(progress.partition)?);
        let (next, at) = (stored(progress.next)?, last_wins(progress.next)?);
        connected
            .run(&writes.progress, (place.0, place.1, next, at))
            .await?;
        self.check_fence().await
    }

    async fn remove(&self, gone: &Gone, apply: bool) -> Result<Removed, StoreError> {
        self.check_fence().await?;
        let connected = self.views.link().await?.connected().await?;
        let mut removed = Removed::new();
        for table in &TABLES {
            removed.extend(remove::remove(connected, table, gone, apply).await?);
        }
        self.written.forget();
        self.check_fence().await?;
        Ok(removed)
    }

    async fn leaf_before(&self, log: &LogId, offset: u64) -> Result<Option<LeafRow>, StoreError> {
        const TABLE: &str = "leaves";
        let (connected, writes) = self.connected().await?;
        let (topic, complex) = (log.topic(), log.complex());
        let newest = (topic, complex, bucket_of_offset(offset)?);
        let before = stored(offset)?;
        let buckets = connected
            .all::<(i64,)>(TABLE, &writes.leaf_buckets_before, newest)
            .await?;
        for (bucket,) in buckets {
            let values = (topic, complex, bucket, before);
            let found = connected
                .row::<(i64, i64)>(TABLE, &writes.leaf_before, values)
                .await?;
            if let Some((off, leaf)) = found {
                return Ok(Some(LeafRow {
                    log: log.clone(),
                    offset: rows::offset(TABLE, off)?,
                    index: rows::offset(TABLE, leaf)?,
                }));
            }
        }
        Ok(None)
    }

    async fn halts(&self, topic: Topic, partition: u32) -> Result<Vec<Halt>, StoreError> {
        let mut halts = self.all_halts(topic.name()).await?;
        halts.retain(|halt| halt.partition == partition);
        Ok(halts)
    }

    async fn halt(&self, halt: Halt) -> Result<(), StoreError> {
        self.begin_halt(&halt).await
    }

    async fn resume(&self, log: &LogId) -> Result<(), StoreError> {
        self.end_halt(log).await
    }

    async fn successor(&self) -> Result<Option<Arc<dyn ViewStore>>, StoreError> {
        match self.check_fence().await {
            Ok(()) => Ok(None),
            Err(StoreError::Superseded) => {
                let next = Self::of(Generation::serving(self.views.root.clone()), None);
                next.connected().await?;
                Ok(Some(Arc::new(next)))
            }
            Err(error) => Err(error),
        }
    }
}
