//! The leaves of a complex's log of accesses as they come, in order. The published log says what comes next;
//! a leaf is given once its rows are there, which is when the views' progress is beyond its record. So
//! nothing is passed over and nothing given twice, whatever is restarted between two watches: a resume
//! token is the index of the next leaf.

use std::collections::VecDeque;
use std::sync::Arc;

use auditlog::{Checkpoint, ENTRIES_PER_BUNDLE, LogReader, Position};
use bytes::Bytes;
use domain::id::ComplexId;
use eventlog::Topic;
use eventlog::partitioner::partition_of;
use tokio::time::Instant;

use super::End;
use super::feed::Feed;
use crate::serve::logs::newest;
use crate::serve::status::Refusal;
use crate::serve::{Serving, parse};

/// A place in a watch: the leaf that comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeafCursor(pub u64);

/// How far a complex's log is there.
pub(in crate::serve) struct Head {
    /// The newest state of the tree; none of a log that has not begun.
    checkpoint: Option<Checkpoint>,
    /// The first offset of the complex's partition whose rows may not be there yet.
    ready: u64,
}

/// A leaf whose rows are there.
pub(super) struct Leaf {
    pub(super) index: u64,
    /// Of its record.
    pub(super) offset: u64,
    pub(super) bytes: Bytes,
}

/// Gives the leaves of one log.
pub(super) struct Leaves {
    log: Arc<LogReader>,
    feed: Feed<Head>,
    next: u64,
    /// The leaves of one bundle that come next.
    read: VecDeque<(Bytes, Position)>,
}

impl Leaves {
    /// From there on, or with what comes next.
    pub(super) async fn from(
        serving: &Arc<Serving>,
        complex: &ComplexId,
        from: Option<LeafCursor>,
    ) -> Result<Self, Refusal> {
        let id = parse::log_id(Topic::AccessEvents, complex)?;
        let log = serving.logs.reader(id)?;
        let next = match from {
            Some(LeafCursor(next)) => next,
            None => newest(&log).await?.map_or(0, |newest| newest.size()),
        };
        let (looked_at, views) = (Arc::clone(&log), Arc::clone(&serving.views));
        let partition = partition_of(
            Topic::AccessEvents,
            complex.as_str().as_bytes(),
            serving.partitions,
        );
        let look = move |_| {
            let (log, views) = (Arc::clone(&looked_at), Arc::clone(&views));
            async move {
                let checkpoint = newest(&log).await?;
                let ready = views.progress(Topic::AccessEvents, partition).await?;
                Ok(Head {
                    checkpoint,
                    ready: ready.unwrap_or(0),
                })
            }
        };
        Ok(Self {
            feed: serving.heads.of(complex.clone(), look),
            log,
            next,
            read: VecDeque::new(),
        })
    }

    /// The place behind the leaves that were given.
    pub(super) fn place(&self) -> LeafCursor {
        LeafCursor(self.next)
    }

    /// The next leaf; none where none has come by then.
    pub(super) async fn next(&mut self, by: Instant) -> Result<Option<Leaf>, End> {
        while Instant::now() < by {
            let head = self.feed.now().await?;
            if self.read.is_empty() {
                self.read_on(&head).await?;
            }
            let is_ready = |(_, at): &mut (Bytes, Position)| at.offset < head.ready;
            if let Some((bytes, at)) = self.read.pop_front_if(is_ready) {
                let (index, offset) = (self.next, at.offset);
                self.next += 1;
                return Ok(Some(Leaf {
                    index,
                    offset,
                    bytes,
                }));
            }
            match tokio::time::timeout_at(by, self.feed.next()).await {
                Ok(looked) => looked?,
                Err(_) => break,
            }
        }
        Ok(None)
    }

    /// Reads what there is of the bundle that the next leaf stands in.
    async fn read_on(&mut self, head: &Head) -> Result<(), Refusal> {
        let checkpoint = head.checkpoint.as_ref();
        let Some(checkpoint) = checkpoint.filter(|head| head.size() > self.next) else {
            return Ok(());
        };
        let number = self.next / ENTRIES_PER_BUNDLE;
        let leaves = self.log.bundle(number).await?;
        let positions = self.log.positions(checkpoint, number).await?;
        let positions = positions.ok_or(Refusal::Unavailable("POSITIONS_MISSING"))?;
        let skipped = usize::try_from(self.next % ENTRIES_PER_BUNDLE).unwrap_or(usize::MAX);
        self.read
            .extend(leaves.into_iter().zip(positions).skip(skipped));
        Ok(())
    }
}
