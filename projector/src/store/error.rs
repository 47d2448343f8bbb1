//! Why a store doesn't answer.

/// Why a store didn't answer. Texts never repeat what rows hold.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A URL that no adapter takes.
    #[error(
        "the view store's URL is not supported: use sqlite:///absolute/path, or in a build with \
         the feature `cassandra` cassandra://host,host:port/keyspace"
    )]
    Url,
    /// Something about the store, or about how this process shows itself to it, has to be
    /// changed: certificate, role, tables. The text says what.
    #[error("the view store can't be used: {0}")]
    Refused(String),
    /// The store was made by another version of this program.
    #[error(
        "the view store has schema version {found}, this program needs {needed}: `projector rebuild --swap` builds a new one from the log"
    )]
    Schema {
        /// What the store has.
        found: i64,
        /// What this program reads and writes.
        needed: i64,
    },
    /// Another generation of the views serves, or another rebuild has begun: what is written here
    /// doesn't count any more.
    #[error("another generation of the views has taken over")]
    Superseded,
    /// A row that this program didn't write.
    #[error(
        "table {table} of the view store has a row that can't be read: `projector rebuild --swap` builds a new one from the log"
    )]
    Corrupt {
        /// The table.
        table: &'static str,
    },
    /// The store can't be reached or has failed; the same call may be repeated.
    #[error("the view store is unavailable")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}
