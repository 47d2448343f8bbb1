use tlog_tiles::{EMPTY_HASH, Hash, check_record, check_tree, node_hash, record_hash};

use crate::{Error, MAX_LEAVES, Result, TreeHash};

/// The longest proof: one hash a level, and one more for consistency.
const MAX_PROOF: usize = 65;

/// Checks that the tree of `size` leaves with this root has the leaf with this hash at `index`
/// (RFC 6962 section 2.1.1, RFC 9162 section 2.1.3).
///
/// # Errors
/// [`Error::InvalidProof`].
pub fn verify_inclusion(
    leaf_hash: TreeHash,
    index: u64,
    size: u64,
    root: TreeHash,
    proof: &[TreeHash],
) -> Result<()> {
    if index >= size || size > MAX_LEAVES || proof.len() > MAX_PROOF {
        return Err(Error::InvalidProof);
    }
    check_record(&hashes(proof), size, Hash(root), index, Hash(leaf_hash))
        .map_err(|_| Error::InvalidProof)
}

/// Checks that the tree of `new_size` leaves begins with the tree of `old_size` leaves
/// (RFC 6962 section 2.1.2, RFC 9162 section 2.1.4). `old_size` is at least 1.
///
/// # Errors
/// [`Error::InvalidProof`].
pub fn verify_consistency(
    old_size: u64,
    old_root: TreeHash,
    new_size: u64,
    new_root: TreeHash,
    proof: &[TreeHash],
) -> Result<()> {
    if old_size == 0 || old_size > new_size || new_size > MAX_LEAVES || proof.len() > MAX_PROOF {
        return Err(Error::InvalidProof);
    }
    check_tree(
        &hashes(proof),
        new_size,
        Hash(new_root),
        old_size,
        Hash(old_root),
    )
    .map_err(|_| Error::InvalidProof)
}

fn hashes(proof: &[TreeHash]) -> Vec<Hash> {
    proof.iter().map(|hash| Hash(*hash)).collect()
}

/// Hashes leaves into a root one after another, with nothing but RFC 6962 section 2.1: for
/// checks that must not depend on any stored tile. Holds one hash for each bit of the size.
#[derive(Clone, Debug, Default)]
pub struct RootBuilder {
    size: u64,
    /// The roots of the complete subtrees, from the largest, on the left, to the smallest.
    complete: Vec<Hash>,
}

impl RootBuilder {
    /// Adds the next leaf.
    pub fn push(&mut self, leaf: &[u8]) {
        let mut hash = record_hash(leaf);
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.complete.pop() {
                hash = node_hash(left, hash);
            }
        }
        self.complete.push(hash);
        self.size += 1;
    }

    /// How many leaves were added.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root of the tree of the leaves so far; that of no leaves is SHA-256 of nothing.
    pub fn root(&self) -> TreeHash {
        let mut subtrees = self.complete.iter().rev();
        let Some(&smallest) = subtrees.next() else {
            return EMPTY_HASH.0;
        };
        subtrees
            .fold(smallest, |right, left| node_hash(*left, right))
            .0
    }
}

/// The root of the tree of these leaves, from nothing but them.
pub fn rebuild_root<T: AsRef<[u8]>>(leaves: impl IntoIterator<Item = T>) -> TreeHash {
    let mut builder = RootBuilder::default();
    for leaf in leaves {
        builder.push(leaf.as_ref());
    }
    builder.root()
}
