//! What is asked of the access view.

use domain::event::DeviceSequence;
use domain::id::{ComplexId, DeviceId};
use jiff::Timestamp;
use proto::access::AlarmKind;
use uuid::Uuid;

use crate::views::{AccessRow, AlarmRow, DeviceRow, ReadRow, ReadScope};

/// Which accesses of a complex.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessQuery {
    /// The complex.
    pub complex: ComplexId,
    /// Not before.
    pub from: Option<Timestamp>,
    /// Before.
    pub until: Option<Timestamp>,
    /// Only of this subject or pass.
    pub subject: Option<Uuid>,
    /// Only at this device.
    pub device: Option<DeviceId>,
}

impl AccessQuery {
    /// Whether an access of the complex is one of these.
    pub fn has(&self, row: &AccessRow) -> bool {
        self.from.is_none_or(|from| row.occurred_at >= from)
            && self.until.is_none_or(|until| row.occurred_at < until)
            && (self.subject.is_none() || self.subject == row.subject)
            && (self.device.is_none() || self.device == row.device)
    }
}

/// Which alarms of a complex.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlarmQuery {
    /// The complex.
    pub complex: ComplexId,
    /// Not before.
    pub from: Option<Timestamp>,
    /// Before.
    pub until: Option<Timestamp>,
    /// Only at this device.
    pub device: Option<DeviceId>,
    /// Only of these kinds; none for all.
    pub kinds: Vec<AlarmKind>,
}

/// What is counted by hours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HourQuery {
    /// The complex.
    pub complex: ComplexId,
    /// Only at this device.
    pub device: Option<DeviceId>,
    /// The first hour, since 1970, of UTC.
    pub from: i64,
    /// The hour behind the last.
    pub until: i64,
    /// Each device by itself; else all together, as of none.
    pub by_device: bool,
}

/// Which reads of audit data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadQuery {
    /// The complex.
    pub complex: ComplexId,
    /// All of its reads, those by one person, or those about one.
    pub scope: ReadScope,
    /// Not before.
    pub from: Option<Timestamp>,
    /// Before.
    pub until: Option<Timestamp>,
}

/// Which reports of a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusQuery {
    /// The device.
    pub device: DeviceId,
    /// Not before, by the device's clock.
    pub from: Option<Timestamp>,
    /// Before, by the device's clock.
    pub until: Option<Timestamp>,
}

/// A place in a device's history: (time, its own order), which no two of its reports share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatusCursor {
    /// When it was so, in nanoseconds since 1970.
    pub time: i64,
    /// The device's own order.
    pub sequence: DeviceSequence,
}

impl StatusCursor {
    /// The place of a report.
    pub fn of(row: &DeviceRow) -> Self {
        Self {
            time: order_of(row.observed_at),
            sequence: row.sequence,
        }
    }

    /// The device's own order as bytes that sort as it does.
    #[cfg(feature = "cassandra")]
    pub(super) fn place(self) -> [u8; 16] {
        let DeviceSequence { epoch, sequence } = self.sequence;
        (u128::from(epoch) << 64 | u128::from(sequence)).to_be_bytes()
    }
}

/// A place in the order of a search: (time, offset), which no two accesses of a complex share, nor
/// two of its alarms, nor two of its reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccessCursor {
    /// When the access happened, in nanoseconds since 1970.
    pub time: i64,
    /// Offset of its record.
    pub offset: u64,
}

impl AccessCursor {
    /// The place of an access.
    pub fn of(row: &AccessRow) -> Self {
        Self {
            time: order_of(row.occurred_at),
            offset: row.offset,
        }
    }

    /// The place of an alarm.
    pub fn of_alarm(row: &AlarmRow) -> Self {
        Self {
            time: order_of(row.occurred_at),
            offset: row.offset,
        }
    }

    /// The place before what happened then and stands before this offset.
    pub fn before(at: Timestamp, offset: u64) -> Self {
        Self {
            time: order_of(at),
            offset,
        }
    }

    /// The place of a read.
    pub fn of_read(row: &ReadRow) -> Self {
        Self {
            time: order_of(row.occurred_at),
            offset: row.offset,
        }
    }
}

/// The number that instants are ordered by: nanoseconds since 1970. Instants before 1677 and
/// after 2262, which no clock here shows, count as these.
pub(super) fn order_of(at: Timestamp) -> i64 {
    let nanoseconds = at.as_nanosecond();
    let bounded = nanoseconds.clamp(i64::MIN.into(), i64::MAX.into());
    i64::try_from(bounded).unwrap_or(i64::MAX)
}

/// A table of the views.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    /// Accesses.
    Access,
    /// Claims to commands.
    Claims,
    /// Completions of commands.
    Completions,
    /// Contents under partners' event ids.
    Digests,
    /// What partners report of commands.
    Observations,
    /// Alarms.
    Alarms,
    /// Devices' states.
    Devices,
    /// Devices' histories.
    Statuses,
    /// Leaves.
    Leaves,
    /// Unreadable records.
    Unreadable,
    /// Numbers of devices' counts.
    Sequences,
    /// Reads of audit data.
    Reads,
    /// What is counted by hours.
    Hours,
}

impl Table {
    /// Every table.
    pub const ALL: [Self; 13] = [
        Self::Access,
        Self::Claims,
        Self::Completions,
        Self::Digests,
        Self::Observations,
        Self::Alarms,
        Self::Devices,
        Self::Statuses,
        Self::Leaves,
        Self::Unreadable,
        Self::Sequences,
        Self::Reads,
        Self::Hours,
    ];
}
