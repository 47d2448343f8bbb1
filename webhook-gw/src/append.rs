//! Appending the records of one request.

use std::collections::HashMap;

use eventlog::{AppendError, EventLog};
use futures::future::join_all;

use crate::record::Entry;

/// Appends all entries at the same time, except that those of one device follow each other in
/// their order. `Ok` only if every one of them is durable.
///
/// # Errors
/// The first failure; others may have been written, or be written yet.
pub async fn append_all(log: &dyn EventLog, entries: Vec<Entry>) -> Result<(), AppendError> {
    let lanes = lanes(entries).into_iter().map(|lane| async move {
        for entry in lane {
            log.append(entry.topic, entry.record).await?;
        }
        Ok(())
    });
    join_all(lanes).await.into_iter().collect()
}

/// The entries of each device together, each of the others by itself.
fn lanes(entries: Vec<Entry>) -> Vec<Vec<Entry>> {
    let mut lanes: Vec<Vec<Entry>> = Vec::with_capacity(entries.len());
    let mut lane_of = HashMap::new();
    for entry in entries {
        let lane = match &entry.device {
            Some(device) => *lane_of.entry(device.clone()).or_insert(lanes.len()),
            None => lanes.len(),
        };
        match lanes.get_mut(lane) {
            Some(lane) => lane.push(entry),
            None => lanes.push(vec![entry]),
        }
    }
    lanes
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use eventlog::{CloudEvent, LogOptions, MemoryLog, NewRecord, TailFrom, Topic};
    use jiff::Timestamp;
    use uuid::Uuid;

    use super::*;

    fn entry(topic: Topic, key: &str, value: u8, device: Option<&str>) -> Entry {
        let event = CloudEvent {
            id: Uuid::now_v7(),
            source: "urn:test".to_owned(),
            kind: "test".to_owned(),
            subject: None,
            time: Timestamp::UNIX_EPOCH,
            dataschema: None,
            traceparent: None,
        };
        let record = NewRecord {
            key: key.to_owned(),
            event,
            value: Some(vec![value].into()),
        };
        Entry {
            topic,
            record,
            device: device.map(|id| id.parse().unwrap()),
        }
    }

    #[test]
    fn a_device_is_one_lane_and_the_rest_is_free() {
        let lanes = lanes(vec![
            entry(Topic::AccessEvents, "a", 0, Some("a.x")),
            entry(Topic::IngressRejected, "p", 1, None),
            entry(Topic::AccessEvents, "a", 2, Some("a.y")),
            entry(Topic::DeviceStatus, "a.x", 3, Some("a.x")),
            entry(Topic::IngressRejected, "p", 4, None),
        ]);
        let values = |lane: &Vec<Entry>| -> Vec<u8> {
            lane.iter()
                .map(|entry| entry.record.value.as_ref().unwrap()[0])
                .collect()
        };
        let values: Vec<_> = lanes.iter().map(values).collect();
        assert_eq!(values, [vec![0, 3], vec![1], vec![2], vec![4]]);
    }

    #[tokio::test]
    async fn a_devices_events_keep_their_order() {
        let log = MemoryLog::new(LogOptions::default()).unwrap();
        let entries = (0..100)
            .map(|n| entry(Topic::AccessEvents, "a", n, Some("a.x")))
            .collect();
        append_all(&log, entries).await.unwrap();
        let mut tail = log
            .tail(Topic::AccessEvents, TailFrom::Beginning)
            .await
            .unwrap();
        let mut values = Vec::new();
        while values.len() < 100 {
            let batch = tail.next_batch(1000).await.unwrap();
            values.extend(batch.iter().map(|record| record.value.as_ref().unwrap()[0]));
        }
        assert_eq!(values, (0..100).collect::<Vec<u8>>());
    }
}
