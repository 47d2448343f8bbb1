//! Reading given partitions from given offsets, outside any group.

mod record;

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use rdkafka::consumer::{Consumer, StreamConsumer};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::{Offset, TopicPartitionList};

use super::Names;
use super::clients::{Clients, QUESTION};
use super::events::Events;
use super::failure::{code, is_out_of_range, to_log_error};
use super::leaders::learn_leaders;
use super::names::to_kafka;
use super::offloaded::Offloaded;
use super::query::Query;
use crate::store::{Cursor, READ_BYTES};
use crate::{LogError, Record, Topic};

/// A partition of a topic.
pub(super) type Place = (Topic, u32);

/// What a wait has brought.
pub(super) enum Arrival {
    Records(Vec<Record>),
    /// The reader has seen all that this partition held a moment ago.
    End(u32),
}

/// Reads partitions, each from its own offset on.
pub(super) struct Reader {
    consumer: Arc<Offloaded<StreamConsumer<Events>>>,
    query: Arc<Query>,
    names: Names,
    /// What is read, and the offset that comes next.
    next: BTreeMap<Place, u64>,
    /// What librdkafka fetches doesn't agree with `next`.
    moved: bool,
    /// An offset was not there when it was to be read.
    out_of_range: bool,
    /// What went wrong after records that had to be handed out first.
    failed: Option<KafkaError>,
}

impl Reader {
    /// A reader that is ready to read these topics, and reads nothing yet. Brokers answer it once
    /// they have `at_least` so many bytes, or after a moment.
    pub(super) async fn start(
        clients: &Clients,
        query: &Arc<Query>,
        topics: &[Topic],
        at_least: usize,
    ) -> Result<Self, LogError> {
        let consumer = clients
            .reading(at_least)
            .create_with_context(Events::new())
            .map_err(|error| LogError::Misconfigured(error.to_string()))?;
        let consumer = Arc::new(Offloaded::new(consumer));
        let names = topics.iter().map(|t| clients.names().topic(*t)).collect();
        let ask = |consumer: &StreamConsumer<Events>, name: &str| {
            consumer.fetch_metadata(Some(name), QUESTION).map(drop)
        };
        learn_leaders(&consumer, names, ask).await?;
        Ok(Self {
            consumer,
            query: Arc::clone(query),
            names: clients.names().clone(),
            next: BTreeMap::new(),
            moved: false,
            out_of_range: false,
            failed: None,
        })
    }

    /// Reads this partition from here on; from the next wait, so that what
    /// retention takes away before is noticed then.
    pub(super) fn set(&mut self, place: Place, next: u64) {
        self.next.insert(place, next);
        self.moved = true;
    }

    pub(super) fn remove(&mut self, place: Place) {
        self.moved |= self.next.remove(&place).is_some();
    }

    pub(super) fn next(&self) -> &BTreeMap<Place, u64> {
        &self.next
    }

    /// Passes over offsets of which it is known that no record stands there.
    pub(super) fn skip_to(&mut self, place: Place, next: u64) {
        if let Some(at) = self.next.get_mut(&place) {
            *at = next.max(*at);
        }
    }

    /// Fetches everything anew from where the caller stands.
    pub(super) fn restart(&mut self) {
        self.moved = true;
    }

    /// Waits for records, or for a partition's end. Cancel safe.
    pub(super) async fn wait(&mut self, max: usize) -> Result<Arrival, LogError> {
        loop {
            if let Some(error) = self.failed.take() {
                if let Some(arrival) = self.take_in_error(error)? {
                    return Ok(arrival);
                }
                continue;
            }
            if self.out_of_range {
                self.check_offsets().await?;
            }
            if self.moved {
                self.assign()?;
            }
            if self.next.is_empty() {
                std::future::pending::<()>().await;
            }
            let arrived = arrive(&self.consumer).await;
            // No await from here on: the offsets move only with the return.
            let first = match arrived {
                Ok(message) => take_in(&self.names, &mut self.next, &message)?,
                Err(error) => {
                    self.failed = Some(error);
                    continue;
                }
            };
            let mut records: Vec<Record> = first.into_iter().collect();
            self.failed = self.take_ready(&mut records, max)?;
            if !records.is_empty() {
                return Ok(Arrival::Records(records));
            }
        }
    }

