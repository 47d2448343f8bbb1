//! The Merkle logs of one partition's complexes.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use auditlog::{CheckpointSigner, Error, LogId, LogReader, LogWriter, Origin};
use eventlog::{Record, Topic};
use futures::StreamExt as _;
use object_store::ObjectStore;

use super::Interrupted;
use super::grow::{Grown, Placed, grow};
use super::witnesses::Witnesses;
use crate::store::{Halt, StoreError, ViewStore};
use crate::views::{LeafRow, log_of};

/// Logs written at once.
const AT_ONCE: usize = 8;

/// What every tree is written with.
pub struct TreeParts {
    /// Where tiles and bundles are kept.
    pub tiles: Arc<dyn ObjectStore>,
    /// Where heads, leaf rows and halts are kept.
    pub views: Arc<dyn ViewStore>,
    /// What signs checkpoints.
    pub signer: Arc<CheckpointSigner>,
    /// What each log's origin begins with.
    pub origin: String,
    /// Logs of a partition that stay open between batches, at most.
    pub open_logs: usize,
    /// Who is shown checkpoints.
    pub witnesses: Option<Arc<Witnesses>>,
}

impl TreeParts {
    /// A log, to be written.
    pub(super) async fn writer(&self, log: &LogId) -> Result<LogWriter, Error> {
        let origin = Origin::new(&self.origin, log)?;
        let heads = Arc::clone(&self.views) as _;
        let (tiles, signer) = (Arc::clone(&self.tiles), Arc::clone(&self.signer));
        LogWriter::open(log.clone(), origin, tiles, heads, signer).await
    }

    /// A log, as whoever trusts our keys reads it. It remembers nothing yet.
    pub(super) fn reader(&self, log: &LogId) -> Result<LogReader, Error> {
        let origin = Origin::new(&self.origin, log)?;
        let verifier = self.signer.verifier().clone();
        LogReader::open(log.clone(), origin, Arc::clone(&self.tiles), verifier)
    }

    /// The same, with other views.
    pub(super) fn with(&self, views: Arc<dyn ViewStore>) -> Self {
        Self {
            tiles: Arc::clone(&self.tiles),
            views,
            signer: Arc::clone(&self.signer),
            origin: self.origin.clone(),
            open_logs: self.open_logs,
            witnesses: self.witnesses.clone(),
        }
    }
}

/// The logs of one partition.
pub(super) struct Trees {
    parts: Arc<TreeParts>,
    topic: Topic,
    partition: u32,
    /// Open logs, with the batch that used them last.
    open: HashMap<LogId, (Box<LogWriter>, u64)>,
    /// Index of the next leaf of a log; of those in the last batch always, as its rows may not be
    /// written yet.
    next: HashMap<LogId, u64>,
    /// Logs that are halted since this partition was opened.
    halted: HashMap<LogId, String>,
    /// Logs that were halted before, whose leaves are being caught up.
    repairing: HashSet<LogId>,
    batches: u64,
}

impl Trees {
    pub(super) fn new(
        parts: Arc<TreeParts>,
        topic: Topic,
        partition: u32,
        repairing: HashSet<LogId>,
    ) -> Self {
        Self {
            parts,
            topic,
            partition,
            open: HashMap::new(),
            next: HashMap::new(),
            halted: HashMap::new(),
            repairing,
            batches: 0,
        }
    }

    /// The logs that are halted, with the reason.
    pub(super) fn halted(&self) -> impl Iterator<Item = (&LogId, &str)> {
        self.halted
            .iter()
            .map(|(log, detail)| (log, detail.as_str()))
    }

    /// The place of each record's leaf: the count of earlier records of its log. Changes
    /// nothing, so that a batch can be tried again.
    pub(super) async fn place(&self, records: &[Record]) -> Result<Vec<LeafRow>, Interrupted> {
        let mut next = HashMap::new();
        let mut placed = Vec::with_capacity(records.len());
        for record in records {
            let log = log_of(record)?;
            let offset = record.position.offset;
            if !next.contains_key(&log) {
                let index = self.index_at(&log, offset).await?;
                next.insert(log.clone(), index);
            }
            let index = next.entry(log.clone()).or_default();
            placed.push(LeafRow {
                log,
                offset,
                index: *index,
            });
            *index += 1;
        }
        Ok(placed)
    }

    async fn index_at(&self, log: &LogId, offset: u64) -> Result<u64, StoreError> {
        if let Some(index) = self.next.get(log) {
            return Ok(*index);
        }
        let before = self.parts.views.leaf_before(log, offset).await?;
        Ok(before.map_or(0, |leaf| leaf.index + 1))
    }

