use bytes::Bytes;
use jiff::Timestamp;
use rdkafka::message::{BorrowedMessage, Headers, Message, Timestamp as Stamp};

use super::Place;
use crate::{LogError, Position, Record};

/// The record that a message of Kafka's is.
pub(super) fn convert(
    message: &BorrowedMessage<'_>,
    (topic, partition): Place,
    offset: u64,
) -> Result<Record, LogError> {
    let append_time = match message.timestamp() {
        Stamp::LogAppendTime(milliseconds) => Timestamp::from_millisecond(milliseconds).ok(),
        // Told by whoever wrote it, so nothing may rest on it.
        Stamp::CreateTime(_) | Stamp::NotAvailable => None,
    };
    let Some(append_time) = append_time else {
        return Err(LogError::Misconfigured(format!(
            "{topic} partition {partition} offset {offset} has no append time; set \
             message.timestamp.type of the topic to LogAppendTime"
        )));
    };
    let headers = message.headers().map(|headers| {
        let copied = headers.iter().map(|header| {
            let value = Bytes::copy_from_slice(header.value.unwrap_or_default());
            (header.key.to_owned(), value)
        });
        copied.collect()
    });
    Ok(Record {
        topic,
        position: Position { partition, offset },
        key: Bytes::copy_from_slice(message.key().unwrap_or_default()),
        append_time,
        headers: headers.unwrap_or_default(),
        value: message.payload().map(Bytes::copy_from_slice),
    })
}

/// The bytes of key, headers and value.
pub(super) fn bytes(record: &Record) -> usize {
    let headers: usize = record
        .headers
        .iter()
        .map(|(name, value)| name.len() + value.len())
        .sum();
    record.key.len() + headers + record.value.as_ref().map_or(0, Bytes::len)
}
