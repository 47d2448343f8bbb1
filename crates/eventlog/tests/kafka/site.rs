use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use eventlog::{CloudEvent, KafkaOptions, LogError, LogOptions, NewRecord, SharedLog, Topic};
use harness::engines::kafka::{Kafka, Layout};
use harness::pki::{Issued, Pki};
use jiff::Timestamp;
use rdkafka::ClientConfig;
use tempfile::TempDir;
use url::Url;
use uuid::Uuid;

/// A cluster with the topics and rights of `deploy/kafka`.
pub(crate) struct Site {
    pub(crate) kafka: Kafka,
    pub(crate) pki: Pki,
    pub(crate) url: Url,
    pub(crate) dir: TempDir,
}

impl Site {
    /// Nothing where there is no Kafka to be had, which has been said then.
    pub(crate) async fn start(brokers: usize) -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let pki = Pki::create(&dir.path().join("pki")).unwrap();
        let layout = Layout::brokers(brokers);
        let kafka = Kafka::start(&dir.path().join("kafka"), &pki, &layout).await;
        let kafka = kafka.unwrap()?;
        let url = kafka.url().unwrap();
        Some(Self {
            kafka,
            pki,
            url,
            dir,
        })
    }

    pub(crate) fn ca(&self) -> PathBuf {
        self.pki.bundle().to_owned()
    }

    /// An operator's options: everything is allowed.
    pub(crate) fn admin(&self) -> LogOptions {
        self.options(self.kafka.admin(), &Topic::ALL, &Topic::ALL)
    }

    pub(crate) fn options(&self, who: &Issued, appends: &[Topic], reads: &[Topic]) -> LogOptions {
        LogOptions {
            kafka: Some(KafkaOptions {
                ca: Some(self.ca()),
                certificate: Some(who.certificate.clone()),
                private_key: Some(who.private_key.clone()),
                appends: appends.into(),
                reads: reads.into(),
                min_insync_replicas: NonZeroU32::MIN,
                ..KafkaOptions::default()
            }),
            ..LogOptions::default()
        }
    }

    /// An operator's client that goes past the log.
    pub(crate) fn client(&self) -> ClientConfig {
        let who = self.kafka.admin();
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", self.kafka.addresses().join(","))
            .set("security.protocol", "ssl")
            .set("ssl.ca.location", self.ca().display().to_string())
            .set(
                "ssl.certificate.location",
                who.certificate.display().to_string(),
            )
            .set("ssl.key.location", who.private_key.display().to_string());
        config
    }

    pub(crate) async fn open(&self, options: LogOptions) -> Result<SharedLog, LogError> {
        let opened = eventlog::open(&self.url, options);
        // Nothing that is wrong may show itself by silence.
        let bound = Duration::from_secs(15);
        tokio::time::timeout(bound, opened)
            .await
            .expect("opening answers within seconds")
    }

    /// What opening says of options that can't work.
    pub(crate) async fn refusal(&self, options: LogOptions) -> String {
        match self.open(options).await {
            Ok(_) => panic!("it opened"),
            Err(LogError::Misconfigured(text)) => text,
            Err(other) => panic!("{other:?}"),
        }
    }
}

pub(crate) fn with_kafka(
    mut options: LogOptions,
    change: impl FnOnce(&mut KafkaOptions),
) -> LogOptions {
    change(options.kafka.as_mut().unwrap());
    options
}

pub(crate) fn record(key: &str, value: &str) -> NewRecord {
    NewRecord {
        key: key.to_owned(),
        event: CloudEvent {
            id: Uuid::now_v7(),
            source: "urn:test".to_owned(),
            kind: "tested.v1".to_owned(),
            subject: None,
            time: Timestamp::now(),
            dataschema: None,
            traceparent: None,
        },
        value: Some(Bytes::from(value.to_owned())),
    }
}
