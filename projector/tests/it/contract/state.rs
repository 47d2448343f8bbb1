//! States, leaves, progress, heads and halts.

use super::*;

pub(super) async fn devices_follow_their_own_order(store: &dyn ViewStore) {
    let row = |name: &str, epoch, sequence, observed: i64, offset| DeviceRow {
        device: device(name),
        sequence: DeviceSequence { epoch, sequence },
        observed_at: at(observed),
        offset,
        status: DeviceStatus {
            firmware: offset.to_string(),
            ..Default::default()
        },
    };
    // Of each device the one that has to stay comes first.
    let reports = [
        vec![
            row("sunrise.a", 2, 1, 0, 1),
            row("sunrise.a", 1, u64::MAX, 9, 2),
            row("sunrise.a", 2, 0, 9, 3),
        ],
        vec![
            row("sunrise.b", u64::MAX, 0, 0, 1),
            row("sunrise.b", u64::MAX - 1, 5, 5, 9),
        ],
        vec![row("sunrise.c", 1, 1, 5, 1), row("sunrise.c", 1, 1, -5, 2)],
        vec![row("sunrise.d", 1, 1, 5, 8), row("sunrise.d", 1, 1, 5, 7)],
        vec![row("sunset.a", 1, 1, 5, 8)],
    ];
    for reversed in [false, true] {
        for device in &reports {
            let mut rows: Vec<RowWrite> = device.iter().cloned().map(RowWrite::Device).collect();
            if reversed {
                rows.reverse();
            }
            for row in rows {
                apply(store, vec![row]).await;
            }
        }
    }
    let expected: Vec<DeviceRow> = reports[..4].iter().map(|rows| rows[0].clone()).collect();
    let reader = store.reader();
    assert_eq!(reader.devices(complex_ref()).await.unwrap(), expected);
    let one = reader.device(&device("sunrise.c")).await.unwrap();
    assert_eq!(one.as_ref(), Some(&expected[2]));
    assert_eq!(reader.device(&device("sunrise.z")).await.unwrap(), None);
}

pub(super) async fn leaves_are_found_before_an_offset(store: &dyn ViewStore) {
    let log = LogId::new("access.events.v1", "sunrise").unwrap();
    let shared = LogId::unkeyed("access.events.v1", 2).unwrap();
    let leaf = |log: &LogId, offset, index| LeafRow {
        log: log.clone(),
        offset,
        index,
    };
    let rows = [
        leaf(&log, 10, 0),
        leaf(&log, 15, 1),
        leaf(&log, 40, 2),
        leaf(&shared, 12, 0),
    ];
    apply(store, rows.iter().cloned().map(RowWrite::Leaf).collect()).await;
    for (offset, expected) in [
        (0, None),
        (10, None),
        (11, Some(0)),
        (40, Some(1)),
        (99, Some(2)),
    ] {
        let found = store.leaf_before(&log, offset).await.unwrap();
        assert_eq!(found.map(|leaf| leaf.index), expected, "{offset}");
    }
    assert_eq!(
        store.leaf_before(&shared, 99).await.unwrap().as_ref(),
        Some(&rows[3])
    );
}

pub(super) async fn progress_never_goes_back(store: &dyn ViewStore) {
    for next in [4, 9, 7] {
        let progress = Progress {
            topic: Topic::DeviceStatus,
            partition: 1,
            next,
        };
        store.apply(Vec::new(), progress).await.unwrap();
    }
    let reader = store.reader();
    assert_eq!(
        reader.progress(Topic::DeviceStatus, 1).await.unwrap(),
        Some(9)
    );
    assert_eq!(reader.progress(Topic::DeviceStatus, 0).await.unwrap(), None);
    assert_eq!(reader.progress(Topic::AccessEvents, 1).await.unwrap(), None);
}

pub(super) async fn heads_move_only_from_where_they_are(store: &dyn ViewStore) {
    let log = LogId::new("access.events.v1", "sunrise").unwrap();
    let other = LogId::new("registry.events.v1", "sunrise").unwrap();
    let head = |size: u64| Head {
        size,
        root: [u8::try_from(size).unwrap(); 32],
        first_offset: 3,
        next_offset: 3 + size,
    };
    assert_eq!(store.load(&log).await.unwrap(), None);
    let conflict = |moved| matches!(moved, Err(HeadError::Conflict));
    assert!(conflict(
        store.compare_and_set(&log, Some(&head(1)), &head(2)).await
    ));
    store.compare_and_set(&log, None, &head(1)).await.unwrap();
    assert!(conflict(store.compare_and_set(&log, None, &head(2)).await));
    let almost = Head {
        next_offset: 99,
        ..head(1)
    };
    assert!(conflict(
        store.compare_and_set(&log, Some(&almost), &head(2)).await
    ));
    store
        .compare_and_set(&log, Some(&head(1)), &head(2))
        .await
        .unwrap();
    assert_eq!(store.load(&log).await.unwrap(), Some(head(2)));
    assert_eq!(store.load(&other).await.unwrap(), None);
}

pub(super) async fn halts_are_kept_until_resumed(store: &dyn ViewStore) {
    let halt = |name: &str, offset, detail: &str| Halt {
        log: LogId::new("access.events.v1", name).unwrap(),
        partition: 1,
        offset,
        detail: detail.to_owned(),
    };
    store.halt(halt("sunrise", 7, "first")).await.unwrap();
    store.halt(halt("sunrise", 9, "again")).await.unwrap();
    store.halt(halt("harbour", 5, "other")).await.unwrap();
    let halts = store.halts(Topic::AccessEvents, 1).await.unwrap();
    assert_eq!(
        halts,
        [halt("harbour", 5, "other"), halt("sunrise", 7, "again")]
    );
    assert!(
        store
            .halts(Topic::AccessEvents, 0)
            .await
            .unwrap()
            .is_empty()
    );
    store.resume(&halts[1].log).await.unwrap();
    assert_eq!(store.halts(Topic::AccessEvents, 1).await.unwrap().len(), 1);
}

pub(super) async fn rows_come_back_as_they_were(store: &dyn ViewStore) {
    let nothing = AccessRow {
        subject: None,
        device: None,
        automation: None,
        command: Some(command(4)),
        ..access(8, Timestamp::MAX)
    };
    let unreadable = UnreadableRow {
        topic: Topic::DeviceStatus,
        position: Position {
            partition: 2,
            offset: 77,
        },
        complex: None,
        reason: "not_protobuf".to_owned(),
        append_time: at(3),
    };
    apply(
        store,
        vec![
            write(nothing.clone()),
            RowWrite::Unreadable(unreadable.clone()),
        ],
    )
    .await;
    let reader = store.reader();
    assert_eq!(reader.scan(Table::Access).await.unwrap(), [write(nothing)]);
    assert_eq!(
        reader.scan(Table::Unreadable).await.unwrap(),
        [RowWrite::Unreadable(unreadable)]
    );
    assert!(reader.scan(Table::Leaves).await.unwrap().is_empty());
}
