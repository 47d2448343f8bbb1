//! The right edge of a tree: all that is needed to grow it.

use bytes::Bytes;
use tlog_tiles::{EMPTY_HASH, HASH_SIZE, Hash, Tile, node_hash};

use crate::tiles::{FULL, Name, nodes, partial_width};
use crate::{Leaf, Position, TreeHash, bundle, leaf::leaf_hash};

/// An object to be written.
pub(crate) type Object = (Name, Bytes);

/// The unfinished tile of each level and the unfinished bundle, in memory.
///
/// Their hashes are the roots of the tree's complete subtrees by the digits of its size in base
/// 256, so the root follows from them alone; growing by n leaves costs O(n + log size) hashes.
/// (`tlog_tiles::stored_hashes` grows a tree too, but wants random access to every stored hash
/// for that; its hashing, tile and path functions are what is used here.)
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Edge {
    size: u64,
    /// By level: the hashes of the unfinished tile, up to 255.
    levels: Vec<Vec<Hash>>,
    bundle: Vec<u8>,
    /// Of the leaves of the unfinished bundle, in front those that are known.
    positions: Vec<Position>,
}

impl Edge {
    /// The names of the objects that hold the edge of a tree of this size.
    pub(crate) fn names(size: u64) -> Vec<Name> {
        let mut names = Vec::new();
        let mut level = 0;
        while nodes(size, level) > 0 {
            let (index, width) = (nodes(size, level + 1), partial_width(size, level));
            if width > 0 {
                if level == 0 {
                    names.push(Name::Entries { index, width });
                    names.push(Name::Positions { index, width });
                }
                names.push(Name::Hashes {
                    level,
                    index,
                    width,
                });
            }
            level += 1;
        }
        names
    }

    /// The edge that stored objects describe. Each leaf must have the hash that its tile says.
    pub(crate) fn from_objects(
        size: u64,
        object: impl Fn(Name) -> Option<Bytes>,
    ) -> Result<Self, (Name, &'static str)> {
        let mut edge = Self {
            size,
            ..Self::default()
        };
        let mut entries = Vec::new();
        for name in Self::names(size) {
            let bytes = match (object(name), name) {
                (Some(bytes), _) => bytes,
                // A version that didn't keep them may have begun the bundle.
                (None, Name::Positions { .. }) => continue,
                (None, _) => return Err((name, "isn't there although the head covers it")),
            };
            match name {
                Name::Entries { width, .. } => {
                    entries = bundle::parse(bytes.clone(), width).map_err(|why| (name, why))?;
                    edge.bundle = bytes.into();
                }
                Name::Hashes { level, width, .. } => {
                    let hashes = split(&bytes);
                    if hashes.len() != width as usize {
                        return Err((name, "has another length than its name says"));
                    }
                    let leaves = entries.iter().map(|entry| Hash(leaf_hash(entry)));
                    if level == 0 && !leaves.eq(hashes.iter().copied()) {
                        return Err((name, "doesn't have the hashes of the entries"));
                    }
                    *edge.level(usize::from(level)) = hashes;
                }
                Name::Positions { width, .. } => {
                    edge.positions = Position::parse(&bytes, width).map_err(|why| (name, why))?;
                }
                Name::Offset { .. } | Name::Checkpoint | Name::Cosigned | Name::Pruned => {}
            }
        }
        Ok(edge)
    }

    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Appends a leaf, and what it completed to `out`.
    pub(crate) fn push(&mut self, offset: u64, leaf: &Leaf, out: &mut Vec<Object>) {
        let index = nodes(self.size, 1);
        if partial_width(self.size, 0) == 0 {
            out.push((Name::Offset { index }, format!("{offset}\n").into()));
            self.positions.clear();
        }
        bundle::push(&mut self.bundle, leaf);
        if let Some(append_time) = leaf.append_time()
            && self.positions.len() as u64 == self.size % u64::from(FULL)
        {
            self.positions.push(Position {
                offset,
                append_time,
            });
        }
        self.size += 1;
        if partial_width(self.size, 0) == 0 {
            let full = std::mem::take(&mut self.bundle);
            out.push((Name::Entries { index, width: FULL }, full.into()));
            if self.positions.len() == FULL as usize {
                let name = Name::Positions { index, width: FULL };
                out.push((name, Position::encode(&self.positions)));
            }
        }
        self.put(Hash(leaf.hash()), out);
    }

    /// Appends leaves of which there are only the hashes, a whole bundle of them.
    pub(crate) fn push_hashes(&mut self, hashes: &[u8], out: &mut Vec<Object>) {
        for hash in split(hashes) {
            self.size += 1;
            self.put(hash, out);
        }
    }

    /// Puts the hash of the last leaf into the tiles, and what it completed to `out`.
    fn put(&mut self, mut hash: Hash, out: &mut Vec<Object>) {
        let mut level = 0;
        loop {
            let tile = self.level(usize::from(level));
            tile.push(hash);
            if tile.len() < FULL as usize {
                return;
            }
            let full = join(tile);
            tile.clear();
            hash = Tile::subtree_hash(&full);
            let name = Name::Hashes {
                level,
                index: nodes(self.size, level + 1) - 1,
                width: FULL,
            };
            out.push((name, full));
            level += 1;
        }
    }

