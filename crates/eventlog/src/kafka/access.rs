//! Tries what this process is to do, so that a missing right is found at the
//! start and not with the first record.

use std::collections::BTreeSet;
use std::sync::Arc;

use rdkafka::consumer::{Consumer, StreamConsumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::{Offset, TopicPartitionList};
use tokio::time::timeout;

use super::clients::{Clients, QUESTION};
use super::events::Events;
use super::failure::{code, to_log_error};
use super::leaders::learn_leaders;
use super::offloaded::Offloaded;
use crate::{LogError, Topic};

/// Reads at the end of one partition of each topic until told that it is the end.
pub(super) async fn check_reads(clients: &Clients, first: &Events) -> Result<(), LogError> {
    let reads: BTreeSet<Topic> = clients.kafka().reads.iter().copied().collect();
    let names: Vec<String> = reads.iter().map(|t| clients.names().topic(*t)).collect();
    let Err(failure) = read_ends(clients, &names, first).await else {
        return Ok(());
    };
    // The answer doesn't say which topic it is about.
    for name in names {
        read_ends(clients, &[name], first).await?;
    }
    Err(failure)
}

async fn read_ends(clients: &Clients, names: &[String], first: &Events) -> Result<(), LogError> {
    let read = timeout(QUESTION, try_read_ends(clients, names)).await;
    read.unwrap_or_else(|_| Err(first.explain()))
}

async fn try_read_ends(clients: &Clients, names: &[String]) -> Result<(), LogError> {
    let what = format!("reading topic {}", names.join(", "));
    let failed = |error: KafkaError| to_log_error(&error, &what);
    let consumer: StreamConsumer<Events> = clients
        .reading(1)
        .create_with_context(Events::new())
        .map_err(failed)?;
    let consumer = Arc::new(Offloaded::new(consumer));
    let ask = |consumer: &StreamConsumer<Events>, name: &str| {
        consumer.fetch_metadata(Some(name), QUESTION).map(drop)
    };
    learn_leaders(&consumer, names.to_vec(), ask).await?;
    let mut list = TopicPartitionList::new();
    for name in names {
        list.add_partition_offset(name, 0, Offset::End)
            .map_err(failed)?;
    }
    consumer.assign(&list).map_err(failed)?;
    let mut ends = 0;
    while ends < names.len() {
        match consumer.recv().await {
            Err(KafkaError::PartitionEOF(_)) => ends += 1,
            // Appended meanwhile; its end is still to come.
            Ok(_) => {}
            // Not needed for reading outside of a group.
            Err(error) if code(&error) == Some(RDKafkaErrorCode::GroupAuthorizationFailed) => {}
            Err(error) => match failed(error) {
                failure @ LogError::Misconfigured(_) => return Err(failure),
                passing => tracing::debug!(error = %passing, "the trial goes on"),
            },
        }
    }
    Ok(())
}

/// Appends what no broker takes in: see [`Clients::trying`].
pub(super) async fn check_appends(clients: &Clients) -> Result<(), LogError> {
    let events = Events::new();
    let producer: FutureProducer<Events> = clients
        .trying()
        .create_with_context(events.clone())
        .map_err(|error| LogError::Misconfigured(error.to_string()))?;
    let producer = Offloaded::new(producer);
    let appends: BTreeSet<Topic> = clients.kafka().appends.iter().copied().collect();
    for topic in appends {
        let name = clients.names().topic(topic);
        let record = FutureRecord::<[u8], [u8]>::to(&name)
            .partition(0)
            .key(b"probe");
        let failed =
            |error: &KafkaError| to_log_error(error, &format!("appending to topic {name}"));
        let sent = producer
            .send_result(record)
            .map_err(|(error, _)| failed(&error))?;
        let answer = timeout(QUESTION, sent)
            .await
            .map_err(|_| events.explain())?;
        match answer {
            Ok(Err((error, _))) if code(&error) == Some(RDKafkaErrorCode::InvalidRequiredAcks) => {}
            Ok(Err((error, _))) => return Err(failed(&error)),
            Ok(Ok(_)) => {
                return Err(LogError::Misconfigured(format!(
                    "the brokers took in a record with acks=2 ({name}); they are not Apache Kafka"
                )));
            }
            Err(_) => return Err(events.explain()),
        }
    }
    Ok(())
}
