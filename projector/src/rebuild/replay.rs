//! Records of the log into a store, as the projection would.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use auditlog::LogId;
use eventlog::{EventLog, Record};
use jiff::Timestamp;
use records::EventReader;

use super::progress::ProgressShown;
use super::reading::{Ends, Reading};
use crate::config::Config;
use crate::project::{event_reader, write};
use crate::store::{Gone, Progress, ViewStore};
use crate::views::{self, LeafRow};

/// A replay as far as it is.
pub(super) struct Replay {
    /// Leaves of each tree.
    sizes: HashMap<LogId, u64>,
    store: Arc<dyn ViewStore>,
    reader: EventReader,
    topics: Vec<Reading>,
    batch: usize,
    /// Records that the log took in then or later are left out.
    until: Option<Timestamp>,
    /// What has no rows any more.
    gone: Gone,
    shown: ProgressShown,
}

impl Replay {
    /// At the beginning of the log; `batch` records are written at once, at most.
    ///
    /// # Errors
    /// The log can't be read, or the section `[records]` is wrong.
    pub(super) async fn start(
        config: &Config,
        log: &dyn EventLog,
        store: Arc<dyn ViewStore>,
        batch: usize,
    ) -> anyhow::Result<Self> {
        let mut topics = Vec::new();
        for topic in views::TOPICS {
            topics.push(Reading::start(log, topic).await?);
        }
        Ok(Self {
            sizes: HashMap::new(),
            store,
            reader: event_reader(config)?,
            topics,
            batch,
            until: None,
            gone: Gone::default(),
            shown: ProgressShown::start("rebuild", "records"),
        })
    }

    /// Leaves out what the log took in at this time or later.
    pub(super) fn until(mut self, until: Timestamp) -> Self {
        self.until = Some(until);
        self
    }

    /// Leaves no rows of what was pruned, whether the log still has it or not.
    pub(super) fn without(&mut self, gone: Gone) {
        self.gone = gone;
    }

    /// Whether the log has removed records of some topic.
    pub(super) fn lacks_records(&self) -> bool {
        self.topics.iter().any(|topic| topic.removed)
    }

    /// Goes on to these ends.
    ///
    /// # Errors
    /// Log or store fail, or the store is another's now.
    pub(super) async fn to(&mut self, ends: &Ends) -> anyhow::Result<()> {
        self.shown.aim(ends.values().flatten().sum());
        for i in 0..self.topics.len() {
            while let Some(reading) = self.topics.get_mut(i) {
                let Some(records) = reading.next(ends, self.batch).await? else {
                    break;
                };
                let count = records.len();
                let mut partitions: BTreeMap<u32, Vec<Record>> = BTreeMap::new();
                for record in records {
                    let at = record.position.partition;
                    partitions.entry(at).or_default().push(record);
                }
                for records in partitions.into_values() {
                    self.take(&records).await?;
                }
                self.shown.advance(count);
            }
        }
        // Not before: what is kept may follow from it, as an opening does from its decision.
        if !self.gone.is_empty() {
            self.store.remove(&self.gone, true).await?;
        }
        Ok(())
    }

    /// Takes records that follow each other in a partition.
    async fn take(&mut self, records: &[Record]) -> anyhow::Result<()> {
        // By the log's own clock, which doesn't go back in a partition.
        let known = match self.until {
            Some(until) => records.partition_point(|record| record.append_time < until),
            None => records.len(),
        };
        let records = records.get(..known).unwrap_or_default();
        let (Some(first), Some(last)) = (records.first(), records.last()) else {
            return Ok(());
        };
        let mut rows = Vec::with_capacity(4 * records.len());
        for record in records {
            let place = match views::has_leaves(record.topic) {
                true => Some(self.place(record)?),
                false => None,
            };
            rows.extend(views::rows(
                record,
                &self.reader.read(record),
                place.as_ref(),
            ));
        }
        let progress = Progress {
            topic: last.topic,
            partition: last.position.partition,
            next: last.position.offset + 1,
        };
        write(&*self.store, rows, first.position.offset, progress).await?;
        Ok(())
    }

    fn place(&mut self, record: &Record) -> auditlog::Result<LeafRow> {
        let log = views::log_of(record)?;
        let size = self.sizes.entry(log.clone()).or_default();
        let index = *size;
        *size += 1;
        Ok(LeafRow {
            log,
            offset: record.position.offset,
            index,
        })
    }
}
