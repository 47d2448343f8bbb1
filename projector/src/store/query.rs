//! What is asked of the access view.

use domain::id::{ComplexId, DeviceId};
use domain::vocabulary::Automation;
use jiff::Timestamp;
use uuid::Uuid;

use crate::views::AccessRow;

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
    /// Only automatic or only manual ones.
    pub automation: Option<Automation>,
}

/// A place in the order of a search: (time, offset), which no two accesses of a complex share.
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
    /// Devices' states.
    Devices,
    /// Leaves.
    Leaves,
    /// Unreadable records.
    Unreadable,
    /// Numbers of devices' counts.
    Sequences,
}

impl Table {
    /// Every table.
    pub const ALL: [Self; 8] = [
        Self::Access,
        Self::Claims,
        Self::Completions,
        Self::Digests,
        Self::Devices,
        Self::Leaves,
        Self::Unreadable,
        Self::Sequences,
    ];
}
