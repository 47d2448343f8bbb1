//! Rows of the file as rows of the views.

use std::str::FromStr;

use domain::event::DeviceSequence;
use domain::id::DeviceId;
use domain::vocabulary::{Automation, Observation, Outcome, Verdict};
use eventlog::{Position, Topic};
use proto::access::AlarmKind;
use rusqlite::Row;
use rusqlite::types::FromSql;

use super::super::{StoreError, names};
use super::sequences::Epoch;
use crate::views::{
    AccessIdentity, AccessRow, AlarmRow, ClaimRow, CompletionRow, DeviceRow, DigestRow, HourCount,
    HourRow, LeafRow, ObservationRow, ReadRow, ReadScope, SequenceRow, UnreadableRow,
};

type Decoded<T> = Result<T, StoreError>;

/// The columns that [`access`] reads, in order.
pub(super) const ACCESS: &str =
    "complex, identity, off, event, occurred_at, subject, device, automation, command, record";
/// The columns that [`claim`] reads.
pub(super) const CLAIM: &str = "complex, command, off, event, verdict, late, device, leaf";
/// The columns that [`completion`] reads.
pub(super) const COMPLETION: &str = "complex, command, off, event, outcome, at, leaf";
/// The columns that [`digest`] reads.
pub(super) const DIGEST: &str = "complex, partner, partner_event, digest, off, event";
/// The columns that [`observation`] reads.
pub(super) const OBSERVATION: &str =
    "complex, command, off, part, event, leaf, device, observation, occurred_at";
/// The columns that [`alarm`] reads.
pub(super) const ALARM: &str = "complex, kind, device, occurred_at, off, alarm";
/// The columns that [`device`] reads.
pub(super) const DEVICE: &str = "device, epoch, sequence, observed_at, off, status";
/// The columns that [`leaf`] reads.
pub(super) const LEAF: &str = "topic, complex, off, leaf";
/// The columns that [`unreadable`] reads.
pub(super) const UNREADABLE: &str = "topic, part, off, complex, reason, append_time";
/// The columns that [`sequence`] reads.
pub(super) const SEQUENCE: &str = "device, partner, epoch, sequence, rejected, happened, off";

/// The columns that [`read`] reads.
pub(super) const READ: &str = "complex, scope, occurred_at, off, read";

/// The columns that [`hour`] reads.
pub(super) const HOUR: &str = "complex, hour, identity, off, device, result";

/// One row of a table, whose columns don't have to be right.
struct Columns<'a, 'b> {
    table: &'static str,
    row: &'a Row<'b>,
}

impl Columns<'_, '_> {
    fn corrupt(&self) -> StoreError {
        StoreError::Corrupt { table: self.table }
    }

    fn get<T: FromSql>(&self, column: usize) -> Decoded<T> {
        self.row.get(column).map_err(|_| self.corrupt())
    }

    /// A device, where one is named.
    fn named(&self, column: usize) -> Decoded<Option<DeviceId>> {
        match self.get::<String>(column)?.as_str() {
            "" => Ok(None),
            text => text.parse().map(Some).map_err(|_| self.corrupt()),
        }
    }

    fn parse<T: FromStr>(&self, column: usize) -> Decoded<T> {
        self.get::<String>(column)?
            .parse()
            .map_err(|_| self.corrupt())
    }

    fn parse_some<T: FromStr>(&self, column: usize) -> Decoded<Option<T>> {
        self.get::<Option<String>>(column)?
            .map(|text| text.parse().map_err(|_| self.corrupt()))
            .transpose()
    }

    fn word<T>(&self, column: usize, from: fn(i32) -> Option<T>) -> Decoded<T> {
        from(self.get(column)?).ok_or_else(|| self.corrupt())
    }

    fn message<T: prost::Message + Default>(&self, column: usize) -> Decoded<T> {
        T::decode(self.get::<Vec<u8>>(column)?.as_slice()).map_err(|_| self.corrupt())
    }
}

pub(super) fn access(row: &Row<'_>) -> Decoded<AccessRow> {
    let columns = Columns {
        table: "access",
        row,
    };
    let automation: Option<i32> = columns.get(7)?;
    Ok(AccessRow {
        complex: columns.parse(0)?,
        identity: AccessIdentity::from_stored(columns.get(1)?),
        offset: columns.get(2)?,
        event: columns.parse(3)?,
        occurred_at: columns.parse(4)?,
        subject: columns.parse_some(5)?,
        device: columns.parse_some(6)?,
        automation: automation.and_then(Automation::from_number),
        command: columns.parse_some(8)?,
        record: columns.message(9)?,
    })
}

pub(super) fn claim(row: &Row<'_>) -> Decoded<ClaimRow> {
    let columns = Columns {
        table: "claims",
        row,
    };
    Ok(ClaimRow {
        complex: columns.parse(0)?,
        command: columns.parse(1)?,
        offset: columns.get(2)?,
        event: columns.parse(3)?,
        verdict: columns.word(4, Verdict::from_number)?,
        late: columns.get(5)?,
        device: columns.parse(6)?,
        leaf: columns.get(7)?,
    })
}

