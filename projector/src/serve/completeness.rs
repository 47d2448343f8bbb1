//! How complete what partners delivered is.

use domain::DeviceId;
use domain::completeness::Span;
use jiff::{SignedDuration, Timestamp};
use proto::access::{EpochCompleteness, GetCompletenessResponse, SequenceRange};
use records::timestamp_to_wire;

use super::Serving;
use super::auth::Readable;
use super::status::Refusal;
use crate::views::EpochCount;

/// How far back is counted unless it is said: as long as the log keeps rejections, which count as
/// received.
const DEFAULT: SignedDuration = SignedDuration::from_hours(30 * 24);
/// Missing ranges that are told of one epoch.
const MOST: usize = 100;

/// Answers for what may be read.
pub(super) async fn tell(
    serving: &Serving,
    readable: &Readable,
    device: Option<&DeviceId>,
    from: Option<Timestamp>,
) -> Result<GetCompletenessResponse, Refusal> {
    let from = from.unwrap_or_else(|| Timestamp::now() - DEFAULT);
    let complex = readable.complex();
    let counts = serving.views.counts(complex, device, from).await?;
    Ok(GetCompletenessResponse {
        from: Some(timestamp_to_wire(from)),
        epochs: epochs(&counts),
    })
}

fn epochs(counts: &[EpochCount]) -> Vec<EpochCompleteness> {
    let mut before: Option<&EpochCount> = None;
    let mut told = Vec::new();
    for count in counts {
        // An epoch after another one of the same count began while the device was watched.
        let whole = before
            .is_some_and(|one| (&one.device, &one.partner) == (&count.device, &count.partner));
        before = Some(count);
        let Some(figure) = count.counter.figure(whole) else {
            continue;
        };
        let range = |span: &Span| SequenceRange {
            first: span.first,
            last: span.last,
        };
        told.push(EpochCompleteness {
            device_id: count.device.to_string(),
            partner_id: count.partner.to_string(),
            epoch: count.epoch,
            first: figure.expected.first,
            last: figure.expected.last,
            expected: figure.expected.len(),
            received: figure.received,
            missing: figure.missing.iter().take(MOST).map(range).collect(),
            more_missing: figure.missing.len() > MOST,
        });
    }
    told
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use domain::completeness::Counter;

    use super::*;

    fn count(device: &str, partner: &str, epoch: u64, numbers: &[u64]) -> EpochCount {
        let mut counter = Counter::default();
        for number in numbers {
            counter.event(*number, Timestamp::UNIX_EPOCH);
        }
        EpochCount {
            device: device.parse().unwrap(),
            partner: partner.parse().unwrap(),
            epoch,
            counter,
        }
    }

    #[test]
    fn only_an_epoch_after_another_of_the_same_count_is_expected_from_one() {
        let many: Vec<u64> = (1..=301).step_by(2).collect();
        let told = epochs(&[
            count("sunrise.a", "gatekeeper", 1, &[4, 6]),
            count("sunrise.a", "gatekeeper", 2, &[3]),
            count("sunrise.a", "other", 3, &[3]),
            count("sunrise.b", "other", 4, &many),
        ]);
        let figures: Vec<_> = told
            .iter()
            .map(|one| (one.first, one.last, one.expected, one.received))
            .collect();
        assert_eq!(
            figures,
            [(4, 6, 3, 2), (1, 3, 3, 1), (3, 3, 1, 1), (1, 301, 301, 151)]
        );
        assert_eq!((told[3].missing.len(), told[3].more_missing), (MOST, true));
        assert_eq!(told[1].missing, [SequenceRange { first: 1, last: 2 }]);
    }
}
