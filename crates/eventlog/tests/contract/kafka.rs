//! The adapter for Apache Kafka, against a broker that all cases of a run share.
//! Each case has topics of its own by a prefix, and a way to the broker of its
//! own by a relay, which is what faults happen to.

mod engine;

use std::sync::Arc;

use anyhow::Result;
use async_trait::async_trait;
use eventlog::{LogError, LogOptions, SharedLog};
use harness::engines::kafka::Kafka;
use harness::engines::missing;
use harness::engines::relay::Relay;
use url::Url;

use self::engine::{Engine, Lane};
use crate::case::{Adapter, Need};
use crate::harness::{Fault, Harness};

pub(crate) use self::engine::stop;

struct OnKafka {
    relay: Relay,
    lane: Lane,
    prefix: String,
    log: SharedLog,
}

/// Nothing where there is no broker to be had, which has been said then.
pub(crate) fn adapter() -> Result<Option<Adapter>> {
    if let Some(why) = Kafka::lacking() {
        missing::report("Kafka", &why)?;
        return Ok(None);
    }
    Ok(Some(Adapter {
        name: "kafka",
        lacks: &[(Need::FullDisk, "no process of ours uses one")],
        create: |options| {
            Box::pin(async move {
                let engine = Engine::running();
                let (lane, prefix) = (engine.lane(), engine.prefix());
                engine.make_topics(&prefix, &options).await;
                let (front, back) = engine.ends(&lane);
                let relay = Relay::open(front, back).await.unwrap();
                let options = engine.complete(&prefix, options);
                let log = eventlog::open(&url(&lane), options).await.unwrap();
                Arc::new(OnKafka {
                    relay,
                    lane,
                    prefix,
                    log,
                }) as Arc<dyn Harness>
            })
        },
    }))
}

fn url(lane: &Lane) -> Url {
    let (front, _) = Engine::running().ends(lane);
    format!("kafka://localhost:{}", front.port())
        .parse()
        .unwrap()
}

#[async_trait]
impl Harness for OnKafka {
    fn log(&self) -> SharedLog {
        Arc::clone(&self.log)
    }

    async fn open(&self, options: LogOptions) -> Result<SharedLog, LogError> {
        eventlog::open(&self.url(), self.complete(options)).await
    }

    /// Nothing passes between the clients and the broker.
    async fn block(&self) -> Fault {
        Box::new(self.relay.stall())
    }

    /// What the broker answers is kept back.
    fn lose_acknowledgements(&self) -> Fault {
        Box::new(self.relay.stall_answers())
    }

    fn complete(&self, options: LogOptions) -> LogOptions {
        Engine::running().complete(&self.prefix, options)
    }

    fn url(&self) -> Url {
        url(&self.lane)
    }
}
