//! A whole log, from its first leaf to its checkpoint, trusting nothing that is stored.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures::stream::{BoxStream, StreamExt};
use object_store::ObjectStore;

use crate::edge::{Edge, Object};
use crate::fetch::{bounded, exact};
use crate::tiles::{FULL, Name, nodes, partial_width};
use crate::{Checkpoint, Error, Leaf, LogId, Pruned, TreeHash, bundle, leaf::leaf_hash};

/// Bundles that are fetched ahead, at most.
const AHEAD: usize = 8;

/// Why a walk ended before its log was proven.
#[derive(Debug, thiserror::Error)]
pub enum WalkError {
    /// As for any reader: [`Error::Mismatch`] contradicts the checkpoint, [`Error::Missing`] and
    /// [`Error::Store`] say nothing about it.
    #[error(transparent)]
    Log(#[from] Error),
    /// An object ends early. What there is of it is as it should be.
    #[error("{log}: {object} is cut short")]
    CutShort {
        /// The log, as `<topic>/<complex>`.
        log: String,
        /// The object, relative to the log's prefix.
        object: String,
    },
}

/// Leaves that follow one another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    /// Index of the first of them.
    pub first: u64,
    /// The leaves.
    pub leaves: Vec<Bytes>,
}

/// Hashes every leaf of a log, and holds every tile to what follows from them.
///
/// Bundles come in order. Nothing is proven of any of them before [`next`](Self::next) has given
/// none: only then the leaves are known to lead to the root of the checkpoint. Memory is bounded
/// by a few bundles, whatever the log's size.
pub struct Walk {
    store: Arc<dyn ObjectStore>,
    log: LogId,
    size: u64,
    root: TreeHash,
    /// Never locked: so that a walk may go from one thread to another between two bundles.
    bundles: Mutex<BoxStream<'static, (Name, Result<Bytes, Error>)>>,
    edge: Edge,
    proven: bool,
    pruned: Pruned,
    /// Bundles of which only the hashes were there.
    gone: Vec<Range<u64>>,
}

impl Walk {
    pub(crate) fn new(
        store: Arc<dyn ObjectStore>,
        log: LogId,
        checkpoint: &Checkpoint,
        pruned: Pruned,
    ) -> Self {
        let size = checkpoint.size();
        let full = (0..nodes(size, 1)).map(|index| Name::Entries { index, width: FULL });
        let width = partial_width(size, 0);
        let last = (width > 0).then_some(Name::Entries {
            index: nodes(size, 1),
            width,
        });
        let (from, of) = (Arc::clone(&store), log.clone());
        let fetched = futures::stream::iter(full.chain(last)).map(move |name| {
            let (store, log) = (Arc::clone(&from), of.clone());
            async move { (name, either(&*store, &log, name).await) }
        });
        Self {
            size,
            root: checkpoint.root(),
            bundles: Mutex::new(fetched.buffered(AHEAD).boxed()),
            edge: Edge::default(),
            proven: false,
            pruned,
            gone: Vec::new(),
            store,
            log,
        }
    }

    /// The next bundle; none once everything is proven.
    ///
    /// # Errors
    /// [`WalkError`]; the walk ends there.
    pub async fn next(&mut self) -> Result<Option<Bundle>, WalkError> {
        let (name, bytes) = loop {
            let bundles = self.bundles.get_mut();
            let bundles = bundles.unwrap_or_else(PoisonError::into_inner);
            let Some((name, bytes)) = bundles.next().await else {
                if !self.proven {
                    self.finish().await?;
                    self.proven = true;
                }
                return Ok(None);
            };
            match (bytes, name) {
                (Err(Error::Missing { .. }), Name::Entries { index, width: FULL })
                    if self.pruned.has(index) =>
                {
                    self.pass_over(index).await?;
                }
                (bytes, name) => break (name, bytes?),
            }
        };
        let leaves = self.leaves(name, bytes).await?;
        let first = self.edge.size();
        let mut tiles = Vec::new();
        for leaf in &leaves {
            self.edge.push(0, &Leaf::of(leaf.clone(), 0, 0), &mut tiles);
        }
        for tile in tiles {
            self.compare(tile).await?;
        }
        Ok(Some(Bundle { first, leaves }))
    }

    /// Bundles that were taken away because they had expired: their records could not be looked at, only
    /// their hashes.
    pub fn gone(&self) -> &[Range<u64>] {
        &self.gone
    }

