use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;
use jiff::Timestamp;

use crate::prepare::Prepared;
use crate::retention::Keep;
use crate::store::{Bounds, Cursor};
use crate::{LogError, Position, Record};

/// One partition in memory.
#[derive(Debug, Default)]
pub(super) struct Partition {
    start: u64,
    end: u64,
    last_append: Timestamp,
    records: BTreeMap<u64, Record>,
}

impl Partition {
    pub(super) fn bounds(&self) -> Bounds {
        Bounds {
            start: self.start,
            end: self.end,
        }
    }

    pub(super) fn append(&mut self, record: Prepared, now: Timestamp) -> Position {
        let position = Position {
            partition: record.partition,
            offset: self.end,
        };
        self.last_append = self.last_append.max(now);
        self.end += 1;
        self.records.insert(
            position.offset,
            Record {
                topic: record.topic,
                position,
                key: record.key,
                append_time: self.last_append,
                headers: record.headers,
                value: record.value,
            },
        );
        position
    }

    pub(super) fn offset_at(&self, time: Timestamp) -> u64 {
        self.records
            .values()
            .find(|record| record.append_time >= time)
            .map_or(self.end, |record| record.position.offset)
    }

    pub(super) fn read(&self, cursor: Cursor, max: usize) -> Result<Vec<Record>, LogError> {
        cursor.check(self.bounds())?;
        let records = self.records.range(cursor.offset..).take(max);
        Ok(records.map(|(_, record)| record.clone()).collect())
    }

    /// Removes what has expired, and moves the start behind it.
    pub(super) fn expire(&mut self, keep: Keep, now: Timestamp) {
        if let Some(horizon) = keep.horizon(now) {
            self.start = self.offset_at(horizon);
            self.records = self.records.split_off(&self.start);
        }
    }

    /// Keeps the last record of each key, and of those no tombstone that has
    /// expired. The partition's last record always stays, so that a reader that
    /// has got it knows that it is at the end.
    pub(super) fn compact(&mut self, tombstones: Keep, now: Timestamp) {
        let horizon = tombstones.horizon(now);
        let last: HashMap<Bytes, u64> = self
            .records
            .iter()
            .map(|(offset, record)| (record.key.clone(), *offset))
            .collect();
        let end = self.end;
        self.records.retain(|offset, record| {
            let expired =
                record.value.is_none() && horizon.is_some_and(|time| record.append_time < time);
            last.get(&record.key) == Some(offset) && (!expired || offset + 1 == end)
        });
    }
}
