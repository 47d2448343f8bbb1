//! Which numbers of devices' counts were recorded, as events or as rejections.

use domain::DeviceId;
use domain::PartnerId;
use domain::completeness::Counter;
use domain::event::{DeliveryGap, DeviceSequence, Event, IngressRejected};
use eventlog::Record;
use jiff::Timestamp;
use proto::access::{AlarmEvidence, AlarmKind};

use super::access::position;
use super::rows::{AlarmRow, RowWrite, SequenceRow};
use super::{Misplaced, device_of};

/// The row of an event's number. `leaf`: the offset of its record, where it has one.
pub(crate) fn event(
    partner: &PartnerId,
    device: &DeviceId,
    sequence: DeviceSequence,
    happened: Timestamp,
    leaf: Option<u64>,
) -> RowWrite {
    RowWrite::Sequence(SequenceRow {
        device: device.clone(),
        partner: partner.clone(),
        sequence,
        rejected: false,
        happened,
        offset: leaf,
    })
}

/// The row of a rejection's number, where it has one.
pub(crate) fn rejection(event: &Event, rejected: &IngressRejected) -> Vec<RowWrite> {
    let row = |(device, sequence): (&DeviceId, DeviceSequence)| {
        RowWrite::Sequence(SequenceRow {
            device: device.clone(),
            partner: rejected.partner.clone(),
            sequence,
            rejected: true,
            happened: rejected.received_at,
            offset: None,
        })
    };
    let numbered = event.device.as_ref().zip(rejected.sequence);
    numbered.map(row).into_iter().collect()
}

/// The alarm of a gap that can't be filled. It stays when the events arrive after all: the figure of
/// what is missing then says so.
pub(crate) fn gap(
    record: &Record,
    event: &Event,
    gap: &DeliveryGap,
    index: u64,
) -> Result<Vec<RowWrite>, Misplaced> {
    let device = device_of(event)?;
    let what = (
        AlarmKind::DeliveryGap,
        gap.detected_at,
        record.position.offset,
    );
    let evidence = AlarmEvidence {
        event_id: event.id.to_string(),
        leaf_index: index,
        audit_position: Some(position(record)),
    };
    let alarm = AlarmRow::of(what, device.clone(), String::new(), vec![evidence]);
    Ok(vec![RowWrite::Alarm(Box::new(alarm))])
}

/// What was recorded of one epoch of a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EpochCount {
    /// The device.
    pub device: DeviceId,
    /// Whose count it is.
    pub partner: PartnerId,
    /// The epoch.
    pub epoch: u64,
    /// Its numbers.
    pub counter: Counter,
}

/// Counts numbers of one epoch: from the lowest one of an event that happened at `from` or later.
/// None if there is no such event.
pub(crate) fn count<'a>(
    rows: impl Iterator<Item = &'a SequenceRow> + Clone,
    from: Timestamp,
) -> Option<Counter> {
    let recent = rows
        .clone()
        .filter(|row| !row.rejected && row.happened >= from);
    let first = recent.map(|row| row.sequence.sequence).min()?;
    let mut counter = Counter::default();
    for row in rows.filter(|row| row.sequence.sequence >= first) {
        let number = row.sequence.sequence;
        match row.rejected {
            true => counter.rejection(number, row.happened),
            false => counter.event(number, row.happened),
        }
    }
    Some(counter)
}
