use std::num::NonZeroU32;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::{Offset, TopicPartitionList};
use tokio::task::spawn_blocking;

use super::Names;
use super::clients::{Clients, QUESTION};
use super::events::{Events, Trouble};
use super::failure::{is_about_leaders, to_log_error};
use super::names::to_kafka;
use super::offloaded::Offloaded;
use crate::store::Bounds;
use crate::{LogError, Topic};

/// How often trouble is looked at while a broker's first answer is awaited.
const LOOK: Duration = Duration::from_millis(200);

/// How long brokers may take to hear of a new topic or right.
const SPREADING: Duration = Duration::from_secs(2);

/// Asks the brokers about topics and offsets.
pub(super) struct Query {
    consumer: Arc<Offloaded<BaseConsumer<Events>>>,
    events: Events,
    names: Names,
    partitions: u32,
}

impl Query {
    pub(super) fn start(clients: &Clients) -> Result<Self, LogError> {
        let events = Events::new();
        let consumer = clients
            .asking()
            .create_with_context(events.clone())
            .map_err(|error| LogError::Misconfigured(error.to_string()))?;
        Ok(Self {
            consumer: Arc::new(Offloaded::new(consumer)),
            events,
            names: clients.names().clone(),
            partitions: clients.options().partitions.get(),
        })
    }

    /// The first to know of a refused certificate.
    pub(super) fn events(&self) -> &Events {
        &self.events
    }

    /// Checks that each topic is there and has so many partitions, held by some
    /// broker.
    pub(super) async fn check_partitions(
        &self,
        topics: impl Iterator<Item = Topic>,
        expected: NonZeroU32,
    ) -> Result<(), LogError> {
        for topic in topics {
            let name = self.names.topic(topic);
            let found = self.count_partitions(name.clone()).await?;
            if found != expected.get() as usize {
                return Err(LogError::Misconfigured(format!(
                    "topic {name} has {found} partitions, but partitions is {expected}; set it to \
                     {found}, or move the records to a topic with {expected} partitions"
                )));
            }
        }
        Ok(())
    }

    async fn count_partitions(&self, name: String) -> Result<usize, LogError> {
        let events = self.events.clone();
        self.ask(move |consumer| {
            let started = Instant::now();
            loop {
                let answer = consumer.fetch_metadata(Some(&name), LOOK);
                drain(consumer);
                let late = started.elapsed() >= QUESTION;
                let refused = matches!(events.trouble(), Some(Trouble::Refused(_)));
                let metadata = match answer {
                    Ok(metadata) => metadata,
                    Err(_) if late || refused => return Err(events.explain()),
                    Err(_) => continue,
                };
                let Some(topic) = metadata.topics().first() else {
                    continue;
                };
                match topic.error() {
                    None => return Ok(topic.partitions().len()),
                    Some(error) => {
                        let error = KafkaError::MetadataFetch(RDKafkaErrorCode::from(error));
                        let failure = to_log_error(&error, &format!("topic {name}"));
                        let final_answer = match failure {
                            LogError::Misconfigured(_) => started.elapsed() >= SPREADING,
                            _ => late,
                        };
                        if final_answer {
                            return Err(failure);
                        }
                        thread::sleep(LOOK);
                    }
                }
            }
        })
        .await
    }

    /// Index = partition.
    pub(super) async fn starts(&self, topic: Topic) -> Result<Vec<u64>, LogError> {
        self.offsets(topic, Offset::Beginning).await
    }

    /// Index = partition.
    pub(super) async fn ends(&self, topic: Topic) -> Result<Vec<u64>, LogError> {
        self.offsets(topic, Offset::End).await
    }

    /// Index = partition.
    pub(super) async fn bounds(&self, topic: Topic) -> Result<Vec<Bounds>, LogError> {
        let starts = self.starts(topic).await?;
        let ends = self.ends(topic).await?;
        let pairs = starts.into_iter().zip(ends);
        Ok(pairs.map(|(start, end)| Bounds { start, end }).collect())
    }

