//! Small conversions that both directions share.

use domain::event::{DecisionInputs, DeviceSequence, LogPosition};
use proto::events as pb;

use crate::time::timestamp_to_wire;

pub(crate) fn position(at: LogPosition) -> Option<pb::LogPosition> {
    Some(pb::LogPosition {
        partition: at.partition,
        offset: at.offset,
    })
}

pub(crate) fn sequence(of: DeviceSequence) -> Option<pb::DeviceSequence> {
    Some(pb::DeviceSequence {
        epoch: of.epoch,
        sequence: of.sequence,
    })
}

pub(crate) fn inputs(inputs: &DecisionInputs) -> pb::DecisionInputs {
    let (grant_id, grant_version) = inputs.right.map_or((String::new(), 0), |(id, version)| {
        (id.to_string(), version)
    });
    pb::DecisionInputs {
        now: Some(timestamp_to_wire(inputs.now)),
        utc_offset_seconds: inputs.utc_offset,
        registry_position: position(inputs.registry_position),
        global_position: position(inputs.global_position),
        access_position: position(inputs.access_position),
        grant_id,
        grant_version,
        partner_id: inputs
            .partner
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default(),
        perimeter_version: inputs.perimeter_version,
        recent_openings: inputs
            .recent_openings
            .iter()
            .map(|at| timestamp_to_wire(*at))
            .collect(),
        cooldown_ms: inputs.cooldown_ms,
        auth_time: inputs.auth_time.map(timestamp_to_wire),
        acr: inputs.acr.clone().unwrap_or_default(),
        uses_left: inputs.uses_left,
        policy_version: inputs.policy_version,
    }
}
