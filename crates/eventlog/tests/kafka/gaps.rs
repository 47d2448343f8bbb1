use std::time::Duration;

use eventlog::{TailFrom, Topic};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};

use crate::site::{Site, record};

const TOPIC: Topic = Topic::AccessEvents;
const PATIENCE: Duration = Duration::from_secs(30);

/// Kafka ends a transaction with a record of its own, which no reader is given.
#[tokio::test(flavor = "multi_thread")]
async fn a_tail_gets_past_records_that_are_kafkas_own() {
    let Some(site) = Site::start(1).await else {
        return;
    };
    let log = site.open(site.admin()).await.unwrap();
    let first = log.append(TOPIC, record("key", "first")).await.unwrap();
    let mut tail = log.tail(TOPIC, TailFrom::Beginning).await.unwrap();
    let partition = i32::try_from(first.partition).unwrap();
    for commits in [true, false] {
        let producer: BaseProducer = site
            .client()
            .set("transactional.id", format!("foreign-{commits}"))
            .create()
            .unwrap();
        let transact = move || {
            producer.init_transactions(PATIENCE).unwrap();
            producer.begin_transaction().unwrap();
            let foreign = BaseRecord::<str, str>::to(TOPIC.name()).partition(partition);
            producer
                .send(foreign.key("key").payload("foreign"))
                .unwrap();
            producer.flush(PATIENCE).unwrap();
            if commits {
                producer.commit_transaction(PATIENCE).unwrap();
            } else {
                producer.abort_transaction(PATIENCE).unwrap();
            }
        };
        spawn_blocking(transact).await.unwrap();
    }
    // Three records and the ends of two transactions, the last of which is written
    // a moment after it was decided.
    let written = async {
        loop {
            let ends = log.end_offsets(TOPIC).await.unwrap();
            if ends[first.partition as usize] == 5 {
                return ends;
            }
            sleep(Duration::from_millis(20)).await;
        }
    };
    let ends = timeout(PATIENCE, written).await.unwrap();

    let mut values = Vec::new();
    let reading = async {
        while tail.positions() != ends {
            let pause = Duration::from_millis(200);
            if let Ok(batch) = timeout(pause, tail.next_batch(10)).await {
                values.extend(
                    batch
                        .unwrap()
                        .into_iter()
                        .map(|record| record.value.unwrap()),
                );
            }
        }
    };
    timeout(PATIENCE, reading).await.unwrap();
    // What was aborted stands in the log as well; nothing is filtered.
    assert_eq!(values, ["first", "foreign", "foreign"]);
    let next = log.append(TOPIC, record("key", "next")).await.unwrap();
    let batch = timeout(PATIENCE, tail.next_batch(10))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(batch[0].position, next);
}
