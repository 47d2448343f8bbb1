//! Merkle logs alone: leaves appended to a folder, beside hashing them in memory and nothing else.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Result, ensure};
use auditlog::{
    CheckpointSigner, Leaf, LogId, LogWriter, MemoryHeads, Origin, RootBuilder, open_folder,
};

use super::BATCH;
use super::records::mixed;
use crate::bench::report::{Better, Figure};

/// Leaves of a round.
const LEAVES: usize = 65_536;
/// Bytes of a leaf, as of a decision.
const BYTES: usize = 400;

/// Appends a second, in batches as the projection's.
///
/// # Errors
/// The folder can't be written.
pub(super) async fn measure(dir: &Path, rounds: usize) -> Result<Figure> {
    let (signer, _) = CheckpointSigner::generate("bench.example/audit")?;
    let signer = Arc::new(signer);
    let mut found = Vec::new();
    for round in 0..rounds {
        let store = open_folder(&dir.join(format!("trees-{round}")))?;
        let id = LogId::new("access.events.v1", "sunrise")?;
        let origin = Origin::new("bench.example/audit", &id)?;
        let heads = Arc::new(MemoryHeads::default());
        let mut log = LogWriter::open(id, origin, store, heads, Arc::clone(&signer)).await?;
        let leaves: Vec<Vec<u8>> = (0..LEAVES).map(bytes).collect();
        let start = Instant::now();
        for (batch, leaves) in leaves.chunks(BATCH).enumerate() {
            let leaf = |(at, bytes): (usize, &Vec<u8>)| {
                let offset = (batch * BATCH + at) as u64;
                (
                    offset,
                    Leaf::of(bytes.clone().into(), 0, offset).appended_at(0),
                )
            };
            log.append(leaves.iter().enumerate().map(leaf).collect())
                .await?;
        }
        let ours = LEAVES as f64 / start.elapsed().as_secs_f64();
        let start = Instant::now();
        let mut tree = RootBuilder::default();
        leaves.iter().for_each(|leaf| tree.push(leaf));
        let root = tree.root();
        let hashed = LEAVES as f64 / start.elapsed().as_secs_f64();
        ensure!(
            log.head().is_some_and(|head| head.root == root),
            "other roots"
        );
        found.push((ours, hashed));
    }
    let name = format!(
        "Merkle appends alone, {BATCH} together, durable in a folder; the reference only hashes in memory"
    );
    Ok(Figure::new(name, "1/s", Better::More, found))
}

fn bytes(leaf: usize) -> Vec<u8> {
    let words = (0..BYTES / 8).map(|word| mixed((leaf * BYTES + word) as u64).to_be_bytes());
    words.flatten().collect()
}
