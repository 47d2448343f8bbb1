//! What the page behind a guest's link shows.

use domain::registry::Registry;
use domain::{ComplexId, PassId, guests};
use jiff::Timestamp;
use proto::access::{GetPassResponse, PassDevice};
use records::window_to_wire;

/// The page of a pass, if there is one.
pub(crate) fn of(
    registry: &Registry,
    complex: &ComplexId,
    pass: PassId,
    now: Timestamp,
) -> Option<GetPassResponse> {
    let (_, pass) = registry.pass(complex, &pass)?;
    let place = registry.complex(complex)?;
    let devices = pass.devices.iter().filter_map(|id| registry.device(id));
    Some(GetPassResponse {
        complex_name: place.name.clone(),
        time_zone: place.time_zone.clone(),
        devices: devices
            .map(|device| PassDevice {
                device_id: device.id.to_string(),
                name: device.name.clone(),
                kind: device.kind.number(),
                operations: device.operations.iter().map(|op| op.number()).collect(),
            })
            .collect(),
        window: Some(window_to_wire(&pass.window)),
        max_uses: pass.max_uses,
        uses_left: registry.uses_left(complex, pass),
        active: guests::is_active(registry, complex, pass, now),
    })
}
