use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{DeliveryFuture, FutureProducer, FutureRecord, Producer};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::clients::{Clients, QUESTION};
use super::events::{Events, Progress};
use super::failure::code;
use super::leaders::learn_leaders;
use super::names::to_kafka;
use super::offloaded::Offloaded;
use super::{Names, failure};
use crate::prepare::Prepared;
use crate::{AppendError, LogError, Position};

/// How long librdkafka waits before it sends a batch again. An answer that comes
/// sooner is the answer to the only attempt there was.
pub(super) const RETRY_PAUSE: Duration = Duration::from_millis(100);

/// The pause varies by a fifth.
const ONE_ATTEMPT: Duration = Duration::from_millis(75);

/// How long the start waits for brokers beyond the first.
const CONNECTING: Duration = Duration::from_secs(1);

type Client = Arc<Offloaded<FutureProducer<Events>>>;

/// Appends through one idempotent producer: what librdkafka sends again, the
/// brokers recognise and take in once.
pub(super) struct Appender {
    config: ClientConfig,
    names: Names,
    patience: Duration,
    /// librdkafka's own queue counts an append for a moment longer than its
    /// caller waits for it.
    queue: Semaphore,
    client: RwLock<Client>,
}

impl Appender {
    /// Starts, and waits until an append needs nothing but its own round trip.
    pub(super) async fn start(clients: &Clients) -> Result<Self, LogError> {
        let config = clients.appending();
        let events = Events::new();
        let client = create(&config, events.clone())
            .map_err(|error| LogError::Misconfigured(error.to_string()))?;
        let ready = async {
            tokio::select! {
                () = events.reached(Progress::Numbered) => Ok(()),
                refused = events.refused() => Err(refused),
            }
        };
        timeout(QUESTION, ready)
            .await
            .unwrap_or_else(|_| Err(events.explain()))?;
        // A broker that is down must not keep us from starting.
        let _ = timeout(CONNECTING, events.reached(Progress::Connected)).await;
        let appends = clients.kafka().appends.iter();
        let names = appends.map(|topic| clients.names().topic(*topic)).collect();
        let ask = |producer: &FutureProducer<Events>, name: &str| {
            let metadata = producer.client().fetch_metadata(Some(name), QUESTION);
            metadata.map(drop)
        };
        learn_leaders(&client, names, ask).await?;
        Ok(Self {
            config,
            names: clients.names().clone(),
            patience: clients.options().append_timeout,
            queue: Semaphore::new(clients.options().queue_capacity),
            client: RwLock::new(client),
        })
    }

    /// Hands all records over, in their order, and only then waits for all acknowledgements. In
    /// a partition librdkafka keeps this order, whatever it has to send again.
    pub(super) async fn append(&self, records: &[Prepared]) -> Result<Vec<Position>, AppendError> {
        const FULL: &str = "the queue of appends is full; slow down";
        let places = u32::try_from(records.len())
            .ok()
            .and_then(|places| self.queue.try_acquire_many(places).ok());
        let _places = places.ok_or_else(|| AppendError::not_written(FULL))?;
        let started = Instant::now();
        let client = self.client();
        let mut sent = Vec::with_capacity(records.len());
        for record in records {
            match self.send(&client, record) {
                Ok(delivery) => sent.push((delivery, self.names.topic(record.topic))),
                // Those before it are on their way.
                Err(AppendError::NotWritten { reason }) if !sent.is_empty() => {
                    return Err(AppendError::maybe_written(reason));
                }
                Err(error) => return Err(error),
            }
        }
        let all = records.len();
        let delivered = timeout(self.patience, async {
            let mut positions = Vec::with_capacity(all);
            for (delivery, name) in sent {
                positions.push(delivered(delivery, &name, started, all == 1).await?);
            }
            Ok(positions)
        });
        delivered.await.unwrap_or_else(|_| {
            Err(AppendError::maybe_written(
                "no acknowledgement came in time; read the log to find out",
            ))
        })
    }

    /// Hands the record to librdkafka's queue, or has it refused there and then.
    fn send(&self, client: &Client, record: &Prepared) -> Result<DeliveryFuture, AppendError> {
        let name = self.names.topic(record.topic);
        let mut headers = OwnedHeaders::new_with_capacity(record.headers.len());
        for (key, value) in &record.headers {
            headers = headers.insert(Header {
                key,
                value: Some(value.as_ref()),
            });
        }
        let new = FutureRecord::<[u8], [u8]> {
            topic: &name,
            partition: Some(to_kafka(record.partition)),
            payload: record.value.as_deref(),
            key: Some(record.key.as_ref()),
            timestamp: None,
            headers: Some(headers),
        };
        client.send_result(new).map_err(|(error, _)| {
            self.renew_if_dead(client);
            AppendError::not_written(match advice(&error, &name) {
                Some(advice) => advice,
                None => format!("the producer refused it: {error}; slow down"),
            })
        })
    }