    /// The partial tiles and bundle that changed since the tree had `since` leaves.
    pub(crate) fn partials(&self, since: u64) -> Vec<Object> {
        let changed = |name: &Name| match name {
            Name::Hashes { level, .. } => nodes(since, *level) != nodes(self.size, *level),
            _ => since != self.size,
        };
        let names = Self::names(self.size).into_iter().filter(changed);
        names
            .filter_map(|name| Some((name, self.object(name)?)))
            .collect()
    }

    /// One of the edge's objects, `None` when it isn't on the edge.
    pub(crate) fn object(&self, name: Name) -> Option<Bytes> {
        if !Self::names(self.size).contains(&name) {
            return None;
        }
        match name {
            Name::Hashes { level, .. } => self.levels.get(usize::from(level)).map(|l| join(l)),
            Name::Entries { .. } => Some(Bytes::copy_from_slice(&self.bundle)),
            Name::Positions { width, .. } => {
                (self.positions.len() == width as usize).then(|| Position::encode(&self.positions))
            }
            Name::Offset { .. } | Name::Checkpoint | Name::Cosigned | Name::Pruned => None,
        }
    }

    /// The tree's root (RFC 6962 section 2.1).
    pub(crate) fn root(&self) -> TreeHash {
        // A level's hashes and, to their right, the root of all that is below them.
        let right = self.levels.iter().fold(None, |right, level| {
            let row: Vec<Hash> = level.iter().copied().chain(right).collect();
            subtree(&row)
        });
        right.unwrap_or(EMPTY_HASH).0
    }

    fn level(&mut self, level: usize) -> &mut Vec<Hash> {
        if self.levels.len() <= level {
            self.levels.resize(level + 1, Vec::new());
        }
        &mut self.levels[level]
    }
}

/// The root over a row of nodes, split at the largest power of two below their number.
fn subtree(row: &[Hash]) -> Option<Hash> {
    match row {
        [] => None,
        [one] => Some(*one),
        _ => {
            let (left, right) = row.split_at(row.len().next_power_of_two() / 2);
            Some(node_hash(subtree(left)?, subtree(right)?))
        }
    }
}

fn join(hashes: &[Hash]) -> Bytes {
    hashes
        .iter()
        .flat_map(|hash| hash.0)
        .collect::<Vec<u8>>()
        .into()
}

/// The hashes of a tile; a remainder that is no hash makes their number wrong.
fn split(tile: &[u8]) -> Vec<Hash> {
    let (hashes, rest) = tile.as_chunks::<HASH_SIZE>();
    if rest.is_empty() {
        hashes.iter().map(|hash| Hash(*hash)).collect()
    } else {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::RootBuilder;
    use std::collections::HashMap;

    /// Sizes around every boundary: the root is that of a plain RFC 6962 tree, and the tiles
    /// written are those that `tlog_tiles` says must be published.
    #[test]
    fn grows_as_the_standard_says() {
        let (mut edge, mut plain) = (Edge::default(), RootBuilder::default());
        let mut stored = HashMap::new();
        let mut since = 0;
        for n in 0..66_100_u64 {
            let leaf = Leaf::of(n.to_be_bytes().to_vec().into(), 0, n);
            let mut out = Vec::new();
            edge.push(n, &leaf, &mut out);
            plain.push(leaf.bytes());
            stored.extend(out);
            if n < 600 || n % 251 == 0 || (65_500..65_600).contains(&n) {
                assert_eq!(edge.root(), plain.root(), "size {}", n + 1);
                stored.extend(edge.partials(since));
                for tile in Tile::new_tiles(8, since, n + 1) {
                    let bytes = &stored[&Name::from(tile)];
                    assert_eq!(bytes.len(), tile.width() as usize * HASH_SIZE);
                }
                let again = Edge::from_objects(n + 1, |name| stored.get(&name).cloned()).unwrap();
                assert_eq!(again.root(), plain.root());
                since = n + 1;
            }
        }
    }

    #[test]
    fn damaged_objects_are_no_edge() {
        let mut edge = Edge::default();
        for n in 0..300 {
            edge.push(n, &Leaf::of(vec![1; 9].into(), 0, n), &mut Vec::new());
        }
        for victim in Edge::names(300) {
            let damaged = |name| {
                let mut bytes = Vec::from(edge.object(name)?);
                if name == victim {
                    bytes[5] ^= 1;
                }
                Some(Bytes::from(bytes))
            };
            let found = Edge::from_objects(300, damaged);
            let unneeded = matches!(victim, Name::Positions { .. });
            assert!(unneeded || found.is_err() || found.unwrap().root() != edge.root());
            let missing = |name| (name != victim).then(|| edge.object(name)).flatten();
            let unneeded = matches!(victim, Name::Positions { .. });
            assert_eq!(Edge::from_objects(300, missing).is_ok(), unneeded);
        }
    }
}