pub(super) fn completion(row: &Row<'_>) -> Decoded<CompletionRow> {
    let columns = Columns {
        table: "completions",
        row,
    };
    Ok(CompletionRow {
        complex: columns.parse(0)?,
        command: columns.parse(1)?,
        offset: columns.get(2)?,
        event: columns.parse(3)?,
        outcome: columns.word(4, Outcome::from_number)?,
        at: columns.parse(5)?,
        leaf: columns.get(6)?,
    })
}

pub(super) fn observation(row: &Row<'_>) -> Decoded<ObservationRow> {
    let columns = Columns {
        table: "observations",
        row,
    };
    Ok(ObservationRow {
        complex: columns.parse(0)?,
        command: columns.parse(1)?,
        position: Position {
            partition: columns.get(3)?,
            offset: columns.get(2)?,
        },
        event: columns.parse(4)?,
        leaf: columns.get(5)?,
        device: columns.parse(6)?,
        observation: columns.word(7, Observation::from_number)?,
        occurred_at: columns.parse(8)?,
    })
}

pub(super) fn alarm(row: &Row<'_>) -> Decoded<AlarmRow> {
    let columns = Columns {
        table: "alarms",
        row,
    };
    Ok(AlarmRow {
        complex: columns.parse(0)?,
        kind: columns.word(1, |number| AlarmKind::try_from(number).ok())?,
        device: columns.parse(2)?,
        occurred_at: columns.parse(3)?,
        offset: columns.get(4)?,
        alarm: columns.message(5)?,
    })
}

pub(super) fn read(row: &Row<'_>) -> Decoded<ReadRow> {
    let columns = Columns {
        table: "reads",
        row,
    };
    let scope = ReadScope::from_stored(&columns.get::<String>(1)?);
    Ok(ReadRow {
        complex: columns.parse(0)?,
        scope: scope.ok_or_else(|| columns.corrupt())?,
        occurred_at: columns.parse(2)?,
        offset: columns.get(3)?,
        read: columns.message(4)?,
    })
}

pub(super) fn hour(row: &Row<'_>) -> Decoded<HourRow> {
    let columns = Columns {
        table: "hours",
        row,
    };
    Ok(HourRow {
        complex: columns.parse(0)?,
        hour: columns.get(1)?,
        identity: columns.get(2)?,
        offset: columns.get(3)?,
        device: columns.named(4)?,
        result: columns.message(5)?,
    })
}

pub(super) fn hour_count(row: &Row<'_>) -> Decoded<HourCount> {
    let columns = Columns {
        table: "hours",
        row,
    };
    Ok(HourCount {
        hour: columns.get(0)?,
        device: columns.named(1)?,
        result: columns.message(2)?,
        count: columns.get(3)?,
    })
}

pub(super) fn digest(row: &Row<'_>) -> Decoded<DigestRow> {
    let columns = Columns {
        table: "digests",
        row,
    };
    Ok(DigestRow {
        complex: columns.parse(0)?,
        partner: columns.parse(1)?,
        partner_event: columns.get(2)?,
        digest: columns.get(3)?,
        offset: columns.get(4)?,
        event: columns.parse(5)?,
    })
}

pub(super) fn device(row: &Row<'_>) -> Decoded<DeviceRow> {
    let columns = Columns {
        table: "devices",
        row,
    };
    Ok(DeviceRow {
        device: columns.parse(0)?,
        sequence: DeviceSequence {
            epoch: u64::from_be_bytes(columns.get(1)?),
            sequence: u64::from_be_bytes(columns.get(2)?),
        },
        observed_at: columns.parse(3)?,
        offset: columns.get(4)?,
        status: columns.message(5)?,
    })
}

pub(super) fn leaf(row: &Row<'_>) -> Decoded<LeafRow> {
    let columns = Columns {
        table: "leaves",
        row,
    };
    let (topic, complex): (String, String) = (columns.get(0)?, columns.get(1)?);
    Ok(LeafRow {
        log: names::log("leaves", &topic, &complex)?,
        offset: columns.get(2)?,
        index: columns.get(3)?,
    })
}

pub(super) fn unreadable(row: &Row<'_>) -> Decoded<UnreadableRow> {
    let columns = Columns {
        table: "unreadable",
        row,
    };
    Ok(UnreadableRow {
        topic: columns.parse::<Topic>(0)?,
        position: Position {
            partition: columns.get(1)?,
            offset: columns.get(2)?,
        },
        complex: columns.parse_some(3)?,
        reason: columns.get(4)?,
        append_time: columns.parse(5)?,
    })
}

pub(super) fn sequence(row: &Row<'_>) -> Decoded<SequenceRow> {
    let columns = Columns {
        table: "sequences",
        row,
    };
    Ok(SequenceRow {
        device: columns.parse(0)?,
        partner: columns.parse(1)?,
        sequence: DeviceSequence {
            epoch: u64::from_be_bytes(columns.get(2)?),
            sequence: u64::from_be_bytes(columns.get(3)?),
        },
        rejected: columns.get(4)?,
        happened: columns.parse(5)?,
        offset: columns.get(6)?,
    })
}

pub(super) fn epoch(row: &Row<'_>) -> Decoded<Epoch> {
    let columns = Columns {
        table: "sequences",
        row,
    };
    Ok(Epoch {
        device: columns.parse(0)?,
        partner: columns.parse(1)?,
        epoch: u64::from_be_bytes(columns.get(2)?),
        first: u64::from_be_bytes(columns.get(3)?),
    })
}
