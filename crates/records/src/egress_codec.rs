//! Summaries of what left to partners, to the wire and back.

use domain::event::{EgressCall, EgressField, EgressSummary};
use proto::events as pb;

use crate::decode::{FieldError, parse, time};
use crate::time::timestamp_to_wire;

pub(crate) fn to_wire(summary: &EgressSummary) -> pb::EgressSummary {
    let field = |field: &EgressField| pb::EgressField {
        place: field.place.clone(),
        name: field.name.clone(),
        count: field.count,
    };
    let call = |call: &EgressCall| pb::EgressCall {
        call: call.call.clone(),
        requests: call.requests,
        fields: call.fields.iter().map(field).collect(),
    };
    pb::EgressSummary {
        partner_id: summary.partner.to_string(),
        from: Some(timestamp_to_wire(summary.from)),
        until: Some(timestamp_to_wire(summary.until)),
        calls: summary.calls.iter().map(call).collect(),
    }
}

pub(crate) fn from_wire(wire: &pb::EgressSummary) -> Result<EgressSummary, FieldError> {
    let field = |field: &pb::EgressField| EgressField {
        place: field.place.clone(),
        name: field.name.clone(),
        count: field.count,
    };
    let call = |call: &pb::EgressCall| EgressCall {
        call: call.call.clone(),
        requests: call.requests,
        fields: call.fields.iter().map(field).collect(),
    };
    Ok(EgressSummary {
        partner: parse("partner_id", &wire.partner_id)?,
        from: time("from", wire.from.as_ref())?,
        until: time("until", wire.until.as_ref())?,
        calls: wire.calls.iter().map(call).collect(),
    })
}
