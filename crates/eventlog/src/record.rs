use bytes::Bytes;
use jiff::Timestamp;

use crate::cloudevent::{HeaderError, optional};
use crate::trace_context::is_traceparent;
use crate::{CloudEvent, Topic};

/// Where a record stands: offsets are dense and count from 0 in each partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The partition, from 0.
    pub partition: u32,
    /// The offset in the partition.
    pub offset: u64,
}

/// A record to be appended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRecord {
    /// Decides the partition; records of one key keep their order. Not empty.
    pub key: String,
    /// The context, written as headers.
    pub event: CloudEvent,
    /// The payload; `None` is a tombstone, which is not the same as an empty
    /// payload.
    pub value: Option<Bytes>,
}

/// A record as the log holds it. Nothing in it is trusted: another principal
/// may have written it, and its headers may be unreadable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The topic it stands in.
    pub topic: Topic,
    /// Its place in the topic.
    pub position: Position,
    /// The key, verbatim.
    pub key: Bytes,
    /// When the log took it in, in whole milliseconds (Kafka's `LogAppendTime`);
    /// never less than that of an earlier record of its partition.
    pub append_time: Timestamp,
    /// The headers, verbatim and in order.
    pub headers: Vec<(String, Bytes)>,
    /// The payload, verbatim; `None` is a tombstone.
    pub value: Option<Bytes>,
}

impl Record {
    /// The context that the headers carry.
    ///
    /// # Errors
    /// The first header that is missing, repeated or malformed.
    pub fn cloud_event(&self) -> Result<CloudEvent, HeaderError> {
        CloudEvent::from_headers(&self.headers)
    }

    /// The W3C trace context, if it is there and well formed; readable also
    /// where the rest of the headers isn't.
    pub fn traceparent(&self) -> Option<&str> {
        optional(&self.headers, "traceparent")
            .ok()
            .flatten()
            .filter(|text| is_traceparent(text))
    }
}
