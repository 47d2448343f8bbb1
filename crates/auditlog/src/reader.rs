mod pruned;
mod published;

use std::cmp::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use object_store::ObjectStore;
use tlog_tiles::{Hash, HashReader, prove_record, prove_tree, stored_hash_index};

use crate::prove::Tree;
use crate::tiles::{ENTRIES_PER_BUNDLE, FULL, Name, nodes, partial_width};
use crate::{
    Checkpoint, CheckpointVerifier, Error, LogId, Origin, Position, Result, TreeHash, bundle,
    fetch, leaf::leaf_hash,
};

/// Reads one log, in any process: entries and proofs, all of them checked against a signed
/// checkpoint before they are given out.
///
/// It remembers the newest checkpoint that it has seen, and takes a later one only if that
/// continues it.
pub struct LogReader {
    pub(crate) log: LogId,
    pub(crate) origin: Origin,
    pub(crate) store: Arc<dyn ObjectStore>,
    pub(crate) verifier: CheckpointVerifier,
    seen: Mutex<Option<Checkpoint>>,
}

impl LogReader {
    /// A reader of this log. Nothing is read yet, the log need not exist.
    ///
    /// # Errors
    /// [`Error::Key`] when the key isn't for this origin.
    pub fn open(
        log: LogId,
        origin: Origin,
        store: Arc<dyn ObjectStore>,
        verifier: CheckpointVerifier,
    ) -> Result<Self> {
        verifier.check_origin(&origin)?;
        Ok(Self {
            log,
            origin,
            store,
            verifier,
            seen: Mutex::default(),
        })
    }

    /// The log's current checkpoint.
    ///
    /// # Errors
    /// [`Error::NoCheckpoint`] before the first leaf; [`Error::Untrusted`] when it isn't signed
    /// for this log; [`Error::Mismatch`] when it doesn't continue the last one that was seen.
    pub async fn checkpoint(&self) -> Result<Checkpoint> {
        let seen = self.seen();
        let name = Name::Checkpoint;
        let note = match fetch::exact(&*self.store, &self.log, name).await {
            Err(Error::Missing { .. }) if seen.is_some() => {
                return Err(name.mismatch(&self.log, "has been removed"));
            }
            Err(Error::Missing { log, .. }) => return Err(Error::NoCheckpoint { log }),
            other => other?,
        };
        if let Some(seen) = seen.as_ref().filter(|seen| seen.note().as_bytes() == note) {
            return Ok(seen.clone());
        }
        let current = self.verifier.verify(&self.origin, &note)?;
        if let Some(seen) = &seen {
            if current.size() < seen.size() {
                return Err(name.mismatch(&self.log, "is older than one that was seen before"));
            }
            if self.tree(&current).root_at(seen.size()).await? != seen.root() {
                return Err(name.mismatch(&self.log, "doesn't continue one that was seen before"));
            }
        }
        let mut newest = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if newest.as_ref().is_none_or(|n| n.size() < current.size()) {
            *newest = Some(current.clone());
        }
        Ok(current)
    }

    /// The proof that the tree of `size` leaves has the leaf at `index` (RFC 6962 section
    /// 2.1.1), for [`verify_inclusion`](crate::verify_inclusion) or any other verifier.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] when the log isn't that large; [`Error::Mismatch`] when its tiles
    /// don't lead to its root; [`Error::Missing`] when one is gone.
    pub async fn inclusion_proof(&self, index: u64, size: u64) -> Result<Vec<TreeHash>> {
        let checkpoint = self.covering(size).await?;
        if index >= size {
            return Err(Error::OutOfRange {
                what: "index",
                value: index,
                size,
            });
        }
        let tree = self.tree(&checkpoint);
        let proof = tree.ask(|hashes| prove_record(size, index, hashes)).await?;
        Ok(plain(proof))
    }

    /// The proof that the tree of `new` leaves begins with the tree of `old` leaves (RFC 6962
    /// section 2.1.2), for [`verify_consistency`](crate::verify_consistency) or any other.
    ///
    /// # Errors
    /// As [`inclusion_proof`](Self::inclusion_proof); `old` must be at least 1.
    pub async fn consistency_proof(&self, old: u64, new: u64) -> Result<Vec<TreeHash>> {
        let checkpoint = self.covering(new).await?;
        if old == 0 || old > new {
            return Err(Error::OutOfRange {
                what: "old size",
                value: old,
                size: new,
            });
        }
        let tree = self.tree(&checkpoint);
        let proof = tree.ask(|hashes| prove_tree(new, old, hashes)).await?;
        Ok(plain(proof))
    }

    /// The leaf at `index`, checked to be the one in the tree.
    ///
    /// # Errors
    /// As [`inclusion_proof`](Self::inclusion_proof); [`Error::Pruned`] when its bundle was taken
    /// away because it had expired.
    pub async fn entry(&self, index: u64) -> Result<Bytes> {
        let checkpoint = self.covering(index.saturating_add(1)).await?;
        let bundle = self
            .bundle_in(&checkpoint, index / ENTRIES_PER_BUNDLE)
            .await?;
        let at = (index % ENTRIES_PER_BUNDLE) as usize;
        bundle
            .get(at)
            .cloned()
            .ok_or_else(|| outside("index", index, &checkpoint))
    }

