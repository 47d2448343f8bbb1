//! A proof as a file: C2SP tlog-proof, version 1. Its extra data is the record, verbatim.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::{Checkpoint, Leaf, LogReader, Result, TreeHash, verify_inclusion};

const FIRST: &str = "c2sp.org/tlog-proof@v1";
/// The longest path in a tree.
const MAX_HASHES: usize = 64;

/// What a file of the form [C2SP tlog-proof](https://c2sp.org/tlog-proof), version 1, says. None of it is
/// believed yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProofFile {
    /// The leaf.
    pub leaf: Vec<u8>,
    /// Its index.
    pub index: u64,
    /// From the leaf's sibling up to the root's child.
    pub hashes: Vec<TreeHash>,
    /// The signed note.
    pub checkpoint: String,
}

impl ProofFile {
    /// The largest file in bytes: a leaf in base64, a path and a checkpoint fit well.
    pub const MAX_BYTES: u64 = 256 * 1024;

    /// As text.
    pub fn text(&self) -> String {
        let mut text = format!(
            "{FIRST}\nextra {}\nindex {}\n",
            BASE64_STANDARD.encode(&self.leaf),
            self.index
        );
        for hash in &self.hashes {
            text += &BASE64_STANDARD.encode(hash);
            text.push('\n');
        }
        text.push('\n');
        text + &self.checkpoint
    }

    /// Reads it; none where it is no proof, or has no record with it.
    pub fn parse(text: &str) -> Option<Self> {
        let (head, checkpoint) = text.split_once("\n\n")?;
        let mut lines = head.split('\n');
        if lines.next()? != FIRST {
            return None;
        }
        let leaf = BASE64_STANDARD.decode(lines.next()?.strip_prefix("extra ")?);
        let index = lines.next()?.strip_prefix("index ")?;
        let hash = |line: &str| BASE64_STANDARD.decode(line).ok()?.try_into().ok();
        let proof = Self {
            leaf: leaf.ok()?,
            index: index.parse().ok()?,
            hashes: lines.map(hash).collect::<Option<_>>()?,
            checkpoint: checkpoint.to_owned(),
        };
        // One text for one proof: what isn't written exactly so isn't one.
        (proof.hashes.len() <= MAX_HASHES && proof.text() == text).then_some(proof)
    }
}

impl LogReader {
    /// The proof that a record is under a checkpoint of this log, with the record.
    ///
    /// # Errors
    /// As [`entry`](Self::entry) and [`inclusion_proof`](Self::inclusion_proof);
    /// [`Error::InvalidProof`](crate::Error::InvalidProof) where it isn't.
    pub async fn prove(&self, index: u64, checkpoint: &Checkpoint) -> Result<ProofFile> {
        let leaf = self.entry(index).await?;
        let size = checkpoint.size();
        let hashes = self.inclusion_proof(index, size).await?;
        let hash = Leaf::of(leaf.clone(), 0, 0).hash();
        verify_inclusion(hash, index, size, checkpoint.root(), &hashes)?;
        Ok(ProofFile {
            leaf: leaf.to_vec(),
            index,
            hashes,
            checkpoint: checkpoint.note().to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn it_reads_back_and_only_in_the_one_form() {
        for hashes in [vec![], vec![[7; 32], [8; 32]]] {
            let proof = ProofFile {
                leaf: b"a record".to_vec(),
                index: 73_894,
                hashes,
                checkpoint: "example.com/log\n3\nAA==\n\n— example.com/log abc=\n".to_owned(),
            };
            let text = proof.text();
            assert!(text.starts_with("c2sp.org/tlog-proof@v1\nextra YSByZWNvcmQ=\nindex 73894\n"));
            assert_eq!(ProofFile::parse(&text), Some(proof));
            for bad in [
                text.replace("index 7", "index 07"),
                text.replace("@v1", "@v2"),
                text.replace("extra ", "extra  "),
                text.replace("\nindex", "\r\nindex"),
                String::new(),
            ] {
                assert_eq!(ProofFile::parse(&bad), None);
            }
        }
    }
}
