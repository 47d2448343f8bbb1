//! Archives: what was exported, in one file that is proven without its maker.
//!
//! | file | content |
//! |---|---|
//! | `README.txt` | what it is, and how to verify it with tools of others |
//! | `export.json` | [`Contents`] |
//! | `keys/checkpoint.vkey` | the keys that the exporter trusted, one a line |
//! | `keys/records-root.txt`, `keys/records-certificate-<n>.json` | where they were named: whose signature records have |
//! | `logs/<topic>/<complex>/…` | `checkpoint`, `cosigned`, `tile/…`, `tile/entries/…`, `position/…` as the log has them |
//! | `logs/<topic>/<complex>/records.jsonl`, `records.csv` | the records, to be read |
//!
//! One log after the other is proven and chosen from ([`Part::take`]), then all is written ([`write()`]): the same
//! content gives the same bytes, whoever writes it. Nothing is ever unpacked: files are read where they lie.

#![forbid(unsafe_code)]

mod part;
pub mod pass;
mod read_only;
mod readme;
pub mod record;
mod recording;
pub mod tar;
mod write;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use part::{Part, SignedLog, Step};
pub use read_only::{MAX_OBJECT, Objects, ReadOnly};
pub use readme::readme;
pub use recording::{Needed, Recording};
pub use write::{Keys, size, write};

/// The text for people.
pub const README: &str = "README.txt";
/// What the archive says of itself.
pub const CONTENTS: &str = "export.json";
/// The keys of checkpoints.
pub const VKEYS: &str = "keys/checkpoint.vkey";
/// The root of records' keys.
pub const ROOT: &str = "keys/records-root.txt";
/// What the names of certificates begin with.
pub const CERTIFICATE: &str = "keys/records-certificate-";
/// What the names of logs' files begin with.
pub const LOGS: &str = "logs/";
/// Records as JSON, one a line.
pub const JSONL: &str = "records.jsonl";
/// Records as CSV.
pub const CSV: &str = "records.csv";
/// The version of the form.
pub const FORMAT: &str = "smarthome-audit-archive/1";

/// What was exported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contents {
    /// [`FORMAT`].
    pub format: String,
    /// Records of access logs from here on; none: from the beginning.
    pub from: Option<Timestamp>,
    /// And before this; none: to the end.
    pub until: Option<Timestamp>,
    /// By name.
    pub logs: Vec<Exported>,
}

/// Which part of a log was exported: whole bundles.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exported {
    /// `<topic>/<complex>`.
    pub log: String,
    /// Leaves under its checkpoint.
    pub size: u64,
    /// The first bundle.
    pub first_bundle: u64,
    /// The first bundle after the last.
    pub end_bundle: u64,
}

impl Exported {
    /// Whether it is all of the log.
    pub fn is_whole(&self) -> bool {
        self.first_bundle == 0
            && self.end_bundle == self.size.div_ceil(auditlog::ENTRIES_PER_BUNDLE)
    }
}

impl Contents {
    /// Whether a record of this log and time was asked for. Of registries everything is.
    pub fn has(&self, log: &auditlog::LogId, at: Option<Timestamp>) -> bool {
        let timed = log.topic() == eventlog::Topic::AccessEvents.name();
        let Some(at) = at.filter(|_| timed) else {
            return true;
        };
        self.from.is_none_or(|from| at >= from) && self.until.is_none_or(|until| at < until)
    }

    /// As it stands in the archive.
    pub fn text(&self) -> String {
        let text = serde_json::to_string_pretty(self);
        text.unwrap_or_default() + "\n"
    }
}

/// Why nothing was exported.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The log: contradicted, or not there.
    #[error(transparent)]
    Log(#[from] auditlog::Error),
    /// The log, walked through.
    #[error(transparent)]
    Walk(#[from] auditlog::WalkError),
    /// There is no room for the records beside the archive, which are gathered in a temporary file.
    #[error("no room for records: {0}")]
    Room(#[source] std::io::Error),
    /// An object that was there before can't be read again.
    #[error("{path}: {source}")]
    Object {
        /// Its path.
        path: String,
        /// Why.
        source: object_store::Error,
    },
    /// More bundles are asked for than may be.
    #[error(
        "{log}: {bundles} bundles are more than may be exported at once; ask for a shorter period"
    )]
    TooMuch {
        /// The log.
        log: String,
        /// So many bundles belong to the period.
        bundles: u64,
    },
    /// Some of what is asked for has expired and was taken away.
    #[error("{log}: {unseen}; ask for a period without them")]
    Pruned {
        /// The log.
        log: String,
        /// What is not there any more, in words.
        unseen: String,
    },
    /// Larger than the form can say.
    #[error("{name} has {size} bytes, more than the archive can hold; export a shorter period")]
    TooLarge {
        /// The file in the archive.
        name: String,
        /// Its size.
        size: u64,
    },
    /// The archive can't be written.
    #[error("the archive can't be written: {0}")]
    Output(#[source] std::io::Error),
}
