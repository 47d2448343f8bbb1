//! The statements of those who write, prepared once.

use scylla::client::session::Session;
use scylla::statement::prepared::PreparedStatement;

use super::super::StoreError;
use super::statements::{conditional, prepare, serial};

/// What writes, and what only those who write read.
pub(super) struct Writes {
    pub(super) access: PreparedStatement,
    pub(super) access_by_time: PreparedStatement,
    pub(super) access_bucket: PreparedStatement,
    pub(super) access_by_event: PreparedStatement,
    pub(super) claim: PreparedStatement,
    pub(super) completion: PreparedStatement,
    pub(super) observation: PreparedStatement,
    pub(super) alarm: PreparedStatement,
    pub(super) alarm_bucket: PreparedStatement,
    pub(super) read: PreparedStatement,
    pub(super) hour: PreparedStatement,
    pub(super) read_bucket: PreparedStatement,
    pub(super) digest: PreparedStatement,
    pub(super) device_state: PreparedStatement,
    pub(super) older_states: PreparedStatement,
    pub(super) device: PreparedStatement,
    pub(super) status: PreparedStatement,
    pub(super) status_bucket: PreparedStatement,
    pub(super) leaf: PreparedStatement,
    pub(super) leaf_bucket: PreparedStatement,
    pub(super) unreadable: PreparedStatement,
    pub(super) progress: PreparedStatement,
    pub(super) sequence: PreparedStatement,
    pub(super) sequence_bucket: PreparedStatement,
    pub(super) leaf_buckets_before: PreparedStatement,
    pub(super) leaf_before: PreparedStatement,
}

/// Heads of logs: compare-and-set, read so that one under way is waited for.
pub(super) struct Heads {
    pub(super) load: PreparedStatement,
    pub(super) begin: PreparedStatement,
    pub(super) advance: PreparedStatement,
}

/// Halts, likewise.
pub(super) struct Halts {
    pub(super) load: PreparedStatement,
    pub(super) begin: PreparedStatement,
    pub(super) lower: PreparedStatement,
    pub(super) end: PreparedStatement,
}

