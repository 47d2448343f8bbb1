//! librdkafka as it comes, with the settings that the promises of the log ask for.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use harness::site::{Engines, Site};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};
use serde::{Deserialize, Serialize};

use super::Sample;

pub(in crate::bench) const NAME: &str = "bare.events.v1";
/// As many as the site's topics have.
pub(in crate::bench) const PARTITIONS: u32 = 3;
const PATIENCE: Duration = Duration::from_secs(10);

/// A topic with the settings of `access.events.v1`, and how to reach it.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::bench) struct Topic {
    brokers: String,
    ca: PathBuf,
    certificate: PathBuf,
    private_key: PathBuf,
}

impl Topic {
    pub(in crate::bench) fn beside(site: &mut Site) -> Result<Self> {
        let ca = site.pki.bundle().to_owned();
        let Engines::Cluster(cluster) = &mut site.engines else {
            anyhow::bail!("this site has no brokers");
        };
        Ok(Self {
            brokers: cluster.kafka()?.addresses().join(","),
            ca,
            certificate: cluster.operator.certificate.clone(),
            private_key: cluster.operator.private_key.clone(),
        })
    }

    pub(in crate::bench) fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", &self.brokers)
            .set("security.protocol", "ssl")
            .set("ssl.ca.location", self.ca.to_string_lossy())
            .set(
                "ssl.certificate.location",
                self.certificate.to_string_lossy(),
            )
            .set("ssl.key.location", self.private_key.to_string_lossy());
        config
    }

    pub(in crate::bench) async fn create(&self) -> Result<()> {
        let admin: AdminClient<DefaultClientContext> = self.client().create()?;
        let partitions = i32::try_from(PARTITIONS)?;
        let topic = NewTopic::new(NAME, partitions, TopicReplication::Fixed(1))
            .set("message.timestamp.type", "LogAppendTime");
        let made = admin.create_topics([&topic], &AdminOptions::new()).await?;
        for topic in made {
            topic.map_err(|(topic, why)| anyhow!("{topic} can't be made: {why}"))?;
        }
        Ok(())
    }

    pub(super) fn count(&self) -> Result<u64> {
        let asking: BaseConsumer = self.client().create()?;
        let mut records = 0;
        for partition in 0..PARTITIONS {
            let partition = i32::try_from(partition)?;
            let (_, end) = asking.fetch_watermarks(NAME, partition, PATIENCE)?;
            records += u64::try_from(end)?;
        }
        Ok(records)
    }

    pub(super) fn open(&self) -> Result<Appender> {
        let mut config = self.client();
        config
            .set("acks", "all")
            .set("enable.idempotence", "true")
            .set("linger.ms", "0");
        Ok(Appender {
            producer: config.create()?,
            next: AtomicU32::new(0),
        })
    }
}

/// One producer.
pub(super) struct Appender {
    producer: FutureProducer,
    next: AtomicU32,
}

impl Appender {
    /// To each partition in turn, as the site's complexes lie in all of them.
    pub(super) async fn append(&self, sample: &Sample) -> Result<()> {
        let partition = self.next.fetch_add(1, Ordering::Relaxed) % PARTITIONS;
        let headers = OwnedHeaders::new_with_capacity(sample.headers.len());
        let headers = sample
            .headers
            .iter()
            .fold(headers, |headers, (key, value)| {
                headers.insert(Header {
                    key,
                    value: Some(value),
                })
            });
        let payload = vec![7; sample.bytes];
        let record = FutureRecord::to(NAME)
            .partition(i32::try_from(partition)?)
            .key(&sample.key)
            .payload(&payload)
            .headers(headers);
        let sent = self.producer.send_result(record).map_err(|(why, _)| why)?;
        let delivered = sent.await.context("the producer has ended")?;
        delivered.map_err(|(why, _)| why)?;
        Ok(())
    }
}
