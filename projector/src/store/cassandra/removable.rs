//! The tables that have rows of records which may be pruned: how they are gone through and what is deleted
//! of them.

use eventlog::Topic;

/// How the rows of a table are kept, and so with which timestamps they were written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kept {
    /// Each at its offset: that of a later one is greater.
    Last,
    /// Of one thing the row of the least offset: that of a later one is less.
    First,
    /// As [`First`](Self::First); numbers of a device, which says the complex.
    Number,
}

/// A table.
pub(super) struct Table {
    pub(super) name: &'static str,
    /// Columns of the partition's key.
    pub(super) partition: &'static [&'static str],
    /// Columns behind it that make up a row's key.
    pub(super) clustering: &'static [&'static str],
    /// What gives a row's offset.
    offset: &'static str,
    /// What says of which log it is: the complex, or the device; where there is no topic, topic, complex
    /// and partition.
    says: &'static [&'static str],
    /// The topic of its records, where that is always the same.
    pub(super) topic: Option<Topic>,
    pub(super) kept: Kept,
    /// The table that says which partitions there are, and its key.
    buckets: Option<(&'static str, &'static [&'static str])>,
}

const ACCESSES: Option<Topic> = Some(Topic::AccessEvents);
const COMMAND: &[&str] = &["complex", "command"];
const SCOPE: &[&str] = &["complex", "scope", "bucket"];
const DAY: &[&str] = &["complex", "bucket"];
const SPAN: &[&str] = &["topic", "complex", "bucket"];

/// A table of rows that stand each at its offset, of a command.
const fn of_command(name: &'static str) -> Table {
    Table {
        name,
        partition: COMMAND,
        clustering: &["off"],
        offset: "off",
        says: &["complex"],
        topic: ACCESSES,
        kept: Kept::Last,
        buckets: None,
    }
}

/// Every one.
pub(super) const TABLES: [Table; 13] = [
    Table {
        name: "access_by_time",
        partition: SCOPE,
        clustering: &["time", "off"],
        offset: "off",
        says: &["complex"],
        topic: ACCESSES,
        kept: Kept::Last,
        buckets: Some(("access_buckets", SCOPE)),
    },
    Table {
        name: "access_by_event",
        partition: &["complex", "event"],
        ..of_command("")
    },
    Table {
        name: "access",
        partition: &["complex", "identity"],
        clustering: &[],
        offset: "access.off",
        kept: Kept::First,
        ..of_command("")
    },
    of_command("claims"),
    of_command("completions"),
    of_command("observations"),
    Table {
        name: "digests",
        partition: &["complex", "partner", "partner_event"],
        clustering: &["digest"],
        kept: Kept::First,
        ..of_command("")
    },
    Table {
        name: "alarms",
        partition: DAY,
        clustering: &["time", "off"],
        buckets: Some(("alarm_buckets", DAY)),
        ..of_command("")
    },
    Table {
        name: "hours",
        partition: &["complex", "day"],
        clustering: &["hour", "identity"],
        kept: Kept::First,
        ..of_command("")
    },
    Table {
        name: "sequences",
        partition: &["device", "partner", "epoch", "bucket"],
        clustering: &["sequence", "rejected", "happened"],
        says: &["device"],
        kept: Kept::Number,
        buckets: Some((
            "sequence_buckets",
            &["complex", "device", "partner", "epoch", "bucket"],
        )),
        ..of_command("")
    },
    Table {
        name: "reads",
        partition: SCOPE,
        clustering: &["time", "off"],
        topic: Some(Topic::AuditReads),
        buckets: Some(("read_buckets", SCOPE)),
        ..of_command("")
    },
    Table {
        name: "unreadable",
        partition: &["topic", "part", "bucket"],
        says: &["topic", "complex", "part"],
        topic: None,
        ..of_command("")
    },
    Table {
        name: "leaves",
        partition: SPAN,
        says: &["topic", "complex"],
        topic: None,
        buckets: Some(("leaf_buckets", SPAN)),
        ..of_command("")
    },
];

impl Table {
    /// All keys, with what says whose they are.
    pub(super) fn scan(&self) -> String {
        let columns = [self.partition, self.clustering, &[self.offset], self.says];
        format!("SELECT {} FROM {}", columns.concat().join(", "), self.name)
    }

    /// Deletes a row: timestamp and key.
    pub(super) fn row_deletion(&self) -> String {
        deletion(self.name, &[self.partition, self.clustering].concat())
    }

    /// Deletes a partition: timestamp and key.
    pub(super) fn partition_deletion(&self) -> String {
        deletion(self.name, self.partition)
    }

    /// Deletes what says that there is a partition: timestamp and key.
    pub(super) fn bucket_deletion(&self) -> Option<String> {
        self.buckets.map(|(name, key)| deletion(name, key))
    }
}

fn deletion(table: &str, key: &[&str]) -> String {
    let key = key.join(" = ? AND ");
    format!("DELETE FROM {table} USING TIMESTAMP ? WHERE {key} = ?")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_name_the_whole_key() {
        let [by_time, ..] = TABLES;
        assert_eq!(
            by_time.scan(),
            "SELECT complex, scope, bucket, time, off, off, complex FROM access_by_time"
        );
        assert_eq!(
            by_time.row_deletion(),
            "DELETE FROM access_by_time USING TIMESTAMP ? WHERE complex = ? AND scope = ? AND bucket = ? \
             AND time = ? AND off = ?"
        );
        assert_eq!(
            by_time.partition_deletion(),
            "DELETE FROM access_by_time USING TIMESTAMP ? WHERE complex = ? AND scope = ? AND bucket = ?"
        );
    }
}
