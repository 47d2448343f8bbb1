//! Where records stand: one table, kinds, keys.

/// One table for everything: the place of a record is hidden, its value sealed.
pub(super) const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS record (
    kind    TEXT    NOT NULL,
    part    BLOB    NOT NULL,
    key     BLOB    NOT NULL,
    due     INTEGER,
    version INTEGER NOT NULL,
    value   BLOB    NOT NULL,
    PRIMARY KEY (kind, part, key)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS record_due ON record (kind, due) WHERE due IS NOT NULL;
CREATE INDEX IF NOT EXISTS record_version ON record (version);
";

macro_rules! tables {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// The kinds of record.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Table { $($(#[$doc])* $name,)* }

        impl Table {
            pub(super) fn name(self) -> &'static str {
                match self { $(Table::$name => $text,)* }
            }
        }
    };
}

tables! {
    /// Commands and what became of them.
    Commands = "commands",
    /// Credentials, by complex.
    Credentials = "credentials",
    /// Token keys, by complex.
    TokenKeys = "token_keys",
    /// Access tokens, by their hash.
    AccessTokens = "access_tokens",
    /// Events, by complex, in order.
    Events = "events",
    /// Where each complex's events begin and end.
    EventMarks = "event_marks",
    /// Messages that wait to be delivered.
    Outbox = "outbox",
    /// Messages that were delivered or given up.
    Deliveries = "deliveries",
    /// Statuses and counters of devices, by complex.
    Devices = "devices",
    /// Key pairs of the partner's own.
    KeyPairs = "key_pairs",
}

/// A record's key within its part, as it stands in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Key(Vec<u8>);

impl Key {
    /// A key that keeps its order and is readable in the file: for positions and message ids.
    pub(crate) fn plain(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }

    /// The bytes as they stand in the file.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}