impl Writes {
    /// Timestamps are made from the offsets of the records: so a late write of the same loses or changes
    /// nothing, and a deletion of what was pruned wins over it and over nothing that comes yet. 1 has what is
    /// never pruned and the same whenever it is written, and the deletion of device states, which at equal
    /// timestamps wins over a write and so holds however late an old state is written again.
    pub(super) async fn prepare(session: &Session) -> Result<Self, StoreError> {
        let prepare = |cql| prepare(session, cql);
        Ok(Self {
            access: prepare(
                "INSERT INTO access (complex, identity, access) VALUES (?, ?, ?)
                 USING TIMESTAMP ?",
            )
            .await?,
            access_by_time: prepare(
                "INSERT INTO access_by_time (complex, scope, bucket, time, off, identity, subject,
                   device)
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?) USING TIMESTAMP ?",
            )
            .await?,
            access_bucket: prepare(
                "INSERT INTO access_buckets (complex, scope, bucket) VALUES (?, ?, ?)
                 USING TIMESTAMP ?",
            )
            .await?,
            access_by_event: prepare(
                "INSERT INTO access_by_event (complex, event, off, identity) VALUES (?, ?, ?, ?)
                 USING TIMESTAMP ?",
            )
            .await?,
            claim: prepare(
                "INSERT INTO claims (complex, command, off, event, verdict, late, device, leaf)
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?) USING TIMESTAMP ?",
            )
            .await?,
            completion: prepare(
                "INSERT INTO completions (complex, command, off, event, outcome, at, leaf)
                 VALUES (?, ?, ?, ?, ?, ?, ?) USING TIMESTAMP ?",
            )
            .await?,
            observation: prepare(
                "INSERT INTO observations (complex, command, off, part, event, leaf, device,
                   observation, occurred_at)
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) USING TIMESTAMP ?",
            )
            .await?,
            alarm: prepare(
                "INSERT INTO alarms (complex, bucket, time, off, kind, device, occurred_at, alarm)
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?) USING TIMESTAMP ?",
            )
            .await?,
            alarm_bucket: prepare(
                "INSERT INTO alarm_buckets (complex, bucket) VALUES (?, ?) USING TIMESTAMP ?",
            )
            .await?,
            read: prepare(
                "INSERT INTO reads (complex, scope, bucket, time, off, occurred_at, read)
                 VALUES (?, ?, ?, ?, ?, ?, ?) USING TIMESTAMP ?",
            )
            .await?,
            hour: prepare(
                "INSERT INTO hours (complex, day, hour, identity, off, device, result)
                 VALUES (?, ?, ?, ?, ?, ?, ?) USING TIMESTAMP ?",
            )
            .await?,
            read_bucket: prepare(
                "INSERT INTO read_buckets (complex, scope, bucket) VALUES (?, ?, ?)
                 USING TIMESTAMP ?",
            )
            .await?,
            digest: prepare(
                "INSERT INTO digests (complex, partner, partner_event, digest, off, event)
                 VALUES (?, ?, ?, ?, ?, ?) USING TIMESTAMP ?",
            )
            .await?,
            device_state: prepare(
                "INSERT INTO device_states (device, rank, epoch, sequence, observed_at, off,
                   status)
                 VALUES (?, ?, ?, ?, ?, ?, ?) USING TIMESTAMP 1",
            )
            .await?,
            older_states: prepare(
                "DELETE FROM device_states USING TIMESTAMP 1 WHERE device = ? AND rank < ?",
            )
            .await?,
            device: prepare(
                "INSERT INTO devices_by_complex (complex, device) VALUES (?, ?)
                 USING TIMESTAMP 1",
            )
            .await?,
            status: prepare(
                "INSERT INTO statuses (device, bucket, time, place, epoch, sequence, observed_at,
                   off, status)
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) USING TIMESTAMP ?",
            )
            .await?,
            status_bucket: prepare(
                "INSERT INTO status_buckets (device, bucket) VALUES (?, ?) USING TIMESTAMP 1",
            )
            .await?,
            leaf: prepare(
                "INSERT INTO leaves (topic, complex, bucket, off, leaf) VALUES (?, ?, ?, ?, ?)
                 USING TIMESTAMP ?",
            )
            .await?,
            leaf_bucket: prepare(
                "INSERT INTO leaf_buckets (topic, complex, bucket) VALUES (?, ?, ?)
                 USING TIMESTAMP ?",
            )
            .await?,
            unreadable: prepare(
                "INSERT INTO unreadable (topic, part, bucket, off, complex, reason, append_time)
                 VALUES (?, ?, ?, ?, ?, ?, ?) USING TIMESTAMP ?",
            )
            .await?,
            progress: prepare(
                "INSERT INTO progress (topic, part, next) VALUES (?, ?, ?) USING TIMESTAMP ?",
            )
            .await?,
            sequence: prepare(
                "INSERT INTO sequences
                   (device, partner, epoch, bucket, sequence, rejected, happened, off)
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?) USING TIMESTAMP ?",
            )
            .await?,
            sequence_bucket: prepare(
                "INSERT INTO sequence_buckets (complex, device, partner, epoch, bucket)
                 VALUES (?, ?, ?, ?, ?) USING TIMESTAMP ?",
            )
            .await?,
            leaf_buckets_before: prepare(
                "SELECT bucket FROM leaf_buckets
                 WHERE topic = ? AND complex = ? AND bucket <= ?",
            )
            .await?,
            leaf_before: prepare(
                "SELECT off, leaf FROM leaves
                 WHERE topic = ? AND complex = ? AND bucket = ? AND off < ? LIMIT 1",
            )
            .await?,
        })
    }
}

impl Heads {
    pub(super) async fn prepare(session: &Session) -> Result<Self, StoreError> {
        Ok(Self {
            load: serial(
                session,
                "SELECT size, root, first, next FROM heads WHERE topic = ? AND complex = ?",
            )
            .await?,
            begin: conditional(
                session,
                "INSERT INTO heads (topic, complex, size, root, first, next)
                 VALUES (?, ?, ?, ?, ?, ?) IF NOT EXISTS",
            )
            .await?,
            advance: conditional(
                session,
                "UPDATE heads SET size = ?, root = ?, first = ?, next = ?
                 WHERE topic = ? AND complex = ?
                 IF size = ? AND root = ? AND first = ? AND next = ?",
            )
            .await?,
        })
    }
}

impl Halts {
    pub(super) async fn prepare(session: &Session) -> Result<Self, StoreError> {
        Ok(Self {
            load: serial(
                session,
                "SELECT complex, part, off, detail FROM halts WHERE topic = ?",
            )
            .await?,
            begin: conditional(
                session,
                "INSERT INTO halts (topic, complex, part, off, detail) VALUES (?, ?, ?, ?, ?)
                 IF NOT EXISTS",
            )
            .await?,
            lower: conditional(
                session,
                "UPDATE halts SET off = ?, detail = ? WHERE topic = ? AND complex = ? IF off = ?",
            )
            .await?,
            end: conditional(
                session,
                "DELETE FROM halts WHERE topic = ? AND complex = ? IF EXISTS",
            )
            .await?,
        })
    }
}
