//! Archives, read: files are looked at where they lie, and nothing is ever unpacked.

mod in_memory;
mod read;

pub(crate) use auditarchive::{
    CERTIFICATE, CONTENTS, CSV, Contents, Exported, FORMAT, JSONL, LOGS, README, ROOT, VKEYS,
    readme,
};
pub use in_memory::{read_archive, write_archive};
pub(crate) use read::{Archive, Files};
