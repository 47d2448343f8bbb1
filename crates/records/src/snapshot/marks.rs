//! How far the log was folded, and what was there.

use aws_lc_rs::digest;
use eventlog::Record;

/// SHA-256 of a record: place, append time, key and value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digest([u8; 32]);

impl Digest {
    /// Of this record.
    pub fn of(record: &Record) -> Self {
        let mut hash = digest::Context::new(&digest::SHA256);
        hash.update(&record.position.offset.to_le_bytes());
        hash.update(&record.append_time.as_millisecond().to_le_bytes());
        hash.update(&(record.key.len() as u64).to_le_bytes());
        hash.update(&record.key);
        // A tombstone is not an empty value.
        hash.update(&[u8::from(record.value.is_some())]);
        hash.update(record.value.as_deref().unwrap_or_default());
        Self(bytes(&hash.finish()))
    }
}

/// One partition.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Mark {
    /// The next offset; 0 where nothing was folded.
    pub(super) next: u64,
    /// The chain before the last record that was folded.
    pub(super) before: [u8; 32],
    /// The chain after it: SHA-256 of the chain before it and its digest.
    pub(super) chain: [u8; 32],
}

/// How far each partition was folded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Marks {
    pub(super) partitions: Vec<Mark>,
    incomplete: bool,
}

impl Marks {
    /// The next record of a partition was folded.
    pub fn folded(&mut self, record: &Record, digest: Digest) {
        let partition = record.position.partition as usize;
        if self.partitions.len() <= partition {
            self.resize(partition + 1);
        }
        let mark = &mut self.partitions[partition];
        mark.before = mark.chain;
        mark.chain = link(&mark.before, digest);
        mark.next = record.position.offset + 1;
    }

    /// A record was not understood: a later version may fold it, so there is nothing to keep.
    pub fn not_understood(&mut self) {
        self.incomplete = true;
    }

    /// Whether every record so far was understood.
    pub fn are_complete(&self) -> bool {
        !self.incomplete
    }

    /// The next offset to be folded, by partition.
    pub fn next(&self) -> Vec<u64> {
        self.partitions.iter().map(|mark| mark.next).collect()
    }

    pub(super) fn resize(&mut self, partitions: usize) {
        self.partitions.resize(partitions, Mark::default());
    }

    /// Whether `record` is the last one that was folded in its partition.
    pub(super) fn ends_with(&self, record: &Record) -> bool {
        let mark = self.partitions.get(record.position.partition as usize);
        mark.is_some_and(|mark| {
            mark.next == record.position.offset + 1
                && mark.chain == link(&mark.before, Digest::of(record))
        })
    }
}

fn link(before: &[u8; 32], record: Digest) -> [u8; 32] {
    let mut hash = digest::Context::new(&digest::SHA256);
    hash.update(before);
    hash.update(&record.0);
    bytes(&hash.finish())
}

/// A SHA-256 as bytes.
pub(super) fn bytes(hash: &digest::Digest) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(hash.as_ref());
    bytes
}
