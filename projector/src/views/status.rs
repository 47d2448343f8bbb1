//! Device states.

use domain::event::{DeviceStatus, Event};
use eventlog::Record;
use proto::access;
use proto::events::DeviceSequence;
use records::timestamp_to_wire;

use super::rows::{DeviceRow, RowWrite};
use super::{Misplaced, device_of, sequences};

/// The row of a partner's report of a device.
pub(crate) fn status(
    record: &Record,
    event: &Event,
    status: &DeviceStatus,
) -> Result<Vec<RowWrite>, Misplaced> {
    let device = device_of(event)?;
    let row = DeviceRow {
        device: device.clone(),
        sequence: status.sequence,
        observed_at: status.observed_at,
        offset: record.position.offset,
        status: access::DeviceStatus {
            device_id: device.to_string(),
            online: status.online,
            lock_state: status.lock.map_or(0, |lock| lock.number()),
            door_position: status.door.map_or(0, |door| door.number()),
            power: status.power.map_or(0, |power| power.number()),
            tamper: status.tamper,
            battery_percent: status.battery_percent.map(u32::from),
            firmware: status.firmware.clone(),
            observed_at: Some(timestamp_to_wire(status.observed_at)),
            received_at: Some(timestamp_to_wire(status.received_at)),
            sequence: Some(DeviceSequence {
                epoch: status.sequence.epoch,
                sequence: status.sequence.sequence,
            }),
            stale: false,
        },
    };
    let (partner, happened) = (&status.partner, status.observed_at);
    let number = sequences::event(partner, device, status.sequence, happened, None);
    Ok(vec![
        RowWrite::Status(row.clone()),
        RowWrite::Device(row),
        number,
    ])
}
