#![allow(clippy::unwrap_used)]
//! Whatever order, whatever is repeated: the same state, and a figure that is one.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::event::{Actor, DeviceStatus, IngressRejected};
use crate::id::EventId;
use crate::vocabulary::{ActorKind, GapReason};

fn at(second: u64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(second.try_into().unwrap())
}

fn partner() -> PartnerId {
    "gatekeeper".parse().unwrap()
}

fn door() -> DeviceId {
    "sunrise.door".parse().unwrap()
}

fn of(epoch: u64, sequence: u64) -> DeviceSequence {
    DeviceSequence { epoch, sequence }
}

fn event(device: DeviceId, occurred_at: Timestamp, body: Body) -> Event {
    Event {
        id: EventId(Uuid::from_u128(1)),
        occurred_at,
        complex: device.complex(),
        device: Some(device),
        actor: Actor {
            kind: ActorKind::AtDevice,
            subject: None,
            caller: "gatekeeper".to_owned(),
        },
        correlation: String::new(),
        body,
    }
}

fn status(sequence: DeviceSequence, observed_at: Timestamp) -> Event {
    let body = Body::DeviceStatus(DeviceStatus {
        partner: partner(),
        partner_event_id: String::new(),
        digest: [0; 32],
        online: true,
        lock: None,
        door: None,
        power: None,
        tamper: None,
        battery_percent: None,
        firmware: String::new(),
        observed_at,
        sequence,
        received_at: observed_at,
    });
    event(door(), observed_at, body)
}

fn rejected(sequence: DeviceSequence) -> Event {
    let body = Body::IngressRejected(IngressRejected {
        partner: partner(),
        reason: String::new(),
        path: String::new(),
        partner_event_id: String::new(),
        digest: [0; 32],
        sealed_enc: Vec::new(),
        sealed_body: Vec::new(),
        sequence: Some(sequence),
        received_at: at(0),
    });
    event(door(), at(0), body)
}

fn gap(epoch: u64, first: u64, last: u64, reason: GapReason) -> Event {
    let body = Body::DeliveryGap(DeliveryGap {
        partner: partner(),
        epoch,
        first,
        last,
        reason,
        detected_at: at(0),
    });
    event(door(), at(0), body)
}

fn seen(records: &[(Event, u64)]) -> Completeness {
    let mut fold = Completeness::new(at(0), Limits::default());
    for (event, second) in records {
        fold.apply(event, at(*second));
    }
    fold
}

fn came(numbers: &[(u64, u64)]) -> Completeness {
    let records: Vec<_> = (100..)
        .zip(numbers)
        .map(|(second, (epoch, sequence))| (status(of(*epoch, *sequence), at(1)), second))
        .collect();
    seen(&records)
}

fn open(fold: &Completeness) -> Vec<(u64, u64, u64)> {
    let open = fold.open().into_iter();
    open.map(|gap| (gap.epoch, gap.span.first, gap.span.last))
        .collect()
}

#[test]
fn what_is_between_is_missing_since_something_above_it_came() {
    let fold = came(&[(1, 5), (1, 9), (1, 7), (1, 7)]);
    let gaps = fold.open();
    assert_eq!(open(&fold), [(1, 6, 6), (1, 8, 8)]);
    assert_eq!((gaps[0].since, gaps[1].since), (at(101), at(101)));
    let figures = fold.figures(&partner(), &door());
    assert_eq!(figures.len(), 1);
    assert_eq!(figures[0].1.expected, Span { first: 5, last: 9 });
    assert_eq!(figures[0].1.received, 3);
}

#[test]
fn a_new_epoch_counts_from_one_and_ends_the_old_one_where_it_is_known() {
    let fold = came(&[(1, 5), (1, 6), (4, 3)]);
    assert_eq!(open(&fold), [(4, 1, 2)]);
    let late = came(&[(4, 3), (1, 6), (1, 5)]);
    assert_eq!(open(&late), open(&fold));
}

#[test]
fn a_rejection_closes_its_gap_and_makes_none() {
    let mut fold = came(&[(1, 5), (1, 7)]);
    fold.apply(&rejected(of(1, 6)), at(300));
    fold.apply(&rejected(of(1, 50)), at(300));
    fold.apply(&rejected(of(1, 1)), at(300));
    fold.apply(&rejected(of(9, 7)), at(300));
    assert_eq!(open(&fold), []);
    let figures = fold.figures(&partner(), &door());
    assert!((figures[0].1.share() - 1.0).abs() < f64::EPSILON);
}

#[test]
fn what_happened_before_the_fold_began_is_unknown() {
    let mut fold = Completeness::new(at(50), Limits::default());
    fold.apply(&status(of(1, 2), at(49)), at(100));
    fold.apply(&status(of(1, 7), at(51)), at(101));
    fold.apply(&status(of(0, 1), at(49)), at(102));
    assert_eq!(open(&fold), []);
    let standing = |sequence| fold.standing(&partner(), &door(), of(1, sequence));
    assert_eq!(standing(2), Standing::Unknown);
    assert_eq!(standing(7), Standing::Received);
    assert_eq!(standing(8), Standing::Ahead);
    let other = fold.standing(&partner(), &"sunrise.gate".parse().unwrap(), of(1, 8));
    assert_eq!(other, Standing::Unknown);
    assert_eq!(
        fold.standing(&partner(), &door(), of(2, 1)),
        Standing::Ahead
    );
}

