//! How alarms, what partners report of commands, and devices' histories are kept and found.

use std::collections::HashSet;

use domain::vocabulary::Observation;
use projector::store::{AlarmQuery, StatusCursor, StatusQuery};
use projector::views::alarms::Sent;
use projector::views::{AlarmRow, ObservationRow};
use proto::access::{Alarm, AlarmKind};

use super::*;

fn alarm(offset: u64, occurred_at: Timestamp) -> AlarmRow {
    let kinds = [
        AlarmKind::UnattributedOpening,
        AlarmKind::ForcedOpen,
        AlarmKind::HeldOpen,
    ];
    AlarmRow {
        complex: complex("sunrise"),
        kind: kinds[usize::try_from(offset % 3).unwrap()],
        device: device(["sunrise.gate", "sunrise.door"][usize::try_from(offset % 2).unwrap()]),
        occurred_at,
        offset,
        alarm: Alarm {
            command_id: offset.to_string(),
            ..Alarm::default()
        },
    }
}

pub(super) fn written(row: AlarmRow) -> RowWrite {
    RowWrite::Alarm(Box::new(row))
}

pub(super) async fn alarms_are_found_newest_first_in_pages(store: &dyn ViewStore) {
    // Over several days, some at the same instant, one before 1970.
    let time = |i: u64| match i {
        3 => Timestamp::UNIX_EPOCH - SignedDuration::from_secs(9),
        _ => at(i64::try_from(i / 4 * 40_000).unwrap()),
    };
    let mut rows: Vec<AlarmRow> = (0..24).map(|i| alarm(i, time(i))).collect();
    let elsewhere = AlarmRow {
        complex: complex("sunset"),
        ..alarm(99, at(1))
    };
    for _ in 0..2 {
        let all = rows.iter().cloned().chain([elsewhere.clone()]);
        apply(store, all.map(written).collect()).await;
    }
    rows.sort_by_key(|row| std::cmp::Reverse((row.occurred_at, row.offset)));
    let base = AlarmQuery {
        complex: complex("sunrise"),
        from: None,
        until: None,
        device: None,
        kinds: Vec::new(),
    };
    let queries = [
        base.clone(),
        AlarmQuery {
            from: Some(at(40_000)),
            until: Some(at(160_000)),
            ..base.clone()
        },
        AlarmQuery {
            device: Some(device("sunrise.door")),
            ..base.clone()
        },
        AlarmQuery {
            kinds: vec![AlarmKind::ForcedOpen],
            ..base.clone()
        },
        AlarmQuery {
            kinds: vec![AlarmKind::ForcedOpen, AlarmKind::HeldOpen],
            device: Some(device("sunrise.gate")),
            until: Some(at(120_000)),
            ..base.clone()
        },
    ];
    for query in queries {
        let wanted = |row: &&AlarmRow| {
            query.from.is_none_or(|from| row.occurred_at >= from)
                && query.until.is_none_or(|until| row.occurred_at < until)
                && query
                    .device
                    .as_ref()
                    .is_none_or(|device| *device == row.device)
                && (query.kinds.is_empty() || query.kinds.contains(&row.kind))
        };
        let expected: Vec<AlarmRow> = rows.iter().filter(wanted).cloned().collect();
        assert!(!expected.is_empty());
        for page in [1, 5, 100] {
            assert_eq!(pages(store, &query, page).await, expected, "{query:?}");
        }
    }
    let none = AlarmQuery {
        kinds: vec![AlarmKind::DeliveryGap],
        ..base
    };
    assert!(pages(store, &none, 5).await.is_empty());
    let kept = store.reader().scan(Table::Alarms).await.unwrap();
    assert_eq!(kept.len(), 25);
    assert!(kept.contains(&written(elsewhere)));
}

async fn pages(store: &dyn ViewStore, query: &AlarmQuery, page: usize) -> Vec<AlarmRow> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let rows = store.reader().alarms(query, after, page).await.unwrap();
        assert!(rows.len() <= page);
        after = rows.last().map(AccessCursor::of_alarm);
        let last = rows.len() < page;
        found.extend(rows);
        if last {
            return found;
        }
    }
}

