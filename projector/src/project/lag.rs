//! How far the projection is behind the log.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use eventlog::{EventLog, Topic};
use tokio::sync::watch;

/// How often the ends of the log are asked for.
const EVERY: Duration = Duration::from_secs(2);

/// The next offset to be projected, by partition.
pub(super) type Progress = HashMap<(Topic, u32), u64>;

pub(super) fn channel() -> (watch::Sender<Progress>, watch::Receiver<Progress>) {
    watch::channel(Progress::new())
}

/// Measures until it is dropped.
pub(super) async fn watch(log: Arc<dyn EventLog>, progress: watch::Receiver<Progress>) {
    loop {
        tokio::time::sleep(EVERY).await;
        for topic in crate::views::TOPICS {
            let Ok(ends) = log.end_offsets(topic).await else {
                continue;
            };
            let progress = progress.borrow();
            for (partition, end) in (0..).zip(ends) {
                let Some(next) = progress.get(&(topic, partition)) else {
                    continue;
                };
                let labels = [
                    ("topic", topic.name().to_owned()),
                    ("partition", partition.to_string()),
                ];
                let behind = end.saturating_sub(*next);
                metrics::gauge!("projector_lag_records", &labels).set(behind as f64);
            }
        }
    }
}
