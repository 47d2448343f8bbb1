//! Archives: what was exported, in one file that is proven without its maker.
//!
//! | file | content |
//! |---|---|
//! | `README.txt` | what it is, and how to verify it with tools of others |
//! | `export.json` | [`Contents`] |
//! | `keys/checkpoint.vkey` | the keys that the exporter trusted, one a line |
//! | `keys/records-root.txt`, `keys/records-certificate-<n>.json` | where they were named: whose signature records have |
//! | `logs/<topic>/<complex>/…` | `checkpoint`, `tile/…`, `tile/entries/…`, `position/…` as the log has them |
//! | `logs/<topic>/<complex>/records.jsonl`, `records.csv` | the records, to be read |
//!
//! Nothing is ever unpacked: files are read where they lie.

mod in_memory;
mod read;
pub(crate) mod tar;
mod write;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use in_memory::{read_archive, write_archive};
pub(crate) use read::Archive;
pub(crate) use write::Writer;

/// The text for people.
pub(crate) const README: &str = "README.txt";
/// What the archive says of itself.
pub(crate) const CONTENTS: &str = "export.json";
/// The keys of checkpoints.
pub(crate) const VKEYS: &str = "keys/checkpoint.vkey";
/// The root of records' keys.
pub(crate) const ROOT: &str = "keys/records-root.txt";
/// What the names of certificates begin with.
pub(crate) const CERTIFICATE: &str = "keys/records-certificate-";
/// What the names of logs' files begin with.
pub(crate) const LOGS: &str = "logs/";
/// Records as JSON, one a line.
pub(crate) const JSONL: &str = "records.jsonl";
/// Records as CSV.
pub(crate) const CSV: &str = "records.csv";
/// The version of the form.
pub(crate) const FORMAT: &str = "smarthome-audit-archive/1";

/// What was exported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Contents {
    /// [`FORMAT`].
    pub(crate) format: String,
    /// Records of access logs from here on; none: from the beginning.
    pub(crate) from: Option<Timestamp>,
    /// And before this; none: to the end.
    pub(crate) until: Option<Timestamp>,
    /// By name.
    pub(crate) logs: Vec<Exported>,
}

/// Which part of a log was exported: whole bundles.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Exported {
    /// `<topic>/<complex>`.
    pub(crate) log: String,
    /// Leaves under its checkpoint.
    pub(crate) size: u64,
    /// The first bundle.
    pub(crate) first_bundle: u64,
    /// The first bundle after the last.
    pub(crate) end_bundle: u64,
}

impl Exported {
    /// Whether it is all of the log.
    pub(crate) fn is_whole(&self) -> bool {
        self.first_bundle == 0
            && self.end_bundle == self.size.div_ceil(auditlog::ENTRIES_PER_BUNDLE)
    }
}

impl Contents {
    /// Whether a record of this log and time was asked for. Of registries everything is.
    pub(crate) fn has(&self, log: &auditlog::LogId, at: Option<Timestamp>) -> bool {
        let timed = log.topic() == eventlog::Topic::AccessEvents.name();
        let Some(at) = at.filter(|_| timed) else {
            return true;
        };
        self.from.is_none_or(|from| at >= from) && self.until.is_none_or(|until| at < until)
    }

    /// As it stands in the archive.
    pub(crate) fn text(&self) -> String {
        let text = serde_json::to_string_pretty(self);
        text.unwrap_or_default() + "\n"
    }
}
