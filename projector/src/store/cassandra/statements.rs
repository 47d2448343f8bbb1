//! The statements of those who read, prepared once.

use scylla::client::session::Session;
use scylla::statement::Consistency;
use scylla::statement::prepared::PreparedStatement;

use super::super::{StoreError, Table};
use super::error;

/// Entries that a search looks at in one go.
const PAGE: i32 = 256;

/// What reads: all that the role `projector_serve` may do.
pub(super) struct Reads {
    pub(super) version: PreparedStatement,
    pub(super) access: PreparedStatement,
    pub(super) access_by_time: PreparedStatement,
    pub(super) access_buckets: PreparedStatement,
    pub(super) access_by_event: PreparedStatement,
    pub(super) claims: PreparedStatement,
    pub(super) completions: PreparedStatement,
    pub(super) observations: PreparedStatement,
    pub(super) digest: PreparedStatement,
    pub(super) digests: PreparedStatement,
    pub(super) alarms: PreparedStatement,
    pub(super) alarm_buckets: PreparedStatement,
    pub(super) reads: PreparedStatement,
    pub(super) read_buckets: PreparedStatement,
    pub(super) hours: PreparedStatement,
    pub(super) history: PreparedStatement,
    pub(super) history_buckets: PreparedStatement,
    pub(super) device: PreparedStatement,
    pub(super) devices: PreparedStatement,
    pub(super) progress: PreparedStatement,
    pub(super) sequences: PreparedStatement,
    pub(super) sequence_buckets: PreparedStatement,
    pub(super) sequence_buckets_of: PreparedStatement,
    pub(super) scans: Scans,
}

/// Whole tables.
pub(super) struct Scans {
    access: PreparedStatement,
    claims: PreparedStatement,
    completions: PreparedStatement,
    observations: PreparedStatement,
    alarms: PreparedStatement,
    hours: PreparedStatement,
    reads: PreparedStatement,
    statuses: PreparedStatement,
    digests: PreparedStatement,
    devices: PreparedStatement,
    leaves: PreparedStatement,
    unreadable: PreparedStatement,
    sequences: PreparedStatement,
}

impl Reads {
    pub(super) async fn prepare(session: &Session) -> Result<Self, StoreError> {
        let prepare = |cql| prepare(session, cql);
        Ok(Self {
            version: prepare("SELECT version FROM schema_version WHERE name = 'views'").await?,
            access: prepare("SELECT access FROM access WHERE complex = ? AND identity = ?").await?,
            access_by_time: paged(
                session,
                "SELECT off, identity, subject, device FROM access_by_time
                 WHERE complex = ? AND scope = ? AND bucket = ?
                   AND (time, off) >= (?, ?) AND (time, off) < (?, ?)",
            )
            .await?,
            access_buckets: prepare(
                "SELECT bucket FROM access_buckets
                 WHERE complex = ? AND scope = ? AND bucket >= ? AND bucket <= ?",
            )
            .await?,
            access_by_event: prepare(
                "SELECT off, identity FROM access_by_event WHERE complex = ? AND event = ?",
            )
            .await?,
            claims: prepare(
                "SELECT complex, command, off, event, verdict, late, device, leaf FROM claims
                 WHERE complex = ? AND command = ?",
            )
            .await?,
            completions: prepare(
                "SELECT complex, command, off, event, outcome, at, leaf FROM completions
                 WHERE complex = ? AND command = ?",
            )
            .await?,
            observations: prepare(
                "SELECT complex, command, off, part, event, leaf, device, observation, occurred_at
                 FROM observations WHERE complex = ? AND command = ?",
            )
            .await?,
            digest: prepare(
                "SELECT off FROM digests
                 WHERE complex = ? AND partner = ? AND partner_event = ? AND digest = ?",
            )
            .await?,
            digests: prepare(
                "SELECT digest, off FROM digests
                 WHERE complex = ? AND partner = ? AND partner_event = ? LIMIT 2",
            )
            .await?,
            alarms: paged(
                session,
                "SELECT complex, kind, device, occurred_at, off, alarm FROM alarms
                 WHERE complex = ? AND bucket = ?
                   AND (time, off) >= (?, ?) AND (time, off) < (?, ?)",
            )
            .await?,
            alarm_buckets: prepare(
                "SELECT bucket FROM alarm_buckets
                 WHERE complex = ? AND bucket >= ? AND bucket <= ?",
            )
            .await?,
            reads: paged(
                session,
                "SELECT complex, scope, occurred_at, off, read FROM reads
                 WHERE complex = ? AND scope = ? AND bucket = ?
                   AND (time, off) >= (?, ?) AND (time, off) < (?, ?)",
            )
            .await?,
            hours: prepare(
                "SELECT hour, device, result FROM hours
                 WHERE complex = ? AND day = ? AND hour >= ? AND hour < ?",
            )
            .await?,
            read_buckets: prepare(
                "SELECT bucket FROM read_buckets
                 WHERE complex = ? AND scope = ? AND bucket >= ? AND bucket <= ?",
            )
            .await?,
            history: paged(
                session,
                "SELECT device, epoch, sequence, observed_at, off, status FROM statuses
                 WHERE device = ? AND bucket = ?
                   AND (time, place) >= (?, ?) AND (time, place) < (?, ?)",
            )
            .await?,
            history_buckets: prepare(
                "SELECT bucket FROM status_buckets
                 WHERE device = ? AND bucket >= ? AND bucket <= ?",
            )
            .await?,
            device: prepare(
                "SELECT device, epoch, sequence, observed_at, off, status FROM device_states
                 WHERE device = ? LIMIT 1",
            )
            .await?,
            devices: prepare("SELECT device FROM devices_by_complex WHERE complex = ?").await?,
            progress: prepare("SELECT next FROM progress WHERE topic = ? AND part = ?").await?,
            sequences: prepare(
                "SELECT device, partner, epoch, sequence, rejected, happened, off FROM sequences
                 WHERE device = ? AND partner = ? AND epoch = ? AND bucket = ?",
            )
            .await?,
            sequence_buckets: prepare(
                "SELECT device, partner, epoch, bucket FROM sequence_buckets WHERE complex = ?",
            )
            .await?,
            sequence_buckets_of: prepare(
                "SELECT device, partner, epoch, bucket FROM sequence_buckets
                 WHERE complex = ? AND device = ?",
            )
            .await?,
            scans: Scans::prepare(session).await?,
        })
    }
}