    /// Takes in what has been fetched already.
    fn take_ready(
        &mut self,
        records: &mut Vec<Record>,
        max: usize,
    ) -> Result<Option<KafkaError>, LogError> {
        let mut bytes: usize = records.iter().map(record::bytes).sum();
        let mut context = Context::from_waker(Waker::noop());
        while records.len() < max && bytes < READ_BYTES {
            match pin!(self.consumer.recv()).poll(&mut context) {
                Poll::Pending => break,
                Poll::Ready(Err(error)) => return Ok(Some(error)),
                Poll::Ready(Ok(message)) => match take_in(&self.names, &mut self.next, &message) {
                    Ok(record) => {
                        bytes += record.as_ref().map_or(0, record::bytes);
                        records.extend(record);
                    }
                    Err(error) if records.is_empty() => return Err(error),
                    // Comes again with the next wait.
                    Err(_) => {
                        self.moved = true;
                        break;
                    }
                },
            }
        }
        Ok(None)
    }

    fn take_in_error(&mut self, error: KafkaError) -> Result<Option<Arrival>, LogError> {
        use RDKafkaErrorCode as Code;
        if let KafkaError::PartitionEOF(partition) = error {
            return Ok(u32::try_from(partition).ok().map(Arrival::End));
        }
        if is_out_of_range(&error) {
            self.out_of_range = true;
            return Ok(None);
        }
        match code(&error) {
            Some(Code::GroupAuthorizationFailed) => Ok(None),
            Some(Code::AllBrokersDown) => {
                Err(LogError::Unavailable("no broker can be reached".to_owned()))
            }
            _ => match to_log_error(&error, "reading the log") {
                wrong @ LogError::Misconfigured(_) => {
                    self.moved = true;
                    Err(wrong)
                }
                // librdkafka goes on by itself.
                passing => {
                    tracing::debug!(error = %passing, "reading goes on");
                    Ok(None)
                }
            },
        }
    }

    /// Finds the offset that was not there; if all are, reading can go on.
    async fn check_offsets(&mut self) -> Result<(), LogError> {
        let topics: BTreeSet<Topic> = self.next.keys().map(|(topic, _)| *topic).collect();
        for topic in topics {
            let bounds = self.query.bounds(topic).await?;
            let of_topic = self.next.iter().filter(|((of, _), _)| *of == topic);
            for (&(_, partition), &offset) in of_topic {
                let cursor = Cursor {
                    topic,
                    partition,
                    offset,
                };
                if let Some(bounds) = bounds.get(partition as usize) {
                    cursor.check(*bounds)?;
                }
            }
        }
        self.out_of_range = false;
        self.moved = true;
        Ok(())
    }

    fn assign(&mut self) -> Result<(), LogError> {
        let failed = |error: KafkaError| to_log_error(&error, "reading the log");
        let mut list = TopicPartitionList::new();
        for (&(topic, partition), &offset) in &self.next {
            let offset = Offset::Offset(i64::try_from(offset).unwrap_or(i64::MAX));
            list.add_partition_offset(&self.names.topic(topic), to_kafka(partition), offset)
                .map_err(failed)?;
        }
        self.consumer.assign(&list).map_err(failed)?;
        self.moved = false;
        Ok(())
    }
}

/// What comes next. librdkafka tells every second that no broker can be reached, and keeps it for a
/// reader that pauses: of all that, only the last counts, and only if nothing has come after it. Cancel
/// safe.
async fn arrive(consumer: &StreamConsumer<Events>) -> KafkaResult<BorrowedMessage<'_>> {
    let is_down = |error: &KafkaError| code(error) == Some(RDKafkaErrorCode::AllBrokersDown);
    let mut arrived = consumer.recv().await;
    let mut context = Context::from_waker(Waker::noop());
    while arrived.as_ref().is_err_and(is_down)
        && let Poll::Ready(next) = pin!(consumer.recv()).poll(&mut context)
    {
        arrived = next;
    }
    arrived
}

/// The record, unless it belongs to a partition that is no longer read or was
/// read already.
fn take_in(
    names: &Names,
    next: &mut BTreeMap<Place, u64>,
    message: &BorrowedMessage<'_>,
) -> Result<Option<Record>, LogError> {
    let place = names
        .parse(message.topic())
        .zip(u32::try_from(message.partition()).ok());
    let (Some(place), Ok(offset)) = (place, u64::try_from(message.offset())) else {
        return Ok(None);
    };
    let Some(at) = next.get_mut(&place).filter(|at| **at <= offset) else {
        return Ok(None);
    };
    let record = record::convert(message, place, offset)?;
    *at = offset + 1;
    Ok(Some(record))
}
