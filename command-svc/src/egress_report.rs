//! What was sent to partners about a complex, as the log's records say it, for auditors.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use domain::ComplexId;
use domain::event::{Body, EgressField, EgressSummary};
use eventlog::partitioner::partition_of;
use eventlog::{EventLog, Record, Tail, TailFrom, Topic};
use jiff::Timestamp;
use partner::egress::{Field, LEDGER};
use proto::access::{
    AuditPosition, EgressCallCounts, EgressFieldCount, EgressRecord, EgressReportResponse,
};
use records::{EventReader, timestamp_to_wire};
use tokio::time::timeout;
use tracing::warn;

use crate::refusal::Refusal;

/// The most records that are read for one page.
const READ: usize = 5_000;
/// The most summaries on one page.
const PAGE: usize = 200;
/// How many are read at once.
const BATCH: usize = 500;
/// How long the log may take for a batch.
const SLOW: Duration = Duration::from_secs(5);

/// Reads the log.
pub(crate) struct EgressReports {
    pub log: Arc<dyn EventLog>,
    pub reader: Arc<EventReader>,
}

/// What is asked for: intervals that reach into `from..to`.
pub(crate) struct Asked {
    pub complex: ComplexId,
    pub from: Timestamp,
    pub to: Timestamp,
    /// Where the last page ended, in the complex's partition.
    pub next: Option<u64>,
}

impl EgressReports {
    /// One page.
    ///
    /// # Errors
    /// The log can't be read.
    pub(crate) async fn page(&self, asked: &Asked) -> Result<EgressReportResponse, Refusal> {
        self.read(asked).await.map_err(|error| {
            warn!(%error, "the log can't be read for an egress report");
            Refusal::Unreadable
        })
    }

    async fn read(&self, asked: &Asked) -> Result<EgressReportResponse, eventlog::LogError> {
        let topic = Topic::RegistryEvents;
        let ends = self.log.end_offsets(topic).await?;
        let count = u32::try_from(ends.len()).ok().and_then(NonZeroU32::new);
        let Some(count) = count else {
            return Ok(EgressReportResponse::default());
        };
        let partition = partition_of(topic, asked.complex.as_str().as_bytes(), count);
        let index = usize::try_from(partition).unwrap_or_default();
        let end = ends.get(index).copied().unwrap_or_default();
        // An interval is recorded after its end, so nothing that was appended before matters.
        let first = match asked.next {
            Some(next) => next,
            None => {
                let tail = self.log.tail(topic, TailFrom::Time(asked.from)).await?;
                tail.positions().get(index).copied().unwrap_or(end)
            }
        };
        let mut page = EgressReportResponse::default();
        if first >= end {
            return Ok(page);
        }
        // Other partitions are not read.
        let mut from = ends;
        if let Some(start) = from.get_mut(index) {
            *start = first;
        }
        let mut tail = self.log.tail(topic, TailFrom::Offsets(from)).await?;
        let mut read = 0;
        loop {
            let next = tail.positions().get(index).copied().unwrap_or(end);
            if next >= end {
                return Ok(page);
            }
            if read >= READ || page.records.len() >= PAGE {
                page.next_page_token = next.to_string();
                return Ok(page);
            }
            let left = BATCH.min(PAGE - page.records.len());
            for record in batch(&mut *tail, left).await? {
                read += 1;
                if record.position.partition == partition && record.position.offset < end {
                    page.records.extend(self.told(asked, &record));
                }
            }
        }
    }

    /// What a record says, if it is one of those and command-svc signed it.
    fn told(&self, asked: &Asked, record: &Record) -> Option<EgressRecord> {
        if record.key.as_ref() != asked.complex.as_str().as_bytes() {
            return None;
        }
        let event = self.reader.read(record).ok()?;
        let Body::EgressSummary(summary) = event.body else {
            return None;
        };
        let reaches_in = summary.until > asked.from && summary.from < asked.to;
        reaches_in.then(|| to_wire(&summary, record))
    }
}

async fn batch(tail: &mut dyn Tail, most: usize) -> Result<Vec<Record>, eventlog::LogError> {
    let slow = |_| eventlog::LogError::Unavailable("no record came in time".to_owned());
    timeout(SLOW, tail.next_batch(most)).await.map_err(slow)?
}

fn to_wire(summary: &EgressSummary, record: &Record) -> EgressRecord {
    let calls = summary.calls.iter().map(|call| EgressCallCounts {
        call: call.call.clone(),
        requests: call.requests,
        fields: call
            .fields
            .iter()
            .map(|field| counted(&call.call, field))
            .collect(),
    });
    EgressRecord {
        partner_id: summary.partner.to_string(),
        from: Some(timestamp_to_wire(summary.from)),
        until: Some(timestamp_to_wire(summary.until)),
        calls: calls.collect(),
        audit_position: Some(AuditPosition {
            topic: record.topic.name().to_owned(),
            partition: record.position.partition,
            offset: record.position.offset,
        }),
    }
}

/// A count, with what the ledger says of the field.
fn counted(call: &str, field: &EgressField) -> EgressFieldCount {
    let is = |row: &&Field| {
        row.place.as_str() == field.place
            && row.name == field.name
            && row.calls.iter().any(|known| known.as_str() == call)
    };
    let row = LEDGER.iter().find(is);
    let text = |text: fn(&Field) -> String| row.map(text).unwrap_or_default();
    EgressFieldCount {
        place: field.place.clone(),
        name: field.name.clone(),
        count: field.count,
        what: text(|row| row.what.to_owned()),
        purpose: text(|row| row.purpose.to_owned()),
        basis: text(|row| row.basis.to_string()),
    }
}
