//! The log on Apache Kafka. This file and the folder beside it are the only
//! places that know the client library, librdkafka.
//!
//! What Kafka does by itself (replication, retention, compaction, groups) is left
//! to it; what it can be set up to do wrongly is checked when the log is opened.
//!
//! Where the two can differ from the local adapters: an acknowledged record is
//! held by `min_insync_replicas` brokers, not forced to their disks; and append
//! times, being those of a partition's leader, can go back when the leader
//! changes to a broker whose clock is behind.

mod access;
mod append;
mod clients;
mod commit;
mod events;
mod failure;
mod leaders;
mod membership;
mod names;
mod offloaded;
mod query;
mod read;
mod settings;
mod subscription;
mod tail;

pub(crate) use offloaded::all_closed;

use std::sync::Arc;

use async_trait::async_trait;
use url::Url;

use self::append::Appender;
use self::clients::Clients;
use self::names::Names;
use self::query::Query;
use crate::prepare::{Prepared, one};
use crate::{
    AppendError, EventLog, LogError, LogOptions, NewRecord, Position, Subscription, Tail, TailFrom,
    Topic,
};

/// An [`EventLog`] on Apache Kafka.
pub struct KafkaLog {
    clients: Arc<Clients>,
    query: Arc<Query>,
    /// Absent where this process appends nothing.
    appender: Option<Appender>,
}

impl KafkaLog {
    /// Opens the log: reaches a broker, compares each topic's settings with the
    /// options, tries what this process is to do, and makes the first append a
    /// quick one. Gives up after a few seconds.
    ///
    /// # Errors
    /// [`LogError::Misconfigured`] if a file, the URL, a certificate, a right, a
    /// topic or one of its settings is wrong, saying what to change;
    /// [`LogError::Unavailable`] if no broker answers.
    pub async fn open(url: &Url, options: LogOptions) -> Result<Self, LogError> {
        options.validate()?;
        let clients = Arc::new(Clients::new(url, options)?);
        let query = Arc::new(Query::start(&clients)?);
        let partitions = clients.options().partitions;
        query.check_partitions(clients.used(), partitions).await?;
        settings::check(&clients).await?;
        access::check_reads(&clients, query.events()).await?;
        let appends = &clients.kafka().appends;
        let appender = if appends.is_empty() {
            None
        } else {
            access::check_appends(&clients).await?;
            Some(Appender::start(&clients).await?)
        };
        Ok(Self {
            clients,
            query,
            appender,
        })
    }

    /// Refuses what this process did not say that it does.
    fn readable(&self, topics: &[Topic]) -> Result<(), LogError> {
        let kafka = self.clients.kafka();
        match topics.iter().find(|topic| !kafka.reads.contains(topic)) {
            Some(topic) => Err(LogError::Misconfigured(format!(
                "{topic} is not among kafka.reads of this process"
            ))),
            None => Ok(()),
        }
    }

    /// Offsets of topics that are appended to can be asked for as well.
    fn known(&self, topic: Topic) -> Result<(), LogError> {
        if self.clients.used().any(|used| used == topic) {
            return Ok(());
        }
        Err(LogError::Misconfigured(format!(
            "{topic} is neither among kafka.reads nor kafka.appends of this process"
        )))
    }
}

#[async_trait]
impl EventLog for KafkaLog {
    async fn append(&self, topic: Topic, record: NewRecord) -> Result<Position, AppendError> {
        one(self.append_all(vec![(topic, record)]).await?)
    }

    async fn append_all(
        &self,
        records: Vec<(Topic, NewRecord)>,
    ) -> Result<Vec<Position>, AppendError> {
        let records = Prepared::all(records, self.clients.options())?;
        let declared = &self.clients.kafka().appends;
        let foreign = records.iter().find(|r| !declared.contains(&r.topic));
        match (foreign, &self.appender) {
            (None, Some(appender)) => appender.append(&records).await,
            (None, None) => Ok(Vec::new()),
            (Some(Prepared { topic, .. }), _) => Err(AppendError::not_written(format!(
                "{topic} is not among kafka.appends of this process"
            ))),
        }
    }

    async fn start_offsets(&self, topic: Topic) -> Result<Vec<u64>, LogError> {
        self.known(topic)?;
        self.query.starts(topic).await
    }

    async fn end_offsets(&self, topic: Topic) -> Result<Vec<u64>, LogError> {
        self.known(topic)?;
        self.query.ends(topic).await
    }

    async fn tail(&self, topic: Topic, from: TailFrom) -> Result<Box<dyn Tail>, LogError> {
        self.readable(&[topic])?;
        tail::start(&self.clients, &self.query, topic, from).await
    }

    async fn subscribe(
        &self,
        group: &str,
        topics: &[Topic],
    ) -> Result<Box<dyn Subscription>, LogError> {
        if group.is_empty() || topics.is_empty() {
            return Err(LogError::Misconfigured(
                "a subscription needs a group's name and at least one topic".to_owned(),
            ));
        }
        self.readable(topics)?;
        subscription::join(&self.clients, &self.query, group, topics).await
    }
}
