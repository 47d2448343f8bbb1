//! A log's objects as C2SP tlog-tiles publishes them.

use bytes::Bytes;
use tlog_tiles::{HASH_SIZE, HashReader as _, stored_hash_index};

use super::{LogReader, outside, plain};
use crate::tiles::{FULL, HEIGHT, Name, nodes};
use crate::{Checkpoint, Error, Position, PublishedObject, Result, bundle, fetch};

impl LogReader {
    /// The bytes of a published object, as they are or once were stored: checked against the
    /// newest checkpoint, like all that a reader gives out but positions, which no root covers. Of tiles and bundles any width up to
    /// the log's size is there, and what it holds never changes.
    ///
    /// # Errors
    /// [`Error::OutOfRange`](crate::Error::OutOfRange) where the log isn't that large, else as
    /// [`checkpoint`](Self::checkpoint) and [`entry`](Self::entry).
    pub async fn published(&self, object: PublishedObject) -> Result<Bytes> {
        match object {
            PublishedObject::Checkpoint => {
                let checkpoint = self.checkpoint_for_others().await?;
                Ok(Bytes::copy_from_slice(checkpoint.note().as_bytes()))
            }
            PublishedObject::Cosigned => match self.cosigned().await? {
                Some(cosigned) => Ok(Bytes::copy_from_slice(cosigned.note().as_bytes())),
                None => Err(Error::NoCheckpoint {
                    log: self.log.to_string(),
                }),
            },
            PublishedObject::Pruned => {
                // Only what is signed is given out.
                if self.pruned().await?.prunings.is_empty() {
                    let checkpoint = self.checkpoint().await?;
                    return Err(outside("prunings", 0, &checkpoint));
                }
                fetch::exact(&*self.store, &self.log, Name::Pruned).await
            }
            PublishedObject::Tile {
                level,
                index,
                width,
            } => self.tile(level, index, width).await,
            PublishedObject::Entries { index, width } => {
                let mut entries = self.bundle(index).await?;
                let width = width as usize;
                if entries.len() < width {
                    let checkpoint = self.checkpoint().await?;
                    return Err(outside("bundle", index, &checkpoint));
                }
                entries.truncate(width);
                Ok(bundle::encode(&entries).into())
            }
            PublishedObject::Positions { index, width } => {
                let checkpoint = self.checkpoint().await?;
                let positions = self.positions(&checkpoint, index).await?;
                let width = width as usize;
                match positions.as_ref().and_then(|all| all.get(..width)) {
                    Some(positions) => Ok(Position::encode(positions)),
                    None => Err(outside("positions", index, &checkpoint)),
                }
            }
        }
    }

    async fn tile(&self, level: u8, index: u64, width: u32) -> Result<Bytes> {
        let first = index.saturating_mul(u64::from(FULL));
        let end = first.saturating_add(u64::from(width));
        let checkpoint = self.reaching(level, end).await?;
        if width > FULL || end > nodes(checkpoint.size(), level) {
            return Err(outside("tile", index, &checkpoint));
        }
        let wanted: Vec<u64> = (first..end)
            .map(|node| stored_hash_index(level * HEIGHT, node))
            .collect();
        let tree = self.tree(&checkpoint);
        let hashes = tree.ask(|hashes| hashes.read_hashes(&wanted)).await?;
        let mut bytes = Vec::with_capacity(wanted.len() * HASH_SIZE);
        for hash in plain(hashes) {
            bytes.extend_from_slice(&hash);
        }
        Ok(bytes.into())
    }

    /// A checkpoint whose tree has `end` nodes on this level of tiles, if there is one: the one
    /// seen last, or the current one.
    async fn reaching(&self, level: u8, end: u64) -> Result<Checkpoint> {
        match self.seen().filter(|seen| nodes(seen.size(), level) >= end) {
            Some(known) => Ok(known),
            None => self.checkpoint().await,
        }
    }
}
