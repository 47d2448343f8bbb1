//! Shows checkpoints to witnesses (C2SP tlog-witness), and keeps what they have cosigned.
//!
//! Nothing waits for them: a record is found and proven by the log's own signature. What they have
//! seen of a log stands beside its checkpoint, and is as old as they let it become.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use auditlog::{Checkpoint, Error, LogId, LogReader, keep_cosigned};
use authn::token::http_client;
use futures::StreamExt as _;
use witness::{NotCosigned, ask};

use super::trees::TreeParts;
use crate::config::{WitnessConfig, WitnessesConfig};

/// Logs that are shown at once.
const AT_ONCE: usize = 8;

/// Who is asked, and of which logs.
pub struct Witnesses {
    http: reqwest::Client,
    list: Vec<WitnessConfig>,
    quorum: usize,
    interval: Duration,
    /// Logs that have grown since all have seen them.
    due: Mutex<BTreeSet<LogId>>,
    /// What each answered last, so that a line is written only when that changes.
    said: Mutex<BTreeMap<String, &'static str>>,
}

impl Witnesses {
    /// Asks nobody yet.
    ///
    /// # Errors
    /// The roots can't be used.
    pub fn new(config: &WitnessesConfig) -> anyhow::Result<Self> {
        let ca_file = config.ca_file.as_deref();
        let http =
            http_client(ca_file, config.is_plain()).context("`project.witnesses.ca_file`")?;
        Ok(Self {
            http,
            list: config.list.clone(),
            quorum: config.quorum(),
            interval: config.interval,
            due: Mutex::default(),
            said: Mutex::default(),
        })
    }

    /// A log has a checkpoint that they may not have seen.
    pub(super) fn note(&self, log: &LogId) {
        let mut due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        if !due.contains(log) {
            due.insert(log.clone());
        }
    }

    /// Shows them what is due, again and again.
    pub(super) async fn run(&self, parts: &TreeParts) {
        loop {
            tokio::time::sleep(self.interval).await;
            let due = std::mem::take(&mut *self.due.lock().unwrap_or_else(PoisonError::into_inner));
            let down = Mutex::default();
            let shown = futures::stream::iter(due);
            let shown = shown.for_each_concurrent(AT_ONCE, |log| self.show(parts, log, &down));
            shown.await;
            let due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
            metrics::gauge!("projector_logs_to_be_witnessed").set(due.len() as f64);
        }
    }

    /// Shows one log to all of them; those that don't answer are left alone until the next time.
    async fn show(&self, parts: &TreeParts, log: LogId, down: &Mutex<BTreeSet<String>>) {
        let shown = self.cosign(parts, &log, down).await;
        match shown {
            Ok(true) => {}
            Ok(false) => self.note(&log),
            // It doesn't continue what witnesses have cosigned: no other try makes that good.
            Err(error @ Error::Mismatch { .. }) => {
                tracing::error!(%log, %error, "a log contradicts what its witnesses have cosigned");
            }
            Err(error) => {
                tracing::warn!(%log, %error, "a log can't be shown to its witnesses");
                self.note(&log);
            }
        }
    }

    /// Whether nothing is left to be asked of what the log has now.
    async fn cosign(
        &self,
        parts: &TreeParts,
        log: &LogId,
        down: &Mutex<BTreeSet<String>>,
    ) -> Result<bool, Error> {
        let (reader, verifier) = (parts.reader(log)?, parts.signer.verifier());
        let checkpoint = match reader.checkpoint().await {
            Err(Error::NoCheckpoint { .. }) => return Ok(true),
            other => other?,
        };
        let before = match reader.cosigned().await {
            // Of a key that is not trusted any more: it is made anew.
            Err(Error::Untrusted { .. }) => None,
            other => other?,
        };
        let asked = self.list.iter().map(|one| {
            let before = before.as_ref();
            self.line(one, &reader, &checkpoint, before, down)
        });
        let answers = futures::future::join_all(asked).await;
        let lines: Vec<&String> = answers
            .iter()
            .filter_map(|said| said.as_ref().ok())
            .collect();
        if lines.len() >= self.quorum {
            let note = lines
                .iter()
                .fold(checkpoint.note().to_owned(), |note, line| {
                    note + line + "\n"
                });
            let cosigned = verifier.verify(checkpoint.origin(), note.as_bytes())?;
            if before.is_none_or(|before| before != cosigned) {
                keep_cosigned(&*parts.tiles, log, verifier, &cosigned).await?;
            }
        }
        // Who has seen another history says so again only when there is more to see.
        Ok(answers
            .iter()
            .all(|said| matches!(said, Ok(_) | Err(Again::Never))))
    }

    /// A witness' line below this checkpoint: one that is there already, or a new one.
    async fn line(
        &self,
        one: &WitnessConfig,
        reader: &LogReader,
        checkpoint: &Checkpoint,
        before: Option<&Checkpoint>,
        down: &Mutex<BTreeSet<String>>,
    ) -> Result<String, Again> {
        let seen = before.and_then(|before| Some((before, one.key.cosignature(before.note())?.0)));
        if let Some((before, line)) = seen
            && (before.size(), before.root()) == (checkpoint.size(), checkpoint.root())
        {
            return Ok(line.to_owned());
        }
        let name = one.key.name();
        let lock = || down.lock().unwrap_or_else(PoisonError::into_inner);
        if lock().contains(name) {
            return Err(Again::Soon);
        }
        let known = seen.map_or(0, |(before, _)| before.size());
        let asked = ask(&self.http, &one.url, &one.key, reader, checkpoint, known).await;
        self.tell(name, checkpoint, &asked);
        asked.map_err(|why| match why {
            NotCosigned::OtherHistory => Again::Never,
            NotCosigned::Unreachable(_) => {
                lock().insert(name.to_owned());
                Again::Soon
            }
            _ => Again::Soon,
        })
    }

    fn tell(&self, name: &str, of: &Checkpoint, asked: &Result<String, NotCosigned>) {
        let word = asked
            .as_ref()
            .map_or_else(NotCosigned::word, |_| "cosigned");
        let labels = [("witness", name.to_owned()), ("outcome", word.to_owned())];
        metrics::counter!("projector_cosignatures_total", &labels).increment(1);
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let before = said.insert(name.to_owned(), word);
        let (log, size) = (of.origin(), of.size());
        match asked {
            Err(error @ (NotCosigned::OtherHistory | NotCosigned::Forged)) => {
                tracing::error!(witness = name, %log, size, %error, "a witness refuses this log");
            }
            Err(error) if before != Some(word) => {
                tracing::warn!(witness = name, %log, size, %error, "a witness does not cosign");
            }
            Ok(_) if before.is_some_and(|before| before != word) => {
                tracing::info!(witness = name, %log, size, "a witness cosigns again");
            }
            _ => {}
        }
    }
}

/// When a witness that has not cosigned is asked again.
enum Again {
    /// The next time.
    Soon,
    /// Not before the log has grown.
    Never,
}
