//! A batch of one partition whose leaves are in their trees: what is left to write.

use std::ops::Range;
use std::sync::Arc;

use domain::event::Event;
use eventlog::Record;
use records::Unreadable;
use service::trace::TraceContext;

use super::partition::Parts;
use super::write::write;
use crate::store::{Progress, StoreError};
use crate::views::{self, AlarmRow, LeafRow};

/// Records that follow each other in a partition, read, each with its leaf where its topic has leaves.
pub(super) struct Batch {
    pub(super) parts: Arc<Parts>,
    pub(super) records: Arc<Vec<Record>>,
    /// Which of them: at least one.
    pub(super) range: Range<usize>,
    pub(super) read: Vec<Result<Event, Unreadable>>,
    pub(super) placed: Vec<LeafRow>,
    /// How far the partition is projected with it.
    pub(super) progress: Progress,
}

impl Batch {
    /// Writes its rows, then the progress, and tells of it. Doing it again changes nothing.
    ///
    /// # Errors
    /// [`StoreError`]: it has to be written again.
    pub(super) async fn write(&self) -> Result<(), StoreError> {
        let records = self.records.get(self.range.clone()).unwrap_or_default();
        let Some(first) = records.first() else {
            return Ok(());
        };
        let mut rows = Vec::with_capacity(4 * records.len());
        for (i, (record, read)) in records.iter().zip(&self.read).enumerate() {
            rows.extend(views::rows(record, read, self.placed.get(i)));
        }
        let store = &*self.parts.trees.views;
        let found = write(store, rows, first.position.offset, self.progress).await?;
        for (record, read) in records.iter().zip(&self.read) {
            report(record, read);
        }
        found.iter().for_each(report_alarm);
        Ok(())
    }
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
