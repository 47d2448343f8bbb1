//! What the cases share: records to append, and ways to wait for conditions.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use eventlog::{
    Assignment, CloudEvent, EventLog, GroupEvent, LogOptions, NewRecord, Position, Record,
    Subscription, Tail, TailFrom, Topic,
};
use jiff::Timestamp;
use uuid::Uuid;

pub(crate) const TOPIC: Topic = Topic::AccessEvents;

/// Enough for a slow machine; what takes longer is stuck.
const PATIENCE: Duration = Duration::from_secs(60);

/// Options under which members die soon.
pub(crate) fn options() -> LogOptions {
    LogOptions {
        session_timeout: Duration::from_millis(1500),
        rebalance_timeout: Duration::from_secs(60),
        append_timeout: Duration::from_secs(30),
        ..LogOptions::default()
    }
}

pub(crate) fn record(key: impl Into<String>, value: impl Into<String>) -> NewRecord {
    NewRecord {
        key: key.into(),
        event: event(),
        value: Some(Bytes::from(value.into())),
    }
}

pub(crate) fn tombstone(key: &str) -> NewRecord {
    NewRecord {
        key: key.to_owned(),
        event: event(),
        value: None,
    }
}

pub(crate) fn event() -> CloudEvent {
    CloudEvent {
        id: Uuid::now_v7(),
        source: "urn:contract".to_owned(),
        kind: "contract.tested.v1".to_owned(),
        subject: Some("sunrise.north-gate".to_owned()),
        time: Timestamp::now(),
        dataschema: None,
        traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned()),
    }
}

/// Appends `count` records with keys and values `prefix0`, `prefix1`, …
pub(crate) async fn append_many(log: &dyn EventLog, prefix: &str, count: usize) -> Vec<Position> {
    append_many_to(log, TOPIC, prefix, count).await
}

pub(crate) async fn append_many_to(
    log: &dyn EventLog,
    topic: Topic,
    prefix: &str,
    count: usize,
) -> Vec<Position> {
    let appends = (0..count).map(|number| {
        let name = format!("{prefix}{number}");
        log.append(topic, record(name.clone(), name))
    });
    futures::future::try_join_all(appends).await.unwrap()
}

pub(crate) fn text(record: &Record) -> String {
    String::from_utf8(record.value.clone().unwrap_or_default().to_vec()).unwrap()
}

/// Fails instead of waiting for ever.
pub(crate) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(value) => value,
        Err(_) => panic!("waited in vain: {what}"),
    }
}

/// Asks again until the answer is yes.
pub(crate) async fn eventually<F: Future<Output = bool>>(what: &str, mut ask: impl FnMut() -> F) {
    soon(what, async {
        while !ask().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
}

/// Reads until there are this many records.
pub(crate) async fn take(tail: &mut dyn Tail, count: usize) -> Vec<Record> {
    let mut records = Vec::new();
    while records.len() < count {
        let batch = soon("more records", tail.next_batch(count - records.len())).await;
        records.extend(batch.unwrap());
    }
    records
}

/// Everything that the topic holds now.
pub(crate) async fn read_all(log: &dyn EventLog, topic: Topic) -> Vec<Record> {
    let ends = log.end_offsets(topic).await.unwrap();
    let mut tail = log.tail(topic, TailFrom::Beginning).await.unwrap();
    let mut records = Vec::new();
    let behind = |at: Vec<u64>| at.iter().zip(&ends).any(|(at, end)| at < end);
    while behind(tail.positions()) {
        records.extend(soon("the end", tail.next_batch(1000)).await.unwrap());
    }
    records
}

/// A member of a group, and what it has been given.
pub(crate) struct Member {
    pub(crate) subscription: Box<dyn Subscription>,
    pub(crate) assigned: BTreeMap<(Topic, u32), Option<u64>>,
    pub(crate) records: Vec<Record>,
}

impl Member {
    pub(crate) async fn join(log: &dyn EventLog, group: &str) -> Self {
        Self::join_topics(log, group, &[TOPIC]).await
    }

    pub(crate) async fn join_topics(log: &dyn EventLog, group: &str, topics: &[Topic]) -> Self {
        Self {
            subscription: log.subscribe(group, topics).await.unwrap(),
            assigned: BTreeMap::new(),
            records: Vec::new(),
        }
    }

    /// Takes in one event.
    pub(crate) async fn step(&mut self) -> GroupEvent {
        let event = soon("a group event", self.subscription.next(7)).await;
        let event = event.unwrap();
        match &event {
            GroupEvent::Assigned(list) => {
                let entry = |a: &Assignment| ((a.topic, a.partition), a.committed);
                self.assigned.extend(list.iter().map(entry));
            }
            GroupEvent::Revoked(list) => {
                for at in list {
                    assert!(self.assigned.remove(at).is_some(), "{at:?} was not held");
                }
            }
            GroupEvent::Records(records) => {
                for record in records {
                    let at = (record.topic, record.position.partition);
                    assert!(self.assigned.contains_key(&at), "{at:?} was not assigned");
                }
                self.records.extend(records.iter().cloned());
            }
        }
        event
    }

    /// Takes events in until this member holds so many partitions.
    pub(crate) async fn until_assigned(&mut self, partitions: usize) {
        while self.assigned.len() != partitions {
            self.step().await;
        }
    }

    /// Takes events in until so many records have come.
    pub(crate) async fn until_records(&mut self, count: usize) {
        while self.records.len() < count {
            self.step().await;
        }
    }

    /// The offset after the last record of each partition.
    pub(crate) fn read_up_to(&self) -> BTreeMap<u32, u64> {
        let next = |r: &Record| (r.position.partition, r.position.offset + 1);
        self.records.iter().map(next).collect()
    }

    /// Commits all that has come.
    pub(crate) async fn commit_all(&mut self) {
        for (partition, offset) in self.read_up_to() {
            let next = Position { partition, offset };
            self.subscription.commit(TOPIC, next).await.unwrap();
        }
    }
}