    /// Goes on behind a bundle that was taken away, by the hashes of its leaves.
    async fn pass_over(&mut self, index: u64) -> Result<(), WalkError> {
        let (level, width) = (0, FULL);
        let tile = Name::Hashes {
            level,
            index,
            width,
        };
        let hashes = exact(&*self.store, &self.log, tile).await?;
        let mut tiles = Vec::new();
        self.edge.push_hashes(&hashes, &mut tiles);
        for tile in tiles {
            self.compare(tile).await?;
        }
        match self.gone.last_mut() {
            Some(last) if last.end == index => last.end += 1,
            _ => self.gone.push(index..index + 1),
        }
        Ok(())
    }

    /// The unfinished tiles, and the root.
    async fn finish(&self) -> Result<(), WalkError> {
        for tile in self.edge.partials(0) {
            self.compare(tile).await?;
        }
        if self.edge.size() != self.size || self.edge.root() != self.root {
            let detail = "has another root than its leaves lead to";
            return Err(Name::Checkpoint.mismatch(&self.log, detail).into());
        }
        Ok(())
    }

    /// Holds a stored tile to the one that follows from the leaves.
    async fn compare(&self, (name, wanted): Object) -> Result<(), WalkError> {
        if !matches!(name, Name::Hashes { .. }) {
            return Ok(());
        }
        let found = either(&*self.store, &self.log, name).await?;
        // Of the full tile that has taken a partial one's place, the beginning.
        let of_partial = if name.is_partial() && found.len() > wanted.len() {
            found.slice(..wanted.len())
        } else {
            found
        };
        if of_partial == wanted {
            Ok(())
        } else if wanted.starts_with(&of_partial) {
            Err(self.cut_short(name))
        } else {
            let detail = "doesn't have the hashes that follow from the leaves";
            Err(name.mismatch(&self.log, detail).into())
        }
    }

    /// Takes a bundle apart, of which the last may have grown since the checkpoint.
    async fn leaves(&self, name: Name, bytes: Bytes) -> Result<Vec<Bytes>, WalkError> {
        let Name::Entries { index, width } = name else {
            return Ok(Vec::new());
        };
        let mut leaves: Vec<Bytes> = Vec::new();
        let mut rest = bytes;
        while leaves.len() < width as usize {
            let length = rest.split_first_chunk::<2>().map(|(length, _)| *length);
            let end = length.map(|length| 2 + usize::from(u16::from_be_bytes(length)));
            match end.filter(|end| *end <= rest.len()) {
                Some(end) => leaves.push(rest.split_to(end).slice(2..)),
                None => return Err(self.broken(index, width, &leaves, &rest).await),
            }
        }
        if rest.is_empty() {
            return Ok(leaves);
        }
        // What a partial bundle's name may stand for: the full one that has taken its place.
        match bundle::count(rest) {
            Some(more) if name.is_partial() && leaves.len() + more == FULL as usize => Ok(leaves),
            _ => Err(name
                .mismatch(&self.log, "has more bytes than its entries")
                .into()),
        }
    }

    /// Of a bundle that ends inside an entry: whether it was cut, or a length in it was changed.
    /// What is merely cut has good entries up to there, and no more of the next one than a part.
    async fn broken(&self, index: u64, width: u32, leaves: &[Bytes], rest: &Bytes) -> WalkError {
        let name = Name::Entries { index, width };
        let changed = || name.mismatch(&self.log, "ends inside an entry").into();
        let tile = Name::Hashes {
            level: 0,
            index,
            width,
        };
        let hashes = match either(&*self.store, &self.log, tile).await {
            Ok(hashes) => hashes,
            Err(error) => return error.into(),
        };
        let mut hashes: VecDeque<&[u8]> = hashes.chunks(32).collect();
        let good = leaves.iter().all(|leaf| {
            hashes
                .pop_front()
                .is_some_and(|hash| hash == leaf_hash(leaf))
        });
        let next = hashes.pop_front();
        let begun = rest.get(2..).unwrap_or_default();
        let whole = |length: usize| next.is_some_and(|hash| hash == leaf_hash(&begun[..length]));
        if !good || (0..=begun.len().min(usize::from(u16::MAX))).any(whole) {
            changed()
        } else {
            self.cut_short(name)
        }
    }

    fn cut_short(&self, name: Name) -> WalkError {
        WalkError::CutShort {
            log: self.log.to_string(),
            object: name.relative(),
        }
    }
}

/// The object of this name or, of a partial one that isn't there any more, the full one. Its
/// length is only bounded.
async fn either(store: &dyn ObjectStore, log: &LogId, name: Name) -> Result<Bytes, Error> {
    match bounded(store, log, name).await {
        Err(Error::Missing { .. }) if name.is_partial() => bounded(store, log, name.full()).await,
        other => other,
    }
}
