//! The keys that the auditor trusts for checkpoints.

use std::path::Path;

use auditarchive::SignedLog;
use auditlog::{Checkpoint, CheckpointSigner, CheckpointVerifier, LogId, LogReader, Origin};
use serde_json::json;

use crate::cli::CheckpointKeyArgs;
use crate::prove::create;
use crate::say::Say;
use crate::source::Source;
use crate::stop::Stop;

/// Makes a key that signs checkpoints.
pub(crate) fn generate(args: &CheckpointKeyArgs) -> Result<Say, Stop> {
    let made = CheckpointSigner::generate(&args.origin);
    let (signer, text) = made.map_err(|error| Stop::Usage(error.to_string()))?;
    create(&args.output, text.as_bytes(), true)?;
    let key = signer.verifier().vkey();
    let said = json!({ "key": key });
    Ok(Say::new(vec![key], said))
}

/// Checkpoint keys, each for one log or for all of an installation.
#[derive(Debug, Clone)]
pub(crate) struct Keys(Vec<CheckpointVerifier>);

impl Keys {
    /// Each is a verifier key, or a file of such, one a line.
    pub(crate) fn read(given: &[String]) -> Result<Self, Stop> {
        let mut keys = Self(Vec::new());
        for given in given {
            let text = match given.contains('+') {
                true => given.clone(),
                false => std::fs::read_to_string(given)
                    .map_err(|error| Stop::file(Path::new(given), &error))?,
            };
            keys.0.extend(Self::parse(&text)?.0);
        }
        if keys.0.is_empty() {
            return Err(Stop::Usage("no key; name one with --key".to_owned()));
        }
        Ok(keys)
    }

    /// One a line.
    pub(crate) fn parse(text: &str) -> Result<Self, Stop> {
        let lines = text.lines().filter(|line| !line.trim().is_empty());
        let keys = lines.map(CheckpointVerifier::from_vkey);
        Ok(Self(keys.collect::<Result<_, _>>()?))
    }

    /// As text, one a line.
    pub(crate) fn text(&self) -> String {
        self.0.iter().map(|key| key.vkey() + "\n").collect()
    }

    /// Whether these are among the trusted ones.
    pub(crate) fn contain(&self, others: &Self) -> bool {
        others.0.iter().all(|key| self.0.contains(key))
    }

    /// A reader of the log, with the checkpoint that it has now, whose signature is good.
    pub(crate) async fn open(
        &self,
        source: &Source,
        log: &LogId,
    ) -> Result<(LogReader, Checkpoint), Stop> {
        let (_, reader, checkpoint) = self.signed(source, log).await?;
        Ok((reader, checkpoint))
    }

    /// The same, with the key that has signed it.
    pub(crate) async fn signed(
        &self,
        source: &Source,
        log: &LogId,
    ) -> Result<(SignedLog, LogReader, Checkpoint), Stop> {
        let mut last = None;
        for (origin, key) in self.of(log)? {
            let signed = SignedLog {
                log: log.clone(),
                origin,
                verifier: key.clone(),
                store: source.store(),
            };
            let reader = signed.reader()?;
            match reader.checkpoint().await {
                Ok(checkpoint) => return Ok((signed, reader, checkpoint)),
                Err(error @ auditlog::Error::Untrusted { .. }) => last = Some(error),
                Err(error) => return Err(error.into()),
            }
        }
        Err(last.map_or_else(|| no_key(log), Stop::from))
    }

    /// A checkpoint that stands in a file of its own, and its log.
    pub(crate) fn checkpoint(&self, note: &[u8]) -> Result<(LogId, Checkpoint), Stop> {
        let first = note.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let origin = String::from_utf8_lossy(first);
        let log = log_of(&origin).ok_or_else(|| {
            Stop::Refuted(
                "the checkpoint's first line names no log <base>/<topic>/<complex>".into(),
            )
        })?;
        let mut last = no_key(&log);
        for (wanted, key) in self.of(&log)? {
            if wanted.as_str() != origin {
                continue;
            }
            match key.verify(&wanted, note) {
                Ok(checkpoint) => return Ok((log, checkpoint)),
                Err(error) => last = error.into(),
            }
        }
        Err(last)
    }

    /// The keys that may sign this log, each with the origin that it signs.
    fn of(&self, log: &LogId) -> Result<Vec<(Origin, &CheckpointVerifier)>, Stop> {
        let suffix = format!("/{log}");
        let mut found = Vec::new();
        for key in &self.0 {
            let vkey = key.vkey();
            let name = vkey.split('+').next().unwrap_or_default();
            let base = name.strip_suffix(&suffix).unwrap_or(name);
            let origin = Origin::new(base, log)?;
            if key.vkey_for(&origin).is_ok() {
                found.push((origin, key));
            }
        }
        if found.is_empty() {
            return Err(no_key(log));
        }
        Ok(found)
    }
}

fn no_key(log: &LogId) -> Stop {
    Stop::Usage(format!(
        "none of the keys is for {log}; name its key with --key"
    ))
}

/// The log that an origin ends with.
fn log_of(origin: &str) -> Option<LogId> {
    let (rest, complex) = origin.rsplit_once('/')?;
    let (_, topic) = rest.rsplit_once('/')?;
    LogId::named(topic, complex).ok()
}
