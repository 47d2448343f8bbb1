//! Numbers of devices' counts.

use domain::completeness::{Figure, Span};
use projector::views::SequenceRow;

use super::*;

fn number(device_id: &str, epoch: u64, sequence: u64, second: i64, rejected: bool) -> RowWrite {
    RowWrite::Sequence(SequenceRow {
        device: device(device_id),
        partner: "acme".parse().unwrap(),
        sequence: DeviceSequence { epoch, sequence },
        rejected,
        happened: at(second),
        offset: None,
    })
}

async fn figures(
    store: &dyn ViewStore,
    device_id: Option<&str>,
    from: i64,
) -> Vec<(String, u64, Figure)> {
    let device = device_id.map(device);
    let counts = store
        .reader()
        .counts(&complex("sunrise"), device.as_ref(), at(from))
        .await
        .unwrap();
    counts
        .into_iter()
        .map(|count| {
            let figure = count.counter.figure(false).unwrap();
            (count.device.to_string(), count.epoch, figure)
        })
        .collect()
}

fn figure(first: u64, last: u64, missing: &[(u64, u64)]) -> Figure {
    let missing: Vec<Span> = missing
        .iter()
        .map(|(first, last)| Span {
            first: *first,
            last: *last,
        })
        .collect();
    let expected = Span { first, last };
    let lost: u64 = missing.iter().map(|span| span.len()).sum();
    Figure {
        received: expected.len() - lost,
        expected,
        missing,
    }
}

pub(super) async fn counts_are_of_what_was_recorded(store: &dyn ViewStore) {
    let mut rows = vec![
        number("sunrise.a", 1, 4_090, 0, false),
        number("sunrise.a", 1, 4_100, 20, false),
        number("sunrise.a", 1, 4_095, 10, false),
        number("sunrise.a", 1, 4_097, 99, true),
        number("sunrise.a", 1, 9_999, 99, true),
        number("sunrise.a", 2, 3, 30, false),
        number("sunrise.b", u64::MAX, u64::MAX, 20, false),
        number("sunrise.c", 1, 7, 99, true),
        number("sunset.a", 1, 7, 20, false),
    ];
    apply(store, rows.clone()).await;
    // Repeated, and in another order: nothing changes.
    rows.reverse();
    apply(store, rows.clone()).await;
    let a = figure(
        4_090,
        4_100,
        &[(4_091, 4_094), (4_096, 4_096), (4_098, 4_099)],
    );
    let all = [
        ("sunrise.a".to_owned(), 1, a.clone()),
        ("sunrise.a".to_owned(), 2, figure(3, 3, &[])),
        (
            "sunrise.b".to_owned(),
            u64::MAX,
            figure(u64::MAX, u64::MAX, &[]),
        ),
    ];
    assert_eq!(figures(store, None, 0).await, all);
    assert_eq!(figures(store, Some("sunrise.a"), 0).await, all[..2]);
    assert_eq!(figures(store, Some("sunrise.z"), 0).await, []);
    // From a later time on, what came before isn't counted.
    let later = figure(4_095, 4_100, &[(4_096, 4_096), (4_098, 4_099)]);
    assert_eq!(figures(store, Some("sunrise.a"), 10).await[0].2, later);
    assert_eq!(figures(store, None, 31).await, []);
    let kept = store.reader().scan(Table::Sequences).await.unwrap();
    assert_eq!(kept.len(), rows.len());
    assert!(rows.iter().all(|row| kept.contains(row)));
}
