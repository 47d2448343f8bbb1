//! What an owner may open now, as the contract has it.

use domain::registry::StepUp;
use domain::{Openable, SubjectRef, openable};
use jiff::Timestamp;
use proto::access::{MyDevice, RequiredLogin};
use records::timestamp_to_wire;

use crate::caller::Login;
use crate::knowledge::State;

/// The devices of every complex that can be decided for, by id.
pub(crate) fn list(
    state: &State,
    subject: SubjectRef,
    login: &Login,
    now: Timestamp,
) -> Vec<MyDevice> {
    let login = (login.auth_time, login.acr.as_deref());
    let mut devices: Vec<_> = state
        .registry
        .complexes_of(subject)
        .iter()
        .filter(|complex| !state.is_refused(complex))
        .flat_map(|complex| {
            let at = state.instant(complex, now);
            openable(&state.registry, complex, subject, login, at)
        })
        .map(device)
        .collect();
    devices.sort_by(|one, other| one.device_id.cmp(&other.device_id));
    devices
}

fn device(openable: Openable) -> MyDevice {
    let operations = openable.operations.iter();
    MyDevice {
        device_id: openable.device.to_string(),
        name: openable.name,
        kind: openable.kind.number(),
        operations: operations.map(|operation| operation.number()).collect(),
        until: openable.until.map(timestamp_to_wire),
        required_login: openable.step_up.as_ref().map(required),
    }
}

fn required(step_up: &StepUp) -> RequiredLogin {
    RequiredLogin {
        max_age_seconds: step_up.max_age_seconds,
        acr: step_up.acr.clone().unwrap_or_default(),
    }
}
