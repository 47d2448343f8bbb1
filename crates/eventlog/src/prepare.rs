use bytes::Bytes;

use crate::{AppendError, LogOptions, NewRecord, Position, Topic, partitioner};

/// A record that may be appended, with its partition and headers worked out.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) topic: Topic,
    pub(crate) partition: u32,
    pub(crate) key: Bytes,
    pub(crate) headers: Vec<(String, Bytes)>,
    pub(crate) value: Option<Bytes>,
}

impl Prepared {
    /// Refuses what no reader could use, and what is too large.
    pub(crate) fn new(
        topic: Topic,
        record: NewRecord,
        options: &LogOptions,
    ) -> Result<Self, AppendError> {
        let NewRecord { key, event, value } = record;
        if key.is_empty() {
            return Err(AppendError::not_written("the key is empty"));
        }
        event
            .validate()
            .map_err(|error| AppendError::not_written(error.to_string()))?;
        let prepared = Self {
            topic,
            partition: partitioner::partition_of(topic, key.as_bytes(), options.partitions),
            key: Bytes::from(key),
            headers: event.to_headers(),
            value,
        };
        let limit = options.max_record_bytes;
        if prepared.bytes() > limit {
            return Err(AppendError::not_written(format!(
                "the record is larger than {limit} bytes (max_record_bytes)"
            )));
        }
        Ok(prepared)
    }

    /// The same for records that are appended together: all are fit, or none is.
    pub(crate) fn all(
        records: Vec<(Topic, NewRecord)>,
        options: &LogOptions,
    ) -> Result<Vec<Self>, AppendError> {
        let records = records.into_iter();
        records
            .map(|(topic, record)| Self::new(topic, record, options))
            .collect()
    }

    /// The bytes of key, headers and value.
    pub(crate) fn bytes(&self) -> usize {
        let headers: usize = self
            .headers
            .iter()
            .map(|(name, value)| name.len() + value.len())
            .sum();
        self.key.len() + headers + self.value.as_ref().map_or(0, Bytes::len)
    }
}

/// The position of a record that was appended alone.
pub(crate) fn one(positions: Vec<Position>) -> Result<Position, AppendError> {
    let position = positions.into_iter().next();
    // Never so: there is a position for each record.
    position.ok_or_else(|| AppendError::maybe_written("no position was told; read the log"))
}
