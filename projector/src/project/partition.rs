//! One partition: where it stands, and its trees, which are the first to grow.

use std::collections::HashSet;
use std::num::NonZeroU32;
use std::sync::Arc;

use auditlog::Leaf;
use eventlog::{EventLog, LogError, Record, Topic};
use records::EventReader;
use tokio::task::{JoinError, JoinHandle};

use super::Interrupted;
use super::batch::Batch;
use super::standing::bring_up;
use super::trees::{TreeParts, Trees};
use crate::store::{Progress, ViewStore};
use crate::views;

/// What every partition is projected with.
pub struct Parts {
    /// The event log.
    pub log: Arc<dyn EventLog>,
    /// What reads records.
    pub reader: Arc<EventReader>,
    /// Trees, and the view store.
    pub trees: Arc<TreeParts>,
}

impl Parts {
    /// The same, with other views.
    pub(super) fn with(&self, views: Arc<dyn ViewStore>) -> Self {
        Self {
            log: Arc::clone(&self.log),
            reader: Arc::clone(&self.reader),
            trees: Arc::new(self.trees.with(views)),
        }
    }
}

/// One partition that this process projects.
pub(super) struct Partition {
    parts: Arc<Parts>,
    topic: Topic,
    partition: u32,
    /// The next offset to be taken.
    next: u64,
    /// How far it was projected when it was opened; before that, only halted logs grow.
    projected: u64,
    trees: Option<Trees>,
    /// Why nothing of it is projected any more.
    stalled: Option<String>,
}

impl Partition {
    /// Opens a partition where the view store says that it stands; it has to be read from
    /// [`next`](Self::next) on.
    pub(super) async fn open(
        parts: Arc<Parts>,
        topic: Topic,
        partition: u32,
    ) -> Result<Self, Interrupted> {
        let views = &parts.trees.views;
        let starts = parts.log.start_offsets(topic).await?;
        let count = u32::try_from(starts.len()).ok().and_then(NonZeroU32::new);
        let start = offset_of(starts, topic, partition)?;
        let end = offset_of(parts.log.end_offsets(topic).await?, topic, partition)?;
        let progress = views.reader().progress(topic, partition).await?;
        let projected = progress.unwrap_or(start);
        let mut opened = Self {
            topic,
            partition,
            next: projected.clamp(start, end),
            projected,
            trees: None,
            stalled: None,
            parts: Arc::clone(&parts),
        };
        if projected > end {
            opened.stall(
                "the log ends before what was projected: it is another log, or has lost records",
            );
        }
        if views::has_leaves(topic) {
            if projected < start {
                opened.stall("the log starts after what was projected: records were removed that no tree has");
            }
            let halts = views.halts(topic, partition).await?;
            for halt in &halts {
                opened.next = opened.next.min(halt.offset.max(start));
            }
            let repairing: HashSet<_> = halts.into_iter().map(|halt| halt.log).collect();
            let trees = Arc::clone(&parts.trees);
            if let Some(count) = count {
                bring_up(&trees, topic, partition, count).await?;
            }
            opened.trees = Some(Trees::new(trees, topic, partition, repairing));
        }
        Ok(opened)
    }

    /// The next offset to be taken.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// Projects nothing more of it.
    pub(super) fn stall(&mut self, why: &str) {
        let (topic, partition) = (self.topic, self.partition);
        tracing::error!(%topic, partition, why, "partition stalled: nothing of it is projected");
        self.stalled = Some(why.to_owned());
    }

    /// What doesn't go on, in words.
    pub(super) fn troubles(&self) -> Vec<String> {
        let (topic, partition) = (self.topic, self.partition);
        let stalled = self.stalled.iter();
        let stalled = stalled.map(|why| format!("stalled: {topic} partition {partition}: {why}"));
        let halted = self.trees.iter().flat_map(Trees::halted);
        let halted = halted.map(|(_, detail)| format!("halted: {detail}"));
        stalled.chain(halted).collect()
    }

    /// Puts the leaves of records that follow each other in the partition into their trees; what is left
    /// to write then, if they are new. The batch before needn't be written yet.
    ///
    /// # Errors
    /// [`Interrupted`]: the same records have to be given again.
    pub(super) async fn take(
        &mut self,
        records: &Arc<Vec<Record>>,
    ) -> Result<Option<Batch>, Interrupted> {
        let known = records.partition_point(|record| record.position.offset < self.next);
        let new = records.get(known..).unwrap_or_default();
        let (Some(last), None) = (new.last(), &self.stalled) else {
            return Ok(None);
        };
        let next = last.position.offset + 1;
        // Signatures are checked while trees wait for the disk.
        let (reader, all) = (Arc::clone(&self.parts.reader), Arc::clone(records));
        let read = move || all.iter().skip(known).map(|r| reader.read(r)).collect();
        let reading = tokio::task::spawn_blocking(read);
        let placed = match &mut self.trees {
            Some(trees) => {
                let placed = trees.place(new).await?;
                let leaves = placed.iter().zip(new);
                let leaves = leaves.map(|(row, record)| (row.clone(), leaf(record)));
                trees.grow(leaves.collect()).await?;
                // Before the batch counts as taken, so that a failure here repeats it.
                if next >= self.projected {
                    trees.caught_up().await?;
                }
                placed
            }
            None => Vec::new(),
        };
        let read = finished(reading).await;
        if let Some(trees) = &mut self.trees {
            trees.advance(&placed);
        }
        self.next = next;
        Ok(Some(Batch {
            parts: Arc::clone(&self.parts),
            records: Arc::clone(records),
            range: known..records.len(),
            read,
            placed,
            progress: Progress {
                topic: self.topic,
                partition: self.partition,
                next,
            },
        }))
    }
}

/// What a task has made. Its panic is ours.
async fn finished<T>(task: JoinHandle<T>) -> T {
    match task.await.map_err(JoinError::try_into_panic) {
        Ok(made) => made,
        Err(Ok(panic)) => std::panic::resume_unwind(panic),
        // The runtime ends.
        Err(Err(_)) => std::future::pending().await,
    }
}

/// The leaf of a record: its value, verbatim, also where nobody can read it; a tombstone's is
/// empty.
pub(crate) fn leaf(record: &Record) -> Leaf {
    let value = record.value.clone().unwrap_or_default();
    Leaf::of(value, record.position.partition, record.position.offset)
        .appended_at(record.append_time.as_millisecond())
}

fn offset_of(offsets: Vec<u64>, topic: Topic, partition: u32) -> Result<u64, Interrupted> {
    let offset = offsets.get(partition as usize).copied();
    Ok(offset.ok_or(LogError::NotAssigned { topic, partition })?)
}
