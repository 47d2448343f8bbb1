//! Verifies proofs with a crate that had no part in building them (`ct-merkle`), and notes
//! with one that only reads them (`signed_note`).

use crate::site::ORIGIN;
use anyhow::{Context as _, Result, bail, ensure};
use auditlog::{CheckpointVerifier, LogId, Origin};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ct_merkle::{ConsistencyProof, InclusionProof, RootHash};
use proto::access::GetAccessRecordResponse;
use sha2::Sha256;
use signed_note::{Note, StandardVerifier, VerifierList};

/// What verifies the checkpoints of one log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogKey {
    /// The log's name.
    pub origin: String,
    /// Its signed-note verifier key.
    pub vkey: String,
}

/// A checkpoint whose signature is good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log.
    pub origin: String,
    /// How many leaves.
    pub size: u64,
    /// Root of the tree.
    pub root: [u8; 32],
}

/// The key of an installation's logs, `vkey`, under the name of one of them.
///
/// # Errors
/// The key is not for logs of this name.
pub fn key_of(vkey: &str, topic: &str, complex: &str) -> Result<LogKey> {
    let origin = Origin::new(ORIGIN, &LogId::new(topic, complex)?)?;
    let vkey = CheckpointVerifier::from_vkey(vkey)?.vkey_for(&origin)?;
    Ok(LogKey {
        origin: origin.to_string(),
        vkey,
    })
}

/// Reads a checkpoint (C2SP tlog-checkpoint) of the log that `key` belongs to.
///
/// # Errors
/// It is malformed, of another log, or not signed by that key.
pub fn checkpoint(note: &str, key: &LogKey) -> Result<Checkpoint> {
    let verifier = StandardVerifier::new(&key.vkey).context("verification key")?;
    let parsed = Note::from_bytes(note.as_bytes()).context("not a signed note")?;
    let known = VerifierList::new(vec![Box::new(verifier)]);
    let (good, _) = parsed.verify(&known).context("no good signature")?;
    ensure!(
        good.len() == 1,
        "the checkpoint is not signed by the log's key"
    );
    let text = std::str::from_utf8(parsed.text())?;
    let mut lines = text.lines();
    let (Some(first), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next()) else {
        bail!("a checkpoint has three lines");
    };
    ensure!(
        first == key.origin,
        "the checkpoint is of the log {first}, not {}",
        key.origin
    );
    let root = STANDARD.decode(root)?;
    Ok(Checkpoint {
        origin: first.to_owned(),
        size: size.parse()?,
        root: root.try_into().ok().context("a root has 32 bytes")?,
    })
}

/// Verifies that a record's leaf is in the tree of its checkpoint.
///
/// # Errors
/// It is not.
pub fn inclusion(record: &GetAccessRecordResponse, key: &LogKey) -> Result<Checkpoint> {
    let checkpoint = checkpoint(&record.checkpoint, key)?;
    let proof = record.inclusion_proof.as_ref().context("no proof")?;
    ensure!(
        proof.tree_size == checkpoint.size,
        "the proof is for another tree"
    );
    let path = InclusionProof::<Sha256>::try_from_bytes(proof.hashes.concat())
        .map_err(|error| anyhow::anyhow!("malformed proof: {error:?}"))?;
    let root = RootHash::<Sha256>::new(checkpoint.root.into(), checkpoint.size);
    root.verify_inclusion(&record.leaf, proof.leaf_index, &path)
        .map_err(|error| anyhow::anyhow!("the proof does not hold: {error:?}"))?;
    Ok(checkpoint)
}

/// Verifies that the tree of `new` is the tree of `old` with leaves appended.
///
/// # Errors
/// It is not.
pub fn consistency(old: &Checkpoint, new: &Checkpoint, hashes: &[Vec<u8>]) -> Result<()> {
    ensure!(old.origin == new.origin, "checkpoints of different logs");
    let proof = ConsistencyProof::<Sha256>::try_from_bytes(hashes.concat())
        .map_err(|error| anyhow::anyhow!("malformed proof: {error:?}"))?;
    let [old, new] = [old, new].map(|tree| RootHash::<Sha256>::new(tree.root.into(), tree.size));
    new.verify_consistency(&old, &proof)
        .map_err(|error| anyhow::anyhow!("the proof does not hold: {error:?}"))
}