    /// In each partition the first offset whose append time is not before `time`,
    /// or the end offset. Index = partition.
    pub(super) async fn offsets_at(
        &self,
        topic: Topic,
        time: Timestamp,
    ) -> Result<Vec<u64>, LogError> {
        // Before the epoch stands nothing, and Kafka means other things by it.
        let millisecond = time.as_millisecond().max(0);
        // Taken first: what comes later than this is not skipped.
        let ends = self.ends(topic).await?;
        let found = self.look_up(topic, Offset::Offset(millisecond)).await?;
        let pairs = found.into_iter().zip(ends);
        Ok(pairs.map(|(found, end)| found.unwrap_or(end)).collect())
    }

    async fn offsets(&self, topic: Topic, at: Offset) -> Result<Vec<u64>, LogError> {
        let found = self.look_up(topic, at).await?;
        let all: Option<Vec<u64>> = found.into_iter().collect();
        all.ok_or_else(|| LogError::Unavailable(format!("{topic}: a partition has no offsets yet")))
    }

    /// Kafka's ListOffsets: `at` is a time in milliseconds, the beginning or the
    /// end.
    async fn look_up(&self, topic: Topic, at: Offset) -> Result<Vec<Option<u64>>, LogError> {
        let name = self.names.topic(topic);
        let partitions = self.partitions;
        let events = self.events.clone();
        self.ask(move |consumer| {
            let started = Instant::now();
            loop {
                let found = list_offsets(consumer, &name, partitions, at);
                drain(consumer);
                let error = match found {
                    Ok(found) => {
                        events.recover();
                        return Ok(found);
                    }
                    Err(error) => error,
                };
                // The leader has changed, and this client has yet to hear of it.
                let passing = is_about_leaders(&error) && started.elapsed() < QUESTION;
                if !passing {
                    return Err(explain(&error, &format!("offsets of {name}"), &events));
                }
                thread::sleep(LOOK);
                // Its answer is what the next attempt goes by.
                let _ = consumer.fetch_metadata(Some(&name), QUESTION);
            }
        })
        .await
    }

    /// librdkafka answers such questions to the thread that asks.
    async fn ask<R, F>(&self, question: F) -> Result<R, LogError>
    where
        R: Send + 'static,
        F: FnOnce(&BaseConsumer<Events>) -> Result<R, LogError> + Send + 'static,
    {
        let consumer = Arc::clone(&self.consumer);
        spawn_blocking(move || question(&consumer))
            .await
            .map_err(|_| LogError::Unavailable("the question was abandoned".to_owned()))?
    }
}

fn list_offsets(
    consumer: &BaseConsumer<Events>,
    name: &str,
    partitions: u32,
    at: Offset,
) -> KafkaResult<Vec<Option<u64>>> {
    let mut list = TopicPartitionList::new();
    for partition in 0..partitions {
        list.add_partition_offset(name, to_kafka(partition), at)?;
    }
    let answer = consumer.offsets_for_times(list, QUESTION)?;
    let mut offsets = vec![None; partitions as usize];
    for element in answer.elements() {
        element.error()?;
        let place = usize::try_from(element.partition()).unwrap_or(usize::MAX);
        if let (Some(slot), Offset::Offset(offset)) = (offsets.get_mut(place), element.offset()) {
            *slot = u64::try_from(offset).ok();
        }
    }
    Ok(offsets)
}

fn explain(error: &KafkaError, what: &str, events: &Events) -> LogError {
    match (to_log_error(error, what), events.trouble()) {
        (LogError::Unavailable(text), Some(trouble)) => {
            LogError::Unavailable(format!("{text} ({})", trouble.reason()))
        }
        (failure, _) => failure,
    }
}

/// Hands what the client has reported meanwhile to its [`Events`].
fn drain(consumer: &BaseConsumer<Events>) {
    while consumer.poll(Duration::ZERO).is_some() {}
}
