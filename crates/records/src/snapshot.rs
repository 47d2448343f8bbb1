//! Snapshots of the registry, so that a start reads the end of the log and not all of it.
//!
//! A snapshot is a file of this process' own disk: what was folded, how far in each partition, and
//! a chain of hashes over the records that were folded so far. It is taken only where all of this
//! holds, and thrown away on any doubt, after which the log is folded from its beginning:
//!
//! - its seal, HMAC-SHA-256 under a key of this process, is right over every byte;
//! - it was made by the same fold of the same contracts under the same trust in signing keys;
//! - the log still has the last record that was folded in each partition, the same to the byte.
//!
//! So it is worth what the key's file is worth: who reads that and writes here can make this
//! process believe another registry. What lies before the last records is not read again.

mod files;
mod format;
mod keep;
mod marks;
mod part;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::{digest, hmac};
use domain::registry::{FOLD_VERSION, Registry};
use eventlog::{EventLog, LogError, TailFrom, Topic};
use serde::Deserialize;
use service::config::{ConfigPath, SecretError, SecretFile};
use tracing::{info, warn};

pub use keep::keep;
pub use marks::{Digest, Marks};

use crate::reader::EventReader;

/// How long the log may take to show the last records that were folded.
const LOOK: Duration = Duration::from_secs(30);
/// Records looked at together.
const BATCH: usize = 64;
/// The least bytes of a key.
const KEY: usize = 32;

/// `[snapshot]`: absent, there are none.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SnapshotConfig {
    /// The folder; made if it is not there. Of this process alone.
    pub dir: ConfigPath,
    /// File of the key that seals them: at least 32 random bytes, in any form.
    pub key: SecretFile,
    /// How often one is written; another one at an orderly stop.
    #[serde(default = "every", with = "service::config::duration")]
    pub every: Duration,
    /// How many are kept, the newest.
    #[serde(default = "kept")]
    pub kept: u8,
}

const fn every() -> Duration {
    Duration::from_secs(15 * 60)
}

const fn kept() -> u8 {
    2
}

/// Why there can be no snapshots.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The key can't be read.
    #[error(transparent)]
    Key(#[from] SecretError),
    /// The key is short.
    #[error("the key must be at least {KEY} bytes: write one with `openssl rand -base64 48`")]
    Short,
    /// The folder can't be used.
    #[error("{0}: {1}")]
    Folder(PathBuf, std::io::Error),
}

/// Why a snapshot is thrown away.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unfit {
    #[error("it can't be read: {0}")]
    File(#[from] std::io::Error),
    #[error("it is of another format")]
    Format,
    #[error("it ends before its end")]
    Cut,
    #[error("its seal is not of this key and these bytes")]
    Seal,
    #[error("it was made by another version of the fold or under other trust")]
    Basis,
    #[error("a part of it says nothing")]
    Part,
    #[error("the log has fewer partitions")]
    Partitions,
    #[error("the log ends before the snapshot does, or begins after it")]
    Gap,
    #[error("the log has another record where the snapshot ends")]
    Record,
    #[error("the log did not show the record at which the snapshot ends: {0}")]
    Log(String),
}

impl Unfit {
    /// Stable text for metrics.
    fn reason(&self) -> &'static str {
        match self {
            Unfit::File(_) => "file",
            Unfit::Format => "format",
            Unfit::Cut => "cut",
            Unfit::Seal => "seal",
            Unfit::Basis => "basis",
            Unfit::Part => "part",
            Unfit::Partitions => "partitions",
            Unfit::Gap => "gap",
            Unfit::Record => "record",
            Unfit::Log(_) => "log",
        }
    }
}

/// What was folded, and how far.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Snapshot {
    /// The registry.
    pub registry: Registry,
    /// How far it was folded.
    pub marks: Marks,
}

impl Snapshot {
    /// Where what comes after it begins.
    pub fn end(&self) -> TailFrom {
        match self.marks.next() {
            next if next.is_empty() => TailFrom::Beginning,
            next => TailFrom::Offsets(next),
        }
    }
}

/// The snapshots of one process.
#[derive(Debug)]
pub struct Snapshots {
    dir: PathBuf,
    key: hmac::Key,
    basis: [u8; 32],
    every: Duration,
    kept: usize,
}

impl Snapshots {
    /// Of what `folder` folds from the records that `reader` believes.
    ///
    /// # Errors
    /// The key or the folder can't be used.
    pub fn open(
        config: &SnapshotConfig,
        folder: &str,
        reader: &EventReader,
    ) -> Result<Self, SnapshotError> {
        let key = config.key.read()?;
        if key.len() < KEY {
            return Err(SnapshotError::Short);
        }
        let dir = config.dir.to_path_buf();
        files::prepare(&dir).map_err(|error| SnapshotError::Folder(dir.clone(), error))?;
        Ok(Self {
            dir,
            key: hmac::Key::new(hmac::HMAC_SHA256, &key),
            basis: basis(folder, reader),
            every: config.every,
            kept: usize::from(config.kept.max(1)),
        })
    }