impl Scans {
    async fn prepare(session: &Session) -> Result<Self, StoreError> {
        let prepare = |cql| prepare(session, cql);
        Ok(Self {
            access: prepare("SELECT complex, identity, access FROM access").await?,
            claims: prepare(
                "SELECT complex, command, off, event, verdict, late, device, leaf FROM claims",
            )
            .await?,
            completions: prepare(
                "SELECT complex, command, off, event, outcome, at, leaf FROM completions",
            )
            .await?,
            observations: prepare(
                "SELECT complex, command, off, part, event, leaf, device, observation, occurred_at
                 FROM observations",
            )
            .await?,
            alarms: prepare("SELECT complex, kind, device, occurred_at, off, alarm FROM alarms")
                .await?,
            reads: prepare("SELECT complex, scope, occurred_at, off, read FROM reads").await?,
            hours: prepare("SELECT complex, hour, identity, off, device, result FROM hours")
                .await?,
            statuses: prepare(
                "SELECT device, epoch, sequence, observed_at, off, status FROM statuses",
            )
            .await?,
            digests: prepare(
                "SELECT complex, partner, partner_event, digest, off, event FROM digests",
            )
            .await?,
            devices: prepare(
                "SELECT device, epoch, sequence, observed_at, off, status FROM device_states
                 PER PARTITION LIMIT 1",
            )
            .await?,
            leaves: prepare("SELECT topic, complex, off, leaf FROM leaves").await?,
            unreadable: prepare(
                "SELECT topic, part, off, complex, reason, append_time FROM unreadable",
            )
            .await?,
            sequences: prepare(
                "SELECT device, partner, epoch, sequence, rejected, happened, off FROM sequences",
            )
            .await?,
        })
    }

    pub(super) fn of(&self, table: Table) -> (&'static str, &PreparedStatement) {
        match table {
            Table::Access => ("access", &self.access),
            Table::Claims => ("claims", &self.claims),
            Table::Completions => ("completions", &self.completions),
            Table::Digests => ("digests", &self.digests),
            Table::Observations => ("observations", &self.observations),
            Table::Alarms => ("alarms", &self.alarms),
            Table::Statuses => ("statuses", &self.statuses),
            Table::Devices => ("device_states", &self.devices),
            Table::Leaves => ("leaves", &self.leaves),
            Table::Unreadable => ("unreadable", &self.unreadable),
            Table::Sequences => ("sequences", &self.sequences),
            Table::Reads => ("reads", &self.reads),
            Table::Hours => ("hours", &self.hours),
        }
    }
}

/// What may be repeated, as everything here may that isn't conditional.
pub(super) async fn prepare(session: &Session, cql: &str) -> Result<PreparedStatement, StoreError> {
    let mut statement = session.prepare(cql).await.map_err(error::preparing)?;
    statement.set_is_idempotent(true);
    Ok(statement)
}

/// What is read until enough is found.
async fn paged(session: &Session, cql: &str) -> Result<PreparedStatement, StoreError> {
    let mut statement = prepare(session, cql).await?;
    statement.set_page_size(PAGE);
    Ok(statement)
}

/// What the driver must not repeat by itself: the second attempt would see the first.
pub(super) async fn conditional(
    session: &Session,
    cql: &str,
) -> Result<PreparedStatement, StoreError> {
    let mut statement = prepare(session, cql).await?;
    statement.set_is_idempotent(false);
    Ok(statement)
}

/// A read that first ends any compare-and-set under way.
pub(super) async fn serial(session: &Session, cql: &str) -> Result<PreparedStatement, StoreError> {
    let mut statement = prepare(session, cql).await?;
    statement.set_consistency(Consistency::LocalSerial);
    Ok(statement)
}
