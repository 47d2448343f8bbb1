//! Which gaps are to be asked for, and what is to be recorded of those that stay. Pure.

use std::collections::BTreeMap;

use domain::completeness::OpenGap;
use domain::vocabulary::GapReason;
use domain::{ComplexId, DeviceId, PartnerId};
use jiff::{SignedDuration, Timestamp};

/// The lowest sequence number that a partner told of each device and epoch, when it was asked for
/// all that it keeps.
pub(super) type Oldest = BTreeMap<(DeviceId, u64), u64>;

/// The gaps of a partner that had stood open for `age` at `now`, by complex.
pub(super) fn due(
    open: Vec<OpenGap>,
    partner: &PartnerId,
    now: Timestamp,
    age: SignedDuration,
) -> BTreeMap<ComplexId, Vec<OpenGap>> {
    let mut due = BTreeMap::<_, Vec<OpenGap>>::new();
    let due_then = |gap: &OpenGap| gap.partner == *partner && now.duration_since(gap.since) >= age;
    for gap in open.into_iter().filter(due_then) {
        due.entry(gap.device.complex()).or_default().push(gap);
    }
    due
}

/// Why a gap stays that the partner was asked for to the end of what it keeps. `oldest` where it
/// was asked from the beginning of that.
pub(super) fn why(gap: &OpenGap, oldest: Option<&Oldest>) -> GapReason {
    let first = oldest.and_then(|oldest| oldest.get(&(gap.device.clone(), gap.epoch)));
    match first {
        Some(first) if gap.span.last < *first => GapReason::TooOld,
        _ => GapReason::PartnerHasNone,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use domain::completeness::Span;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn gap(partner: &str, device: &str, last: u64, since: i64) -> OpenGap {
        OpenGap {
            partner: partner.parse().unwrap(),
            device: device.parse().unwrap(),
            epoch: 1,
            span: Span { first: 3, last },
            since: at(since),
            told: false,
        }
    }

    #[test]
    fn a_gap_is_asked_for_once_it_is_old_enough_and_of_its_own_partner() {
        let open = vec![
            gap("gatekeeper", "sunrise.a", 4, 100),
            gap("gatekeeper", "sunrise.b", 4, 101),
            gap("gatekeeper", "moonlight.a", 4, 50),
            gap("other", "sunrise.c", 4, 1),
        ];
        let partner = "gatekeeper".parse().unwrap();
        let due = due(open, &partner, at(130), SignedDuration::from_secs(30));
        let devices: Vec<&str> = due
            .values()
            .flatten()
            .map(|gap| gap.device.as_str())
            .collect();
        assert_eq!(devices, ["moonlight.a", "sunrise.a"]);
    }

    #[test]
    fn too_old_is_what_lies_before_all_that_the_partner_keeps() {
        let gap = gap("gatekeeper", "sunrise.a", 5, 0);
        let kept = |first| Oldest::from([(("sunrise.a".parse().unwrap(), 1), first)]);
        assert_eq!(why(&gap, Some(&kept(6))), GapReason::TooOld);
        assert_eq!(why(&gap, Some(&kept(5))), GapReason::PartnerHasNone);
        assert_eq!(why(&gap, Some(&Oldest::new())), GapReason::PartnerHasNone);
        assert_eq!(why(&gap, None), GapReason::PartnerHasNone);
    }
}
