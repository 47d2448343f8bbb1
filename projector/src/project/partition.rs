//! Projecting one partition: trees, then rows, then progress.

use std::collections::HashSet;
use std::sync::Arc;

use auditlog::Leaf;
use domain::event::Event;
use eventlog::{EventLog, LogError, Record, Topic};
use records::{EventReader, Unreadable};
use service::trace::TraceContext;

use super::Interrupted;
use super::trees::{TreeParts, Trees};
use super::write::write;
use crate::store::Progress;
use crate::views::{self, AlarmRow, LeafRow};

/// What every partition is projected with.
pub struct Parts {
    /// The event log.
    pub log: Arc<dyn EventLog>,
    /// What reads records.
    pub reader: EventReader,
    /// Trees, and the view store.
    pub trees: Arc<TreeParts>,
}

/// One partition that this process projects.
pub(super) struct Partition {
    parts: Arc<Parts>,
    topic: Topic,
    partition: u32,
    /// The next offset to be projected.
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
        let start = offset_of(parts.log.start_offsets(topic).await?, topic, partition)?;
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
            opened.trees = Some(Trees::new(trees, topic, partition, repairing));
        }
        Ok(opened)
    }

    /// The next offset to be projected.
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

    /// Projects records that follow each other in the partition. Doing it again changes
    /// nothing.
    ///
    /// # Errors
    /// [`Interrupted`]: the same records have to be given again.
    pub(super) async fn project(&mut self, records: &[Record]) -> Result<(), Interrupted> {
        let known = records.partition_point(|record| record.position.offset < self.next);
        let records = &records[known..];
        let (Some(first), Some(last), None) = (records.first(), records.last(), &self.stalled)
        else {
            return Ok(());
        };
        let next = last.position.offset + 1;
        let placed = match &mut self.trees {
            Some(trees) => {
                let placed = trees.place(records).await?;
                let leaves = placed.iter().zip(records);
                let leaves = leaves.map(|(row, record)| (row.clone(), leaf(record)));
                trees.grow(leaves.collect()).await?;
                placed
            }
            None => Vec::new(),
        };
        let read: Vec<_> = records.iter().map(|r| self.parts.reader.read(r)).collect();
        let mut rows = Vec::with_capacity(3 * records.len());
        for (i, (record, read)) in records.iter().zip(&read).enumerate() {
            rows.extend(views::rows(record, read, placed.get(i)));
        }
        let (topic, partition) = (self.topic, self.partition);
        let progress = Progress {
            topic,
            partition,
            next,
        };
        let store = &self.parts.trees.views;
        let found = write(&**store, rows, first.position.offset, progress).await?;
        self.advance(next, &placed).await?;
        for (record, read) in records.iter().zip(&read) {
            report(record, read);
        }
        found.iter().for_each(report_alarm);
        Ok(())
    }

    async fn advance(&mut self, next: u64, placed: &[LeafRow]) -> Result<(), Interrupted> {
        if let Some(trees) = &mut self.trees {
            // Before the batch counts as done, so that a failure here repeats it.
            if next >= self.projected {
                trees.caught_up().await?;
            }
            trees.advance(placed);
        }
        self.next = next;
        Ok(())
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

/// Tells of an alarm. Whoever is meant by it stays out of it.
fn report_alarm(row: &AlarmRow) {
    let (complex, kind, offset) = (row.complex.as_str(), row.kind.as_str_name(), row.offset);
    metrics::counter!("projector_alarms_total", "kind" => kind).increment(1);
    let device = row.device.as_str();
    tracing::warn!(
        complex,
        kind,
        device,
        offset,
        "alarm: look at it with SearchAlarms"
    );
}

/// Logs and counts a projected record; what it says stays out of both.
fn report(record: &Record, read: &Result<Event, Unreadable>) {
    let trace = record
        .traceparent()
        .map(|text| TraceContext::from_header(Some(text)));
    let span = trace.map(|trace| trace.span("project"));
    let _entered = span.as_ref().map(tracing::Span::enter);
    let (topic, offset) = (record.topic.name(), record.position.offset);
    let partition = record.position.partition;
    metrics::counter!("projector_records_total", "topic" => topic).increment(1);
    match read {
        Ok(event) => {
            let (event_id, kind) = (event.id, event.body.kind());
            tracing::debug!(topic, partition, offset, %event_id, kind, "projected");
        }
        Err(unreadable) => {
            let reason = unreadable.reason();
            let labels = [("topic", topic), ("reason", reason)];
            metrics::counter!("projector_unreadable_records_total", &labels).increment(1);
            tracing::error!(topic, partition, offset, reason, error = %unreadable,
                "a record can't be read; it has its leaf and a row of its own");
        }
    }
}
