use crate::HeadError;

/// What can go wrong with a log. Texts name logs and objects, never what a record says.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A topic, complex, or origin base that can't be part of a log's name.
    #[error("the {part} can't name a log: {rule}")]
    Name {
        /// Which part was refused.
        part: &'static str,
        /// What is allowed.
        rule: &'static str,
    },
    /// A signing or verifying key that isn't in signed-note form, or isn't for this log.
    #[error("checkpoint key: {0}")]
    Key(&'static str),
    /// The signing key's file can't be read.
    #[error("the checkpoint key file can't be read; check its path and permissions")]
    KeyFile(#[source] std::io::Error),
    /// A storage URL of a kind that isn't supported.
    #[error("audit storage {url:?} isn't supported: use file:///<absolute path> or memory://")]
    Scheme {
        /// The scheme that was given, with what follows left out.
        url: String,
    },
    /// Options of an object store that can't be meant.
    #[error("audit storage: {0}")]
    Options(String),
    /// An object store that a log can't be kept on, or that doesn't let us in.
    #[error("the object store can't be used for the audit log: {why}")]
    Unfit {
        /// What is wrong with it, and what to change.
        why: &'static str,
        /// What it said, if it said anything.
        #[source]
        source: Option<object_store::Error>,
    },
    /// The folder can't be made or opened.
    #[error("the audit log's folder can't be opened; check that it exists and is writable")]
    Folder(#[source] std::io::Error),
    /// The object store failed; nothing was decided, try again by reopening the log.
    #[error("the audit log's object store failed")]
    Store(#[from] object_store::Error),
    /// The head store failed; the head may have moved or not, reopen the log to find out.
    #[error("the head store failed while {log} was in use")]
    Head {
        /// The log, as `<topic>/<complex>`.
        log: String,
        /// What the store said.
        #[source]
        source: HeadError,
    },
    /// Another writer moved the head: this writer must stop.
    #[error("the head of {log} was moved by another writer: stop one of them, then reopen")]
    Conflict {
        /// The log, as `<topic>/<complex>`.
        log: String,
    },
    /// What is stored contradicts itself or what is to be written. The log is halted.
    #[error(
        "{log}: {object} {detail}; this log is halted: leave its objects as they are and compare them with a copy, or with a rebuild from the event log"
    )]
    Mismatch {
        /// The log, as `<topic>/<complex>`.
        log: String,
        /// The object, relative to the log's prefix.
        object: String,
        /// What is wrong with it.
        detail: &'static str,
    },
    /// An object that a proof or an entry needs isn't there.
    #[error("{log}: {object} isn't there: it was lost or taken away")]
    Missing {
        /// The log, as `<topic>/<complex>`.
        log: String,
        /// The object, relative to the log's prefix.
        object: String,
    },
    /// Records that were taken away when they had expired, as the holder of the log's key says. Their
    /// hashes are still there.
    #[error("{log}: records {first} to {last} are pruned, expired")]
    Pruned {
        /// The log, as `<topic>/<complex>`.
        log: String,
        /// Index of the first of them.
        first: u64,
        /// Index of the last of them.
        last: u64,
    },
    /// The log has no checkpoint: nothing was ever written to it.
    #[error("{log} has no checkpoint yet")]
    NoCheckpoint {
        /// The log, as `<topic>/<complex>`.
        log: String,
    },
    /// A checkpoint that isn't a well-formed note of this log signed by the expected key.
    #[error("the checkpoint of {origin} can't be trusted: {detail}")]
    Untrusted {
        /// The origin that was expected.
        origin: String,
        /// Why.
        detail: &'static str,
    },
    /// Leaves must come with rising offsets, from the head's `next_offset` on.
    #[error("{log}: offset {got} can't be appended, the next one must be at least {least}")]
    Order {
        /// The log, as `<topic>/<complex>`.
        log: String,
        /// The least offset that would be accepted.
        least: u64,
        /// The offset that was given.
        got: u64,
    },
    /// An append without leaves, or more leaves than a log may hold.
    #[error("{log}: an append needs at least one leaf and room below {max} leaves")]
    Amount {
        /// The log, as `<topic>/<complex>`.
        log: String,
        /// The most leaves that a log may hold.
        max: u64,
    },
    /// An earlier append failed or was dropped half-way; the writer must be opened again.
    #[error("{log}: an earlier append didn't finish, open the log again")]
    Closed {
        /// The log, as `<topic>/<complex>`.
        log: String,
    },
    /// An index or size outside the tree.
    #[error("{what} {value} is outside a tree of {size} leaves")]
    OutOfRange {
        /// What was asked for.
        what: &'static str,
        /// The value that was given.
        value: u64,
        /// The size of the tree.
        size: u64,
    },
    /// A proof that doesn't lead to the given root.
    #[error("the proof doesn't lead to the given root")]
    InvalidProof,
}
