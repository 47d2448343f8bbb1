//! Hashes of a tree out of its tiles, each authenticated against a root.
//!
//! `tlog_tiles` plans, authenticates and proves, but reads tiles through a synchronous trait. So
//! each question is asked twice: once to a reader that only notes which tiles it would need, and
//! again when those have been fetched.

use std::cell::RefCell;
use std::collections::HashMap;

use bytes::Bytes;
use futures::stream::{StreamExt, TryStreamExt};
use object_store::ObjectStore;
use tlog_tiles::{
    Error as TlogError, HASH_SIZE, Hash, Tile, TileHashReader, TileReader, tree_hash,
};

use crate::tiles::{FULL, HEIGHT, Name};
use crate::{Error, LogId, Result, TreeHash, fetch};

const FETCHES_AT_ONCE: usize = 8;

/// A log's tiles, and the size and root that they must lead to.
#[derive(Clone, Copy)]
pub(crate) struct Tree<'a> {
    pub(crate) store: &'a dyn ObjectStore,
    pub(crate) log: &'a LogId,
    pub(crate) size: u64,
    pub(crate) root: TreeHash,
}

impl Tree<'_> {
    /// Answers a question about the tree's hashes.
    pub(crate) async fn ask<T>(
        &self,
        question: impl Fn(&TileHashReader<'_>) -> Result<T, TlogError>,
    ) -> Result<T> {
        let reader =
            |tiles: &Tiles| question(&TileHashReader::new(self.size, Hash(self.root), tiles));
        let plan = Tiles::default();
        if let Ok(answer) = reader(&plan) {
            return Ok(answer);
        }
        let wanted = plan.wanted.into_inner();
        let fetched: HashMap<Tile, Bytes> = futures::stream::iter(wanted)
            .map(|tile| async move {
                let bytes = fetch::object(self.store, self.log, tile.into()).await?;
                Ok::<_, Error>((tile, bytes))
            })
            .buffer_unordered(FETCHES_AT_ONCE)
            .try_collect()
            .await?;
        let mismatch = || Error::Mismatch {
            log: self.log.to_string(),
            object: Name::Checkpoint.relative(),
            detail: "and the tiles don't belong together: the tiles lead to another root",
        };
        if !self.lead_upwards(&fetched) {
            return Err(mismatch());
        }
        let tiles = Tiles {
            fetched,
            ..Tiles::default()
        };
        reader(&tiles).map_err(|_| mismatch())
    }

    /// Whether each full tile is the one that the tile above it says. `tlog_tiles` 0.2 (and the
    /// Go library that it follows) checks that too, but passes over some tiles wherever several of
    /// the subtrees that a tree consists of have their root in one tile. The tiles that aren't full
    /// are those which the tree's root itself is made of.
    fn lead_upwards(&self, fetched: &HashMap<Tile, Bytes>) -> bool {
        let full = fetched.iter().filter(|(tile, _)| tile.width() == FULL);
        full.into_iter().all(|(tile, bytes)| {
            let above = tile.parent(1, self.size);
            let above = above.and_then(|above| fetched.get(&above));
            let at = (tile.level_index() % u64::from(FULL)) as usize * HASH_SIZE;
            let said = above.and_then(|above| above.get(at..at + HASH_SIZE));
            said == Some(&Tile::subtree_hash(bytes).0[..])
        })
    }

    /// The root that the tree had when it was smaller.
    pub(crate) async fn root_at(&self, size: u64) -> Result<TreeHash> {
        self.ask(|hashes| tree_hash(size, hashes).map(|hash| hash.0))
            .await
    }
}

#[derive(Default)]
struct Tiles {
    fetched: HashMap<Tile, Bytes>,
    wanted: RefCell<Vec<Tile>>,
}

impl TileReader for Tiles {
    fn height(&self) -> u8 {
        HEIGHT
    }

    fn read_tiles(&self, tiles: &[Tile]) -> Result<Vec<Vec<u8>>, TlogError> {
        let found = tiles
            .iter()
            .map(|tile| self.fetched.get(tile).map(|bytes| bytes.to_vec()));
        found.collect::<Option<_>>().ok_or_else(|| {
            self.wanted.borrow_mut().extend_from_slice(tiles);
            TlogError::InvalidTile
        })
    }

    fn save_tiles(&self, _: &[Tile], _: &[Vec<u8>]) {}
}
