//! Verifiable append-only logs that anybody can check with tools not written here.
//!
//! One log holds the records of one (topic, complex) in log order. Its tree is hashed as
//! RFC 6962 section 2.1 (and RFC 9162 section 2.1) says, and is stored as
//! [C2SP tlog-tiles](https://c2sp.org/tlog-tiles) under the prefix `<topic>/<complex>/`:
//!
//! | object | content |
//! |---|---|
//! | `checkpoint` | [tlog-checkpoint](https://c2sp.org/tlog-checkpoint), a [signed note](https://c2sp.org/signed-note) with an Ed25519 signature; replaced |
//! | `cosigned` | not part of C2SP: the newest checkpoint with cosignatures of witnesses ([tlog-cosignature](https://c2sp.org/tlog-cosignature)); replaced too |
//! | `tile/<L>/<N>[.p/<W>]` | up to 256 consecutive subtree hashes of 32 bytes, tiles of height 8 |
//! | `tile/entries/<N>[.p/<W>]` | up to 256 leaves, each after its length as a big-endian 16-bit integer |
//! | `offset/<N>` | not part of C2SP: the event-log offset of the first leaf of bundle `N`, decimal and a newline, so that a rebuild can start where the event log now starts |
//! | `position/<N>[.p/<W>]` | not part of C2SP: the event-log [`Position`] of each leaf of bundle `N`; not there where they weren't known |
//! | `pruned` | not part of C2SP: which bundles were taken away because they had [expired](Pruned), a signed note |
//!
//! A leaf is one record's value verbatim; see [`Leaf`] for the one exception, values above the
//! format's 65,535 bytes.
//!
//! The one writer of a log ([`LogWriter`]) only ever creates bundles and tiles, reads back what
//! it wrote, derives the root from that, moves the [`Head`] by compare-and-set, and only then
//! signs and replaces the checkpoint. Readers ([`LogReader`]) in other processes, or auditors
//! with a copy of the folder, trust nothing but the checkpoint's signature: every tile that they
//! use is authenticated against it.

mod bundle;
mod checkpoint;
mod cosigned;
mod edge;
mod error;
mod fetch;
mod folder;
mod head;
mod id;
mod key;
mod leaf;
mod list;
mod position;
#[cfg(feature = "s3")]
mod probe;
mod proof;
mod proof_file;
mod prove;
mod pruned;
mod published;
mod reader;
mod receipt;
mod resume;
#[cfg(feature = "s3")]
mod s3;
mod store;
mod tiles;
mod walk;
mod writer;

pub use bundle::parse as parse_bundle;
pub use checkpoint::{Checkpoint, CheckpointVerifier};
pub use cosigned::keep_cosigned;
pub use error::Error;
pub use head::{Head, HeadError, HeadStore, MemoryHeads};
pub use id::{LogId, Origin};
pub use key::CheckpointSigner;
pub use leaf::{Leaf, MAX_LEAF_BYTES, OversizedRecord};
pub use list::logs_of;
pub use position::Position;
pub use proof::{RootBuilder, rebuild_root, verify_consistency, verify_inclusion};
pub use proof_file::ProofFile;
pub use pruned::{Pruned, Pruning};
pub use published::PublishedObject;
pub use reader::LogReader;
pub use receipt::Receipt;
#[cfg(feature = "s3")]
pub use s3::{Access, Encryption, S3Options, check_s3, open_s3};
pub use store::{open, open_folder};
pub use tiles::{ENTRIES_PER_BUNDLE, MAX_LEAVES};
pub use walk::{Bundle, Walk, WalkError};
pub use writer::LogWriter;

/// A SHA-256 node of the tree: a leaf hash, an inner node or a root (RFC 6962 section 2.1).
pub type TreeHash = [u8; 32];

/// What this crate's functions return.
pub type Result<T, E = Error> = std::result::Result<T, E>;