pub(super) async fn contents_under_one_id_are_told_apart(store: &dyn ViewStore) {
    let digest = |id: &str, offset: u64, digest| DigestRow {
        complex: complex("sunrise"),
        partner: "acme".parse().unwrap(),
        partner_event: id.to_owned(),
        digest: [digest; 32],
        offset,
        event: event(offset.into()),
    };
    let rows = [
        digest("same", 3, 1),
        digest("same", 1, 1),
        digest("other/one", 5, 2),
        digest("other/one", 6, 1),
        digest("other/one", 7, 2),
        digest("other/one", 4, 1),
    ];
    let sent = |row: &DigestRow| AccessRow {
        identity: AccessIdentity::of_partner_event(&row.partner, &row.partner_event),
        ..access(row.offset, at(0))
    };
    let accesses = rows.iter().map(|row| write(sent(row)));
    let digests = rows.iter().cloned().map(RowWrite::Digest);
    apply(store, accesses.chain(digests).collect()).await;
    let reader = store.reader();
    let unknown = digest("never", 9, 1);
    let asked: Vec<DigestRow> = rows.iter().cloned().chain([unknown]).collect();
    let found = reader.sent(&asked).await.unwrap();
    let expected = [
        Some(Sent::Again),
        Some(Sent::First),
        Some(Sent::Otherwise(Box::new(sent(&rows[5])))),
        Some(Sent::Again),
        Some(Sent::Again),
        Some(Sent::First),
        None,
    ];
    assert_eq!(found, expected);
    let id = |name| AccessIdentity::of_partner_event(&"acme".parse().unwrap(), name);
    let asked = [
        id("same"),
        id("other/one"),
        id("never"),
        AccessIdentity::of_event(event(1)),
    ];
    let contested = reader.contested(complex_ref(), &asked).await.unwrap();
    assert_eq!(contested, HashSet::from([id("other/one")]));
    let elsewhere = reader.contested(&complex("sunset"), &asked).await.unwrap();
    assert!(elsewhere.is_empty());
    let kept = reader.scan(Table::Digests).await.unwrap();
    let mut offsets: Vec<u64> = kept
        .iter()
        .map(|row| match row {
            RowWrite::Digest(row) => row.offset,
            other => panic!("{other:?}"),
        })
        .collect();
    offsets.sort_unstable();
    assert_eq!(offsets, [1, 4, 5]);
}

pub(super) fn observation(number: u128, offset: u64) -> ObservationRow {
    ObservationRow {
        complex: complex("sunrise"),
        command: command(number),
        position: Position {
            partition: 2,
            offset,
        },
        event: event(offset.into()),
        leaf: offset,
        device: device("sunrise.gate"),
        observation: Observation::Denied,
        occurred_at: at(3),
    }
}

pub(super) async fn a_device_history_has_every_report_once(store: &dyn ViewStore) {
    let row = |epoch, sequence, observed: i64, offset: u64| DeviceRow {
        device: device("sunrise.gate"),
        sequence: DeviceSequence { epoch, sequence },
        observed_at: at(observed),
        offset,
        status: DeviceStatus {
            firmware: offset.to_string(),
            ..Default::default()
        },
    };
    // In the order in which they have to be found: by time, over days, then by the device's order.
    let expected = [
        row(1, 7, 200_000, 30),
        row(u64::MAX, 0, 100_000, 21),
        row(2, u64::MAX, 100_000, 22),
        row(2, 5, 100_000, 23),
        row(3, 1, 0, 24),
    ];
    let again = row(2, 5, 100_000, 40);
    let other = DeviceRow {
        device: device("sunrise.door"),
        ..row(1, 1, 0, 50)
    };
    let mut rows: Vec<RowWrite> = expected.iter().cloned().map(RowWrite::Status).collect();
    rows.extend([RowWrite::Status(again), RowWrite::Status(other)]);
    for _ in 0..2 {
        for row in &rows {
            apply(store, vec![row.clone()]).await;
        }
        rows.reverse();
    }
    let mut query = StatusQuery {
        device: device("sunrise.gate"),
        from: None,
        until: None,
    };
    for page in [1, 2, 3, 9] {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let rows = store.reader().history(&query, after, page).await.unwrap();
            after = rows.last().map(StatusCursor::of);
            let last = rows.len() < page;
            found.extend(rows);
            if last {
                break;
            }
        }
        assert_eq!(found, expected, "{page}");
    }
    query.from = Some(at(100_000));
    query.until = Some(at(200_000));
    let found = store.reader().history(&query, None, 9).await.unwrap();
    assert_eq!(found, expected[1..4]);
    assert_eq!(store.reader().scan(Table::Statuses).await.unwrap().len(), 6);
}
