//! What is counted by hours.

use projector::store::HourQuery;
use projector::views::{HourCount, HourRow};
use proto::access::AccessResult;

use super::*;

const NOON: i64 = 498_708;

fn row(hour: i64, identity: &str, offset: u64, device_id: &str, verdict: i32) -> RowWrite {
    RowWrite::Hour(HourRow {
        complex: complex("sunrise"),
        hour,
        identity: identity.to_owned(),
        offset,
        device: (!device_id.is_empty()).then(|| device(device_id)),
        result: AccessResult {
            verdict,
            ..AccessResult::default()
        },
    })
}

fn count(hour: i64, device_id: &str, verdict: i32, count: u64) -> HourCount {
    HourCount {
        hour,
        device: (!device_id.is_empty()).then(|| device(device_id)),
        result: AccessResult {
            verdict,
            ..AccessResult::default()
        },
        count,
    }
}

pub(super) async fn hours_count_everything_once(store: &dyn ViewStore) {
    let (gate, door) = ("sunrise.gate", "sunrise.door");
    let rows = vec![
        row(NOON, "a", 5, gate, 1),
        row(NOON, "b", 6, gate, 1),
        row(NOON, "c", 7, gate, 2),
        row(NOON, "d", 8, door, 1),
        // Over midnight, a day before, and about no device.
        row(NOON + 12, "e", 9, gate, 1),
        row(NOON - 24, "f", 10, gate, 1),
        row(NOON + 1, "g", 11, "", 1),
        // Another content under an identity: the first counts, whichever is written first.
        row(NOON, "a", 50, door, 2),
        row(NOON, "c", 3, door, 1),
    ];
    let mut backwards = rows.clone();
    backwards.reverse();
    for rows in [rows.clone(), backwards, rows] {
        apply(store, rows).await;
    }
    let query = HourQuery {
        complex: complex("sunrise"),
        device: None,
        from: NOON - 24,
        until: NOON + 13,
        by_device: true,
    };
    let reader = store.reader();
    let expected = [
        count(NOON - 24, gate, 1, 1),
        count(NOON, door, 1, 2),
        count(NOON, gate, 1, 2),
        count(NOON + 1, "", 1, 1),
        count(NOON + 12, gate, 1, 1),
    ];
    assert_eq!(reader.hours(&query, 9).await.unwrap(), expected);
    let some = reader.hours(&query, 3).await.unwrap();
    assert_eq!(some, expected[..3]);
    let one = HourQuery {
        device: Some(device(door)),
        from: NOON,
        until: NOON + 1,
        ..query.clone()
    };
    assert_eq!(
        reader.hours(&one, 9).await.unwrap(),
        [count(NOON, door, 1, 2)]
    );
    let together = HourQuery {
        by_device: false,
        ..query.clone()
    };
    let expected = [
        count(NOON - 24, "", 1, 1),
        count(NOON, "", 1, 4),
        count(NOON + 1, "", 1, 1),
        count(NOON + 12, "", 1, 1),
    ];
    assert_eq!(reader.hours(&together, 9).await.unwrap(), expected);
    let elsewhere = HourQuery {
        complex: complex("sunset"),
        ..query
    };
    assert_eq!(reader.hours(&elsewhere, 9).await.unwrap(), []);
    assert_eq!(reader.scan(Table::Hours).await.unwrap().len(), 7);
}