    /// All leaves of bundle `number` that the current checkpoint covers, up to
    /// [`ENTRIES_PER_BUNDLE`], checked to be those in the tree.
    ///
    /// # Errors
    /// As [`entry`](Self::entry).
    pub async fn bundle(&self, number: u64) -> Result<Vec<Bytes>> {
        let end = number.saturating_add(1).saturating_mul(ENTRIES_PER_BUNDLE);
        let known = self.seen().filter(|seen| seen.size() >= end);
        let checkpoint = match known {
            Some(known) => known,
            None => self.checkpoint().await?,
        };
        self.bundle_in(&checkpoint, number).await
    }

    async fn bundle_in(&self, checkpoint: &Checkpoint, number: u64) -> Result<Vec<Bytes>> {
        let full = nodes(checkpoint.size(), 1);
        let width = match number.cmp(&full) {
            Ordering::Less => FULL,
            Ordering::Equal => partial_width(checkpoint.size(), 0),
            Ordering::Greater => 0,
        };
        if width == 0 {
            return Err(outside("bundle", number, checkpoint));
        }
        let first = number * ENTRIES_PER_BUNDLE;
        let name = Name::Entries {
            index: number,
            width,
        };
        let bytes = match fetch::object(&*self.store, &self.log, name).await {
            Err(Error::Missing { .. }) if self.pruned().await?.has(number) => {
                return Err(Error::Pruned {
                    log: self.log.to_string(),
                    first,
                    last: first + ENTRIES_PER_BUNDLE - 1,
                });
            }
            other => other?,
        };
        let entries = bundle::parse(bytes, width).map_err(|why| name.mismatch(&self.log, why))?;
        let wanted: Vec<u64> = (first..first + u64::from(width))
            .map(|index| stored_hash_index(0, index))
            .collect();
        let tree = self.tree(checkpoint);
        let hashes = tree.ask(|hashes| hashes.read_hashes(&wanted)).await?;
        if !hashes
            .into_iter()
            .eq(entries.iter().map(|e| Hash(leaf_hash(e))))
        {
            return Err(name.mismatch(&self.log, "doesn't have the hashes of its tile"));
        }
        Ok(entries)
    }

    /// The hash of the leaf at `index`, out of its tile: there even when the leaf was pruned.
    ///
    /// # Errors
    /// As [`inclusion_proof`](Self::inclusion_proof).
    pub async fn leaf_hash(&self, index: u64) -> Result<TreeHash> {
        let checkpoint = self.covering(index.saturating_add(1)).await?;
        let wanted = [stored_hash_index(0, index)];
        let tree = self.tree(&checkpoint);
        let hashes = tree.ask(|hashes| hashes.read_hashes(&wanted)).await?;
        let hash = hashes.first().map(|hash| hash.0);
        hash.ok_or_else(|| outside("index", index, &checkpoint))
    }

    /// The event-log offset of the first leaf of bundle `number`, for a rebuild that starts
    /// where the event log now starts. It is a hint that no root covers: check what is rebuilt
    /// from there against the bundle's hashes.
    ///
    /// # Errors
    /// [`Error::Missing`] when there is no such bundle, [`Error::Mismatch`] when it is no number.
    pub async fn bundle_offset(&self, number: u64) -> Result<u64> {
        let name = Name::Offset { index: number };
        let bytes = fetch::exact(&*self.store, &self.log, name).await?;
        let offset = std::str::from_utf8(&bytes)
            .ok()
            .and_then(|text| text.strip_suffix('\n')?.parse().ok());
        offset.ok_or_else(|| name.mismatch(&self.log, "isn't a decimal number and a newline"))
    }

    /// Where the event log has the leaves of bundle `number`, as far as `checkpoint` covers it;
    /// none where nobody kept it. Like [`bundle_offset`](Self::bundle_offset) a hint that no root
    /// covers.
    ///
    /// # Errors
    /// [`Error::Mismatch`] when it is malformed; [`Error::Store`].
    pub async fn positions(
        &self,
        checkpoint: &Checkpoint,
        number: u64,
    ) -> Result<Option<Vec<Position>>> {
        let width = match number.cmp(&nodes(checkpoint.size(), 1)) {
            Ordering::Less => FULL,
            Ordering::Equal => partial_width(checkpoint.size(), 0),
            Ordering::Greater => 0,
        };
        let name = Name::Positions {
            index: number,
            width,
        };
        if width == 0 {
            return Err(outside("bundle", number, checkpoint));
        }
        match fetch::object(&*self.store, &self.log, name).await {
            Ok(bytes) => Position::parse(&bytes, width)
                .map(Some)
                .map_err(|why| name.mismatch(&self.log, why)),
            Err(Error::Missing { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A checkpoint of at least `size` leaves: the one seen last, or the current one.
    pub(crate) async fn covering(&self, size: u64) -> Result<Checkpoint> {
        let known = self.seen().filter(|seen| seen.size() >= size);
        let checkpoint = match known {
            Some(known) => known,
            None => self.checkpoint().await?,
        };
        if size == 0 || size > checkpoint.size() {
            return Err(outside("size", size, &checkpoint));
        }
        Ok(checkpoint)
    }

    pub(crate) fn tree(&self, checkpoint: &Checkpoint) -> Tree<'_> {
        Tree {
            store: &*self.store,
            log: &self.log,
            size: checkpoint.size(),
            root: checkpoint.root(),
        }
    }

    fn seen(&self) -> Option<Checkpoint> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.clone()
    }
}

fn outside(what: &'static str, value: u64, checkpoint: &Checkpoint) -> Error {
    Error::OutOfRange {
        what,
        value,
        size: checkpoint.size(),
    }
}

fn plain(proof: Vec<Hash>) -> Vec<TreeHash> {
    proof.into_iter().map(|hash| hash.0).collect()
}
