//! What a person may open now. Made of the same checks as the decision, so that the two can't
//! disagree.

use jiff::Timestamp;

use super::{Decision, Instant, operable, rights};
use crate::id::{ComplexId, DeviceId, SubjectRef};
use crate::registry::{Registry, StepUp};
use crate::vocabulary::{DeviceKind, Operation};

/// A device that a person may open now, its cooldown aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Openable {
    /// The device.
    pub device: DeviceId,
    /// For people to read.
    pub name: String,
    /// What it is.
    pub kind: DeviceKind,
    /// What may be done; at least one.
    pub operations: Vec<Operation>,
    /// Until when: the end of the right's present window, or of the partner's perimeter. None
    /// where there is no end. A change of the clocks in between is not foreseen.
    pub until: Option<Timestamp>,
    /// The login that it takes first: the present one is not fresh, or not strong, enough.
    pub step_up: Option<StepUp>,
}

/// The devices of `complex` that `subject`, who logged in at `auth_time` as class `acr`, may
/// open at `at`; by id.
pub fn openable(
    registry: &Registry,
    complex: &ComplexId,
    subject: SubjectRef,
    (auth_time, acr): (Option<Timestamp>, Option<&str>),
    at: Instant,
) -> Vec<Openable> {
    let devices = registry.devices(complex).filter_map(|device| {
        let until = rights::owners_until(registry, subject, device, at)?;
        let may = |operation: &Operation| {
            let seen = &mut Decision::blank();
            operable(registry, device, *operation, at, seen).is_ok()
        };
        let operations: Vec<_> = device.operations.iter().copied().filter(may).collect();
        let (_, perimeter) = registry.perimeter(complex, &device.partner)?;
        let needed = device.step_up.as_ref();
        (!operations.is_empty()).then(|| Openable {
            device: device.id.clone(),
            name: device.name.clone(),
            kind: device.kind,
            operations,
            until: until.into_iter().chain(perimeter.not_after).min(),
            step_up: needed
                .filter(|step_up| !step_up.is_met(auth_time, acr, at.now))
                .cloned(),
        })
    });
    devices.collect()
}
