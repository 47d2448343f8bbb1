//! The limit: librdkafka as it comes, with the settings of webhook-gw's log.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use anyhow::{Context as _, Result};
use harness::site::Site;
use hdrhistogram::Histogram;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{DeliveryFuture, FutureProducer, FutureRecord};
use tokio::task::JoinSet;

use super::load::Load;
use super::spent::Spent;
use crate::bench::command::bare::Sample;
use crate::bench::command::bare::kafka::{NAME, PARTITIONS, Topic};

/// One producer, and what it writes.
pub(super) struct Producer {
    producer: FutureProducer,
    sample: Sample,
    next: AtomicU32,
}

impl Producer {
    /// On a topic of its own beside the site's; records like `sample`, sent with this linger.
    ///
    /// # Errors
    /// The topic can't be made.
    pub(super) async fn start(
        site: &mut Site,
        sample: Sample,
        linger_ms: u32,
    ) -> Result<Arc<Self>> {
        let topic = Topic::beside(site)?;
        topic.create().await?;
        let mut config = topic.client();
        config
            .set("acks", "all")
            .set("enable.idempotence", "true")
            .set("linger.ms", linger_ms.to_string());
        Ok(Arc::new(Self {
            producer: config.create()?,
            sample,
            next: AtomicU32::new(0),
        }))
    }

    /// Writes as many records at once as the clients of this load send.
    ///
    /// # Errors
    /// A record is not acknowledged.
    pub(super) async fn run(self: &Arc<Self>, load: &Load) -> Result<Spent> {
        let start = Instant::now();
        let mut writers = JoinSet::new();
        for _ in 0..load.clients {
            let (this, until, batch) = (Arc::clone(self), start + load.time, load.batch);
            writers.spawn(async move { this.write(batch, until).await });
        }
        let mut spent = Spent {
            batch: load.batch,
            ..Spent::default()
        };
        while let Some(latencies) = writers.join_next().await {
            spent.take(&latencies??, 0);
        }
        spent.time = start.elapsed();
        Ok(spent)
    }

    async fn write(&self, batch: usize, until: Instant) -> Result<Histogram<u64>> {
        let mut latencies = Histogram::new(3)?;
        while Instant::now() < until {
            let begun = Instant::now();
            let sent: Vec<_> = (0..batch).map(|_| self.send()).collect::<Result<_>>()?;
            for delivery in sent {
                let delivered = delivery.await.context("the producer has ended")?;
                delivered.map_err(|(why, _)| why)?;
            }
            latencies.record(u64::try_from(begun.elapsed().as_nanos())?)?;
        }
        Ok(latencies)
    }

    fn send(&self) -> Result<DeliveryFuture> {
        let partition = self.next.fetch_add(1, Ordering::Relaxed) % PARTITIONS;
        let headers = self.sample.headers.iter();
        let headers = headers.fold(OwnedHeaders::new(), |headers, (key, value)| {
            headers.insert(Header {
                key,
                value: Some(value),
            })
        });
        let payload = vec![7; self.sample.bytes];
        let record = FutureRecord::to(NAME)
            .partition(i32::try_from(partition)?)
            .key(&self.sample.key)
            .payload(&payload)
            .headers(headers);
        Ok(self.producer.send_result(record).map_err(|(why, _)| why)?)
    }
}
