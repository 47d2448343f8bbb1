//! Everything once more from the event log alone: what the stored trees and views must equal.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use auditlog::{LogId, RootBuilder};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use eventlog::{EventLog, Record, TailFrom, Topic};
use serde_json::json;

use crate::config::Config;
use crate::project::{event_reader, leaf, write};
use crate::store::{self, Progress, ViewReader};
use crate::views::{self, LeafRow};

/// Records that are read at once.
const BATCH: usize = 1024;

/// The root of every tree, one JSON object a line: topic, complex, size, root.
///
/// # Errors
/// The event log can't be read.
pub async fn trees(config: &Config) -> anyhow::Result<Vec<String>> {
    let log = open(config).await?;
    let mut trees: BTreeMap<LogId, RootBuilder> = BTreeMap::new();
    for topic in views::TOPICS
        .into_iter()
        .filter(|topic| views::has_leaves(*topic))
    {
        let mut reading = Reading::start(&*log, topic).await?;
        while let Some(records) = reading.next().await? {
            for record in records {
                let tree = trees.entry(views::log_of(&record)?).or_default();
                tree.push(leaf(&record).bytes());
            }
        }
    }
    let lines = trees.iter().map(|(log, tree)| {
        json!({
            "topic": log.topic(),
            "complex": log.complex(),
            "size": tree.size(),
            "root": BASE64_STANDARD.encode(tree.root()),
        })
        .to_string()
    });
    Ok(lines.collect())
}

/// The views, in a store that is gone with its last reference.
///
/// # Errors
/// The event log can't be read, or the section `[records]` is wrong.
pub async fn views(config: &Config) -> anyhow::Result<Arc<dyn ViewReader>> {
    let log = open(config).await?;
    let reader = event_reader(config)?;
    let store = store::scratch().await?;
    for topic in views::TOPICS {
        let mut sizes: HashMap<LogId, u64> = HashMap::new();
        let mut reading = Reading::start(&*log, topic).await?;
        while let Some(records) = reading.next().await? {
            for record in records {
                let leaf = match views::has_leaves(topic) {
                    true => Some(place(&record, &mut sizes)?),
                    false => None,
                };
                let rows = views::rows(&record, &reader.read(&record), leaf.as_ref());
                let progress = Progress {
                    topic,
                    partition: record.position.partition,
                    next: record.position.offset + 1,
                };
                write(&*store, rows, record.position.offset, progress).await?;
            }
        }
    }
    Ok(store.reader())
}

async fn open(config: &Config) -> anyhow::Result<Arc<dyn EventLog>> {
    let log = config.log().map_err(anyhow::Error::msg)?;
    Ok(eventlog::open(&log.url, log.options.clone()).await?)
}

fn place(record: &Record, sizes: &mut HashMap<LogId, u64>) -> auditlog::Result<LeafRow> {
    let log = views::log_of(record)?;
    let size = sizes.entry(log.clone()).or_default();
    let index = *size;
    *size += 1;
    Ok(LeafRow {
        log,
        offset: record.position.offset,
        index,
    })
}

/// A topic from its beginning to the end that it has when reading starts.
struct Reading {
    tail: Box<dyn eventlog::Tail>,
    ends: Vec<u64>,
}

impl Reading {
    async fn start(log: &dyn EventLog, topic: Topic) -> anyhow::Result<Self> {
        let ends = log.end_offsets(topic).await?;
        let tail = log.tail(topic, TailFrom::Beginning).await?;
        Ok(Self { tail, ends })
    }

    /// More records; none at the end.
    async fn next(&mut self) -> anyhow::Result<Option<Vec<Record>>> {
        let positions = self.tail.positions();
        if positions.iter().zip(&self.ends).all(|(at, end)| at >= end) {
            return Ok(None);
        }
        let mut records = self.tail.next_batch(BATCH).await?;
        records.retain(|record| {
            let end = self.ends.get(record.position.partition as usize);
            end.is_some_and(|end| record.position.offset < *end)
        });
        Ok(Some(records))
    }
}
