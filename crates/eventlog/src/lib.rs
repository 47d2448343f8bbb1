//! The event log: one trait, its adapters, CloudEvents headers.
//!
//! [`EventLog`] has the semantics of Apache Kafka: partitioned topics, append
//! times set by the log, consumer groups, acknowledged appends. [`open`] picks
//! the adapter by URL; nothing outside an adapter depends on which it is. One
//! contract suite (`tests/contract`) runs unchanged against each of them.

mod cloudevent;
mod config;
mod duration_text;
mod error;
mod group;
#[cfg(feature = "kafka")]
mod kafka;
mod kafka_options;
mod left;
mod log;
mod memory;
mod open;
mod options;
pub mod partitioner;
mod prepare;
mod record;
mod retention;
mod sqlite;
mod store;
mod tail;
mod topic;
mod trace_context;

pub use cloudevent::{CONTENT_TYPE, CloudEvent, HeaderError};
pub use config::LogConfig;
pub use error::{AppendError, CommitError, LogError};
#[cfg(feature = "kafka")]
pub use kafka::KafkaLog;
pub use kafka_options::KafkaOptions;
pub use log::{Assignment, EventLog, GroupEvent, SharedLog, Subscription, Tail, TailFrom};
pub use memory::{Hold, LostAcknowledgements, MemoryLog};
pub use open::{open, wait_closed};
pub use options::LogOptions;
pub use record::{NewRecord, Position, Record};
pub use retention::{Keep, Retention};
pub use sqlite::SqliteLog;
pub use topic::{Topic, UnknownTopic};