    /// The newest one that can be believed and goes on in the log; an empty one where there is
    /// none. What is thrown away is told.
    pub async fn load(self: &Arc<Self>, log: &dyn EventLog) -> Snapshot {
        let found = files::newest_first(&self.dir).unwrap_or_else(|error| {
            warn!(%error, "the folder of snapshots can't be read");
            Vec::new()
        });
        for file in found {
            let (snapshots, path) = (Arc::clone(self), file.clone());
            let read = tokio::task::spawn_blocking(move || snapshots.read(&path)).await;
            let read = read.unwrap_or_else(|error| Err(std::io::Error::other(error).into()));
            let taken = match read {
                Ok(snapshot) => goes_on(log, snapshot).await,
                Err(unfit) => Err(unfit),
            };
            match taken {
                Ok(snapshot) => {
                    info!(file = %file.display(), "registry taken from a snapshot");
                    metrics::counter!("registry_snapshots_loaded_total").increment(1);
                    return snapshot;
                }
                Err(unfit) => {
                    warn!(file = %file.display(), error = %unfit, "snapshot thrown away");
                    metrics::counter!("registry_snapshots_thrown_away_total",
                        "reason" => unfit.reason())
                    .increment(1);
                }
            }
        }
        Snapshot::default()
    }

    /// Writes one, and removes those that are too many. Blocks.
    ///
    /// # Errors
    /// The disk's.
    pub fn write(&self, snapshot: &Snapshot) -> std::io::Result<PathBuf> {
        let path = files::create(&self.dir, |file| {
            format::write(file, &self.key, &self.basis, snapshot)
        })?;
        files::remove_old(&self.dir, &path, self.kept)?;
        metrics::counter!("registry_snapshots_written_total").increment(1);
        Ok(path)
    }

    fn read(&self, path: &Path) -> Result<Snapshot, Unfit> {
        format::read(&files::open(path)?, &self.key, &self.basis)
    }
}

/// What else a snapshot depends on than the log: who folds what, by which version of the fold and
/// of the contracts, and whose signatures are believed.
fn basis(folder: &str, reader: &EventReader) -> [u8; 32] {
    let mut hash = digest::Context::new(&digest::SHA256);
    for part in [
        folder.as_bytes(),
        env!("CARGO_PKG_VERSION").as_bytes(),
        &FOLD_VERSION.to_le_bytes(),
        proto::DESCRIPTORS,
        &reader.trust_digest(),
    ] {
        hash.update(&(part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    marks::bytes(&hash.finish())
}

/// Whether the log goes on where the snapshot ends: it still has the last record of each partition.
async fn goes_on(log: &dyn EventLog, mut snapshot: Snapshot) -> Result<Snapshot, Unfit> {
    let told = |error: LogError| Unfit::Log(error.to_string());
    let start = log.start_offsets(Topic::RegistryEvents).await;
    let start = start.map_err(told)?;
    let end = log.end_offsets(Topic::RegistryEvents).await.map_err(told)?;
    if snapshot.marks.next().len() > end.len() || start.len() != end.len() {
        return Err(Unfit::Partitions);
    }
    snapshot.marks.resize(end.len());
    let next = snapshot.marks.next();
    // Where nothing was folded, the log must still have its first record.
    let last: Vec<u64> = next.iter().map(|next| next.saturating_sub(1)).collect();
    let held = |(index, last): (usize, &u64)| start[index] <= *last && next[index] <= end[index];
    if !last.iter().enumerate().all(held) {
        return Err(Unfit::Gap);
    }
    let looked = tokio::time::timeout(LOOK, same_end(log, &snapshot.marks, last));
    match looked.await {
        Ok(same) => same.map(|()| snapshot),
        Err(_) => Err(Unfit::Log(format!("not within {} s", LOOK.as_secs()))),
    }
}

async fn same_end(log: &dyn EventLog, marks: &Marks, last: Vec<u64>) -> Result<(), Unfit> {
    let told = |error: LogError| Unfit::Log(error.to_string());
    let next = marks.next();
    let mut left = next.iter().filter(|next| **next > 0).count();
    let from = TailFrom::Offsets(last.clone());
    let mut tail = log.tail(Topic::RegistryEvents, from).await.map_err(told)?;
    while left > 0 {
        for record in tail.next_batch(BATCH).await.map_err(told)? {
            let partition = record.position.partition as usize;
            let is_last = last.get(partition) == Some(&record.position.offset);
            if is_last && next[partition] > 0 {
                if !marks.ends_with(&record) {
                    return Err(Unfit::Record);
                }
                left -= 1;
            }
        }
    }
    Ok(())
}
