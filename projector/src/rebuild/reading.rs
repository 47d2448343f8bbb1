//! Reading a topic from its beginning to where it shall be read, in steps.

use std::collections::HashMap;

use eventlog::{EventLog, Record, Tail, TailFrom, Topic};

use crate::views;

/// Offsets behind the last record to read, by partition.
pub(super) type Ends = HashMap<Topic, Vec<u64>>;

/// A topic as far as it was read.
pub(super) struct Reading {
    topic: Topic,
    /// Whether records of before are gone.
    pub(super) removed: bool,
    tail: Box<dyn Tail>,
    /// Read, and not asked for yet.
    kept: Vec<Record>,
}

impl Reading {
    /// At its beginning.
    ///
    /// # Errors
    /// It can't be read, or records are gone that trees were made of.
    pub(super) async fn start(log: &dyn EventLog, topic: Topic) -> anyhow::Result<Self> {
        let tail = log.tail(topic, TailFrom::Beginning).await?;
        let starts = log.start_offsets(topic).await?;
        let removed = starts.iter().any(|start| *start > 0);
        anyhow::ensure!(
            !removed || !views::has_leaves(topic),
            "the log of {topic} does not begin at offset 0 any more: records were removed, and trees can't be \
             made again"
        );
        Ok(Self {
            topic,
            removed,
            tail,
            kept: Vec::new(),
        })
    }

    /// More records before these ends, about so many; none when there are no more.
    pub(super) async fn next(
        &mut self,
        ends: &Ends,
        most: usize,
    ) -> anyhow::Result<Option<Vec<Record>>> {
        let ends = ends.get(&self.topic).map_or(&[][..], Vec::as_slice);
        let wanted = |record: &mut Record| {
            let end = ends.get(record.position.partition as usize);
            end.is_some_and(|end| record.position.offset < *end)
        };
        loop {
            let found: Vec<Record> = self.kept.extract_if(.., wanted).take(most).collect();
            if !found.is_empty() {
                return Ok(Some(found));
            }
            let positions = self.tail.positions();
            if positions.iter().zip(ends).all(|(at, end)| at >= end) {
                return Ok(None);
            }
            let more = self.tail.next_batch(most).await?;
            self.kept.extend(more);
        }
    }
}
