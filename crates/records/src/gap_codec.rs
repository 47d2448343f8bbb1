//! Gaps in what partners deliver, to the wire and back.

use domain::event::DeliveryGap;
use domain::vocabulary::GapReason;
use proto::events as pb;

use crate::decode::{FieldError, parse, time, word};
use crate::time::timestamp_to_wire;

pub(crate) fn to_wire(gap: &DeliveryGap) -> pb::DeliveryGap {
    pb::DeliveryGap {
        partner_id: gap.partner.to_string(),
        epoch: gap.epoch,
        first: gap.first,
        last: gap.last,
        reason: gap.reason.number(),
        detected_at: Some(timestamp_to_wire(gap.detected_at)),
    }
}

pub(crate) fn from_wire(wire: &pb::DeliveryGap) -> Result<DeliveryGap, FieldError> {
    if wire.first > wire.last {
        return Err(FieldError("last"));
    }
    Ok(DeliveryGap {
        partner: parse("partner_id", &wire.partner_id)?,
        epoch: wire.epoch,
        first: wire.first,
        last: wire.last,
        reason: word("reason", wire.reason, GapReason::from_number)?,
        detected_at: time("detected_at", wire.detected_at.as_ref())?,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn a_gap_reads_back_and_one_that_ends_before_it_begins_does_not() {
        let gap = DeliveryGap {
            partner: "gatekeeper".parse().unwrap(),
            epoch: 7,
            first: 3,
            last: 5,
            reason: GapReason::TooOld,
            detected_at: Timestamp::UNIX_EPOCH,
        };
        let wire = to_wire(&gap);
        assert_eq!(from_wire(&wire), Ok(gap));
        let backwards = pb::DeliveryGap { last: 2, ..wire };
        assert_eq!(from_wire(&backwards), Err(FieldError("last")));
    }
}
