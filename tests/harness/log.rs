//! Reads a site's event log as any of its processes would: verified, and from the beginning.

use anyhow::{Context as _, Result};
use authn::record::{RecordTrust, RecordVerifier};
use domain::CommandId;
use domain::event::{Body, CommandCompleted, Event};
use eventlog::{Record, SharedLog, TailFrom, Topic};
use records::{EventReader, Unreadable};

use crate::site::{Site, observed};

/// Records read at once.
const BATCH: usize = 1000;

/// The event log of a site.
pub struct SiteLog {
    log: SharedLog,
    reader: EventReader,
}

impl SiteLog {
    /// Opens it; the processes of the site may be running.
    ///
    /// # Errors
    /// The file or the keys can't be used.
    pub async fn open(site: &Site) -> Result<Self> {
        let trust = RecordTrust {
            root: site.keys.record_root,
            certificates: site
                .keys
                .record_certificates
                .iter()
                .map(|file| file.as_path().into())
                .collect(),
            distrusted: Vec::new(),
        };
        let verifier = RecordVerifier::load(&trust, "command-svc".parse()?)?;
        let (url, options) = observed(site)?;
        let log = eventlog::open(&url, options)
            .await
            .context("open the event log")?;
        Ok(Self {
            log,
            reader: EventReader::new(verifier),
        })
    }

    /// How many records each partition of a topic has ever had.
    ///
    /// # Errors
    /// The log can't be read.
    pub async fn ends(&self, topic: Topic) -> Result<Vec<u64>> {
        Ok(self.log.end_offsets(topic).await?)
    }

    /// Every record of a topic, in order in each partition, up to its present end.
    ///
    /// # Errors
    /// The log can't be read.
    pub async fn records(&self, topic: Topic) -> Result<Vec<Record>> {
        let ends = self.log.end_offsets(topic).await?;
        let mut tail = self.log.tail(topic, TailFrom::Beginning).await?;
        let mut records = Vec::new();
        while tail.positions().iter().zip(&ends).any(|(at, end)| at < end) {
            records.extend(tail.next_batch(BATCH).await?);
        }
        Ok(records)
    }

    /// Every record of a topic with its event; all must be readable.
    ///
    /// # Errors
    /// The log can't be read, or holds a record that can't be believed.
    pub async fn events(&self, topic: Topic) -> Result<Vec<(Record, Event)>> {
        let records = self.records(topic).await?;
        records
            .into_iter()
            .map(|record| {
                let event = self.reader.read(&record);
                let event = event.with_context(|| format!("{topic} {:?}", record.position))?;
                Ok((record, event))
            })
            .collect()
    }

    /// The completions of a command, in order.
    ///
    /// # Errors
    /// As [`Self::events`].
    pub async fn completions(&self, command: CommandId) -> Result<Vec<CommandCompleted>> {
        let events = self.events(Topic::AccessEvents).await?.into_iter();
        let completed = events.filter_map(|(_, event)| match event.body {
            Body::CommandCompleted(completed) if completed.command == command => Some(completed),
            _ => None,
        });
        Ok(completed.collect())
    }

    /// What a record says, if it can be believed.
    ///
    /// # Errors
    /// Why it can't.
    pub fn read(&self, record: &Record) -> Result<Event, Unreadable> {
        self.reader.read(record)
    }
}