    fn client(&self) -> Client {
        Arc::clone(&self.client.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// A producer that has failed fatally never recovers; what it was given is
    /// told as failed, so another one can take over.
    fn renew_if_dead(&self, dead: &Client) {
        let Some((code, reason)) = dead.client().fatal_error() else {
            return;
        };
        let mut client = self.client.write().unwrap_or_else(PoisonError::into_inner);
        if !Arc::ptr_eq(&client, dead) {
            return;
        }
        tracing::error!(%code, reason, "the Kafka producer failed for good; starting another");
        match create(&self.config, Events::new()) {
            Ok(fresh) => *client = fresh,
            Err(error) => tracing::error!(%error, "no other Kafka producer"),
        }
    }
}

/// Waits for one acknowledgement. `alone`: nothing else was handed over with it, so that what is
/// known of it is known of all.
async fn delivered(
    delivery: DeliveryFuture,
    name: &str,
    started: Instant,
    alone: bool,
) -> Result<Position, AppendError> {
    let Ok(delivered) = delivery.await else {
        return Err(AppendError::maybe_written("the producer has ended"));
    };
    match delivered {
        Ok(at) => position(at.partition, at.offset).ok_or_else(|| {
            // The brokers recognised a repetition and no longer say where.
            AppendError::maybe_written("it was acknowledged without its position; read the log")
        }),
        Err((error, _)) => match judge(&error, name, started.elapsed()) {
            AppendError::NotWritten { reason } if !alone => Err(AppendError::maybe_written(reason)),
            error => Err(error),
        },
    }
}

fn create(config: &ClientConfig, events: Events) -> Result<Client, KafkaError> {
    let producer = config.create_with_context(events)?;
    Ok(Arc::new(Offloaded::new(producer)))
}

fn position(partition: i32, offset: i64) -> Option<Position> {
    Some(Position {
        partition: u32::try_from(partition).ok()?,
        offset: u64::try_from(offset).ok()?,
    })
}

/// What an operator has to do about it, where it is the cluster that is set up otherwise. What the
/// brokers said once of a topic, the producer says by itself for a while.
fn advice(error: &KafkaError, name: &str) -> Option<String> {
    match failure::to_log_error(error, &format!("append to {name}")) {
        LogError::Misconfigured(advice) => Some(advice),
        _ => None,
    }
}

/// Only a refusal of the one attempt there was proves that nothing was written:
/// the answer to an earlier attempt may have been lost.
fn judge(error: &KafkaError, name: &str, elapsed: Duration) -> AppendError {
    use RDKafkaErrorCode as Code;
    let refusal = matches!(
        code(error),
        Some(
            Code::TopicAuthorizationFailed
                | Code::ClusterAuthorizationFailed
                | Code::MessageSizeTooLarge
                | Code::InvalidMessageSize
                | Code::InvalidRecord
                | Code::InvalidTopic
                | Code::PolicyViolation
        )
    );
    let reason = advice(error, name).unwrap_or_else(|| error.to_string());
    if refusal && elapsed < ONE_ATTEMPT {
        AppendError::not_written(reason)
    } else {
        AppendError::maybe_written(format!("{reason}; read the log to find out"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_prompt_refusal_is_proof() {
        let judged = |code, elapsed| judge(&KafkaError::MessageProduction(code), "topic", elapsed);
        let (prompt, late) = (Duration::from_millis(3), RETRY_PAUSE);
        let refused = RDKafkaErrorCode::TopicAuthorizationFailed;
        assert!(!judged(refused, prompt).may_be_written());
        assert!(judged(refused, late).may_be_written());
        for code in [
            RDKafkaErrorCode::MessageTimedOut,
            RDKafkaErrorCode::PurgeQueue,
            RDKafkaErrorCode::PurgeInflight,
            RDKafkaErrorCode::NotEnoughReplicasAfterAppend,
        ] {
            assert!(judged(code, prompt).may_be_written(), "{code}");
        }
    }

    #[test]
    fn a_right_that_is_lacking_is_named_and_not_answered_with_patience() {
        let of = |code| advice(&KafkaError::MessageProduction(code), "access.events.v1");
        let told = of(RDKafkaErrorCode::TopicAuthorizationFailed).unwrap_or_default();
        let says = told.contains("access.events.v1") && told.contains("grant it with kafka-acls");
        assert!(says, "{told}");
        assert_eq!(of(RDKafkaErrorCode::QueueFull), None);
    }
}