    /// Appends leaves to their logs. A log that is halted, or halts now, takes none and keeps
    /// no other from growing.
    ///
    /// # Errors
    /// [`Interrupted`]: some logs have grown; the same leaves may be given again.
    pub(super) async fn grow(&mut self, leaves: Vec<Placed>) -> Result<(), Interrupted> {
        let mut by_log: HashMap<LogId, Vec<Placed>> = HashMap::new();
        for leaf in leaves {
            if !self.halted.contains_key(&leaf.0.log) {
                by_log.entry(leaf.0.log.clone()).or_default().push(leaf);
            }
        }
        let mut jobs = Vec::with_capacity(by_log.len());
        for (log, leaves) in by_log {
            let writer = self.open.remove(&log).map(|(writer, _)| writer);
            jobs.push(grow(Arc::clone(&self.parts), log, writer, leaves));
        }
        let mut grown = futures::stream::iter(jobs).buffer_unordered(AT_ONCE);
        let (mut interrupted, mut halts) = (None, Vec::new());
        while let Some((log, outcome)) = grown.next().await {
            match outcome {
                Grown::To(writer) => {
                    report_size(self.topic, &log, &writer);
                    if let Some(witnesses) = &self.parts.witnesses {
                        witnesses.note(&log);
                    }
                    self.open.insert(log, (writer, self.batches));
                }
                Grown::Halted(detail) => halts.push((log, detail)),
                Grown::Interrupted(error) => interrupted = Some(error),
            }
        }
        drop(grown);
        for (log, detail) in halts {
            self.halt(log, detail).await?;
        }
        match interrupted {
            Some(error) => Err(error.into()),
            None => Ok(()),
        }
    }

    /// Takes the batch of these leaves as taken. Their rows may not be written yet.
    pub(super) fn advance(&mut self, placed: &[LeafRow]) {
        self.batches += 1;
        self.close_unused();
        // The view store doesn't know these logs' ends before the batch is written.
        for leaf in placed {
            self.next.insert(leaf.log.clone(), leaf.index + 1);
        }
    }

    /// Forgets the halts of logs that have caught up.
    pub(super) async fn caught_up(&mut self) -> Result<(), StoreError> {
        let repaired: Vec<LogId> = self.repairing.iter().cloned().collect();
        for log in repaired {
            if !self.halted.contains_key(&log) {
                self.parts.views.resume(&log).await?;
                tracing::info!(%log, "a halted log has caught up");
            }
            self.repairing.remove(&log);
        }
        Ok(())
    }

    async fn halt(&mut self, log: LogId, detail: String) -> Result<(), Interrupted> {
        // Where it has to go on: at the head, if there is one, since that is what was reached.
        let head = self
            .parts
            .views
            .load(&log)
            .await
            .map_err(|source| Error::Head {
                log: log.to_string(),
                source,
            })?;
        let offset = head.map_or(0, |head| head.next_offset);
        let (partition, because) = (self.partition, detail.clone());
        let halt = Halt {
            log: log.clone(),
            partition,
            offset,
            detail,
        };
        self.parts.views.halt(halt).await?;
        tracing::error!(%log, partition, offset, because, "log halted: it takes no more leaves");
        metrics::counter!("projector_halts_total", "topic" => log.topic().to_owned()).increment(1);
        self.halted.insert(log, because);
        Ok(())
    }

    /// Closes the logs that were not used for the longest time, down to what may stay open.
    fn close_unused(&mut self) {
        let most = self.parts.open_logs;
        if self.next.len() > 2 * most {
            self.next.retain(|log, _| self.open.contains_key(log));
        }
        let over = self.open.len().saturating_sub(most);
        if over == 0 {
            return;
        }
        let mut by_use: Vec<(u64, LogId)> = self
            .open
            .iter()
            .map(|(log, (_, used))| (*used, log.clone()))
            .collect();
        by_use.sort();
        for (_, log) in by_use.into_iter().take(over) {
            self.open.remove(&log);
            self.next.remove(&log);
        }
    }
}

fn report_size(topic: Topic, log: &LogId, writer: &LogWriter) {
    let size = writer.head().map_or(0, |head| head.size);
    let labels = [
        ("topic", topic.name().to_owned()),
        ("complex", log.complex().to_owned()),
    ];
    // Exact up to 2^53 leaves.
    metrics::gauge!("projector_tree_size", &labels).set(size as f64);
}
