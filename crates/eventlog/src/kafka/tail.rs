use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::{Instant, timeout_at};

use super::clients::Clients;
use super::query::Query;
use super::read::{Arrival, Reader};
use crate::store::Cursor;
use crate::{LogError, Record, Tail, TailFrom, Topic};

/// How long nothing may come before it is checked whether there is nothing.
const QUIET: Duration = Duration::from_millis(500);
const LONGEST_QUIET: Duration = Duration::from_secs(30);

/// Somebody waits for each record: the answer comes with the first byte.
const AT_ONCE: usize = 1;

/// A [`Tail`] of a topic on Kafka.
struct KafkaTail {
    reader: Reader,
    query: Arc<Query>,
    topic: Topic,
    /// How long it may be quiet, and since when it is, whoever has waited.
    quiet: Duration,
    since: Instant,
    /// Where partitions ended when reading was restarted to find out whether any
    /// record stands before that: Kafka keeps offsets for its own records too.
    ends: BTreeMap<u32, u64>,
}

/// Starts a tail, after checking that the log holds what it asks for.
pub(super) async fn start(
    clients: &Clients,
    query: &Arc<Query>,
    topic: Topic,
    from: TailFrom,
) -> Result<Box<dyn Tail>, LogError> {
    let next = match from {
        TailFrom::Beginning => query.starts(topic).await?,
        TailFrom::End => query.ends(topic).await?,
        TailFrom::Time(time) => query.offsets_at(topic, time).await?,
        TailFrom::Offsets(offsets) => checked(query, topic, offsets).await?,
    };
    let mut reader = Reader::start(clients, query, &[topic], AT_ONCE).await?;
    for (partition, offset) in (0u32..).zip(next) {
        reader.set((topic, partition), offset);
    }
    Ok(Box::new(KafkaTail {
        reader,
        query: Arc::clone(query),
        topic,
        quiet: QUIET,
        since: Instant::now(),
        ends: BTreeMap::new(),
    }))
}

async fn checked(query: &Query, topic: Topic, offsets: Vec<u64>) -> Result<Vec<u64>, LogError> {
    let bounds = query.bounds(topic).await?;
    if bounds.len() != offsets.len() {
        return Err(LogError::Misconfigured(format!(
            "{topic} has {} partitions, but {} offsets were given",
            bounds.len(),
            offsets.len()
        )));
    }
    for ((partition, &offset), bounds) in (0u32..).zip(&offsets).zip(bounds) {
        let cursor = Cursor {
            topic,
            partition,
            offset,
        };
        cursor.check(bounds)?;
    }
    Ok(offsets)
}

#[async_trait]
impl Tail for KafkaTail {
    async fn next_batch(&mut self, max: usize) -> Result<Vec<Record>, LogError> {
        loop {
            let deadline = self.since + self.quiet;
            match timeout_at(deadline, self.reader.wait(max.max(1))).await {
                Ok(Ok(Arrival::Records(records))) => {
                    self.quiet = QUIET;
                    self.since = Instant::now();
                    for record in &records {
                        self.ends.remove(&record.position.partition);
                    }
                    return Ok(records);
                }
                Ok(Ok(Arrival::End(partition))) => {
                    if let Some(end) = self.ends.remove(&partition) {
                        self.reader.skip_to((self.topic, partition), end);
                    }
                }
                Ok(Err(error)) => return Err(error),
                Err(_) => self.look_for_gaps().await?,
            }
        }
    }

    fn positions(&self) -> Vec<u64> {
        self.reader.next().values().copied().collect()
    }
}

impl KafkaTail {
    /// Where offsets lie ahead though nothing comes, reads them again: whatever
    /// end is reported then lies behind them.
    async fn look_for_gaps(&mut self) -> Result<(), LogError> {
        let ends = self.query.ends(self.topic).await?;
        self.quiet = (2 * self.quiet).min(LONGEST_QUIET);
        self.since = Instant::now();
        let ahead = |(partition, end): &(u32, u64)| {
            let next = self.reader.next().get(&(self.topic, *partition));
            next.is_some_and(|next| next < end)
        };
        self.ends = (0u32..).zip(ends).filter(ahead).collect();
        if !self.ends.is_empty() {
            self.reader.restart();
        }
        Ok(())
    }
}