#[test]
fn a_recorded_gap_is_open_until_it_is_for_good_or_filled() {
    let mut fold = came(&[(1, 1), (1, 9)]);
    fold.apply(&gap(1, 2, 8, GapReason::PartnerUnreachable), at(200));
    assert_eq!(open(&fold), [(1, 2, 8)]);
    assert!(fold.open()[0].told);
    fold.apply(&gap(1, 2, 4, GapReason::PartnerHasNone), at(201));
    assert_eq!(open(&fold), [(1, 5, 8)]);
    let still = fold.figures(&partner(), &door());
    assert_eq!(still[0].1.missing, [Span { first: 2, last: 8 }]);
    for sequence in 2..9 {
        assert_eq!(
            fold.standing(&partner(), &door(), of(1, sequence)),
            Standing::Missing
        );
        fold.apply(&status(of(1, sequence), at(1)), at(300));
    }
    assert_eq!(open(&fold), []);
    assert_eq!(fold.figures(&partner(), &door())[0].1.missing, []);
}

#[test]
fn beyond_the_limits_the_oldest_is_given_up_and_counted() {
    let limits = Limits {
        epochs: 2,
        ranges: 3,
    };
    let mut fold = Completeness::new(at(0), limits);
    for sequence in (1..=21).step_by(2) {
        fold.apply(&status(of(1, sequence), at(1)), at(100));
    }
    assert_eq!(open(&fold), [(1, 18, 18), (1, 20, 20)]);
    assert_eq!(fold.given_up(), 8);
    for epoch in 2..9 {
        fold.apply(&status(of(epoch, 2), at(1)), at(100));
    }
    assert_eq!(open(&fold), [(7, 1, 1), (8, 1, 1)]);
    fold.apply(&status(of(3, 2), at(1)), at(100));
    assert_eq!(
        open(&fold),
        [(7, 1, 1), (8, 1, 1)],
        "forgotten is forgotten"
    );
}

#[test]
fn the_last_numbers_there_are_do_no_harm() {
    let fold = came(&[(u64::MAX, u64::MAX), (u64::MAX, 1), (u64::MAX, 0)]);
    assert_eq!(open(&fold), [(u64::MAX, 2, u64::MAX - 1)]);
    let mut ranges = Ranges::default();
    ranges.insert(
        Span {
            first: 0,
            last: u64::MAX,
        },
        at(0),
    );
    assert_eq!(
        ranges.without(Span {
            first: 0,
            last: u64::MAX
        }),
        []
    );
}

fn any_record() -> impl Strategy<Value = (Event, u64)> {
    let number = (0..3u64, 0..24u64);
    let one = prop_oneof![
        6 => number.clone().prop_map(|(epoch, n)| status(of(epoch, n), at(1))),
        2 => number.clone().prop_map(|(epoch, n)| rejected(of(epoch, n))),
        1 => (number, 0..4u64, any::<bool>()).prop_map(|((epoch, first), more, lost)| {
            let reason = match lost {
                true => GapReason::TooOld,
                false => GapReason::PartnerUnreachable,
            };
            gap(epoch, first, first + more, reason)
        }),
    ];
    (one, 100..200u64)
}

proptest! {
    #[test]
    fn order_and_repetition_change_nothing(
        (records, shuffled) in prop::collection::vec(any_record(), 0..60).prop_flat_map(|records| {
            let repeated = [records.clone(), records.clone()].concat();
            (Just(records), Just(repeated).prop_shuffle())
        }),
    ) {
        let once = seen(&records);
        prop_assert_eq!(&seen(&shuffled), &once);
        for (_, figure) in once.figures(&partner(), &door()) {
            prop_assert!((0.0..=1.0).contains(&figure.share()), "{figure:?}");
            let missing: u64 = figure.missing.iter().map(|span| span.len()).sum();
            prop_assert_eq!(figure.received + missing, figure.expected.len());
        }
    }

    #[test]
    fn ranges_are_the_set_that_was_put_in(
        spans in prop::collection::vec((0..50u64, 0..6u64), 0..30),
        within in (0..50u64, 0..20u64),
    ) {
        let mut ranges = Ranges::default();
        let mut set = BTreeSet::new();
        for (first, more) in &spans {
            ranges.insert(Span { first: *first, last: first + more }, at(0));
            set.extend(*first..=first + more);
        }
        let within = Span { first: within.0, last: within.0 + within.1 };
        let numbers = |spans: Vec<Span>| -> BTreeSet<u64> {
            spans.into_iter().flat_map(|span| span.first..=span.last).collect()
        };
        prop_assert_eq!(numbers(ranges.spans().collect()), set.clone());
        let spans: Vec<Span> = ranges.spans().collect();
        prop_assert!(spans.windows(2).all(|two| two[0].last + 1 < two[1].first), "{spans:?}");
        let missing: BTreeSet<u64> =
            (within.first..=within.last).filter(|n| !set.contains(n)).collect();
        prop_assert_eq!(numbers(ranges.without(within)), missing.clone());
        prop_assert_eq!(ranges.count(within), within.len() - missing.len() as u64);
        let below: BTreeSet<u64> =
            missing.into_iter().filter(|n| set.iter().any(|seen| seen > n)).collect();
        let holes = ranges.holes(within).into_iter().map(|hole| hole.span).collect();
        prop_assert_eq!(numbers(holes), below);
    }
}
