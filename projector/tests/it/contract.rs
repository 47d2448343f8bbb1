//! What every view store has to do. An adapter is tested by running [`suite`] with a way to
//! make empty stores; nothing in here knows which engine it is.

use std::sync::Arc;

use auditlog::{Head, HeadError, LogId};
use domain::event::DeviceSequence;
use domain::id::EventId;
use domain::vocabulary::{Automation, Outcome, Verdict};
use eventlog::{Position, Topic};
use jiff::{SignedDuration, Timestamp};
use projector::store::{
    self, AccessCursor, AccessQuery, Halt, Progress, StoreError, Table, ViewStore,
};
use projector::views::{
    AccessIdentity, AccessRow, ClaimRow, CompletionRow, DeviceRow, DigestRow, LeafRow, RowWrite,
    UnreadableRow,
};
use proto::access::{AccessRecord, DeviceStatus};
use uuid::Uuid;

use crate::fixture::{at, command, complex, device};

/// Runs every case against a store of its own.
pub async fn suite(make: impl AsyncFn() -> Arc<dyn ViewStore>) {
    searches_page_through_newest_first(&*make().await).await;
    searches_keep_to_what_is_asked(&*make().await).await;
    the_first_access_of_an_identity_stays(&*make().await).await;
    contested_ids_are_seen(&*make().await).await;
    commands_have_all_their_rows(&*make().await).await;
    devices_follow_their_own_order(&*make().await).await;
    leaves_are_found_before_an_offset(&*make().await).await;
    progress_never_goes_back(&*make().await).await;
    heads_move_only_from_where_they_are(&*make().await).await;
    halts_are_kept_until_resumed(&*make().await).await;
    rows_come_back_as_they_were(&*make().await).await;
}

#[tokio::test]
async fn view_store_contract_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    suite(async || {
        let name = format!("sqlite://{}/{}.db", folder.path().display(), Uuid::now_v7());
        store::open(&name.parse().unwrap()).await.unwrap()
    })
    .await;
}

#[tokio::test]
async fn view_store_contract_on_scratch_sqlite() {
    suite(async || store::scratch().await.unwrap()).await;
}

#[tokio::test]
async fn a_reader_sees_what_the_writer_wrote_and_nothing_before() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/views.db", folder.path().display())
        .parse()
        .unwrap();
    let reader = store::open_reader(&url).unwrap();
    let progress = || reader.progress(Topic::AccessEvents, 1);
    assert!(matches!(progress().await, Err(StoreError::Unavailable(_))));
    let writer = store::open(&url).await.unwrap();
    assert_eq!(progress().await.unwrap(), None);
    apply(&*writer, vec![]).await;
    assert_eq!(
        reader.progress(Topic::AccessEvents, 0).await.unwrap(),
        Some(0)
    );
    drop(writer);
    let again = store::open(&url).await.unwrap();
    assert_eq!(
        again
            .reader()
            .progress(Topic::AccessEvents, 0)
            .await
            .unwrap(),
        Some(0)
    );
}

#[test]
fn only_supported_urls_are_taken() {
    for url in [
        "postgres://h/d",
        "sqlite:relative",
        "sqlite://host/x",
        "sqlite:///x?mode=ro",
        "sqlite:///",
    ] {
        assert!(store::check_url(&url.parse().unwrap()).is_err(), "{url}");
    }
}

async fn apply(store: &dyn ViewStore, rows: Vec<RowWrite>) {
    let progress = Progress {
        topic: Topic::AccessEvents,
        partition: 0,
        next: 0,
    };
    store.apply(rows, progress).await.unwrap();
}

fn event(number: u128) -> EventId {
    EventId(Uuid::from_u128(number))
}

fn access(offset: u64, occurred_at: Timestamp) -> AccessRow {
    let event = event(offset.into());
    AccessRow {
        complex: complex("sunrise"),
        identity: AccessIdentity::of_event(event),
        event,
        offset,
        occurred_at,
        subject: Some(Uuid::from_u128(u128::from(offset % 2))),
        device: Some(device(if offset.is_multiple_of(3) {
            "sunrise.gate"
        } else {
            "sunrise.door"
        })),
        automation: Automation::from_number(i32::try_from(offset % 3).unwrap()),
        command: None,
        record: AccessRecord {
            event_id: event.to_string(),
            leaf_index: offset,
            ..Default::default()
        },
    }
}

fn write(row: AccessRow) -> RowWrite {
    RowWrite::Access(Box::new(row))
}

fn query(complex: &str) -> AccessQuery {
    AccessQuery {
        complex: self::complex(complex),
        from: None,
        until: None,
        subject: None,
        device: None,
        automation: None,
    }
}

async fn offsets(store: &dyn ViewStore, query: &AccessQuery, page: usize) -> Vec<u64> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let rows = store.reader().search(query, after, page).await.unwrap();
        assert!(rows.len() <= page);
        after = rows.last().map(AccessCursor::of);
        found.extend(rows.iter().map(|row| row.offset));
        if rows.len() < page {
            return found;
        }
    }
}

async fn searches_page_through_newest_first(store: &dyn ViewStore) {
    // Times repeat and run backwards now and then; one lies before 1970.
    let time = |i: u64| {
        if i == 3 {
            Timestamp::UNIX_EPOCH - SignedDuration::from_secs(9)
        } else {
            at(i64::try_from(i / 4 * 4 % 20).unwrap())
        }
    };
    let mut rows: Vec<AccessRow> = (0..30).map(|i| access(i, time(i))).collect();
    let elsewhere = AccessRow {
        complex: complex("sunset"),
        ..access(99, at(1))
    };
    apply(
        store,
        rows.iter().cloned().chain([elsewhere]).map(write).collect(),
    )
    .await;
    rows.sort_by_key(|row| std::cmp::Reverse((row.occurred_at, row.offset)));
    let expected: Vec<u64> = rows.iter().map(|row| row.offset).collect();
    for page in [1, 2, 7, 30, 100] {
        assert_eq!(
            offsets(store, &query("sunrise"), page).await,
            expected,
            "{page}"
        );
    }
    assert_eq!(
        offsets(store, &query("nowhere"), 10).await,
        Vec::<u64>::new()
    );
}

async fn searches_keep_to_what_is_asked(store: &dyn ViewStore) {
    let nanosecond = SignedDuration::from_nanos(1);
    let rows: Vec<AccessRow> = (0..40u64)
        .map(|i| access(i, at(0) + nanosecond * i32::try_from(i).unwrap()))
        .collect();
    apply(store, rows.iter().cloned().map(write).collect()).await;
    let base = query("sunrise");
    let subject = Some(Uuid::from_u128(1));
    let gate = Some(device("sunrise.gate"));
    let queries = [
        AccessQuery {
            from: Some(at(0) + nanosecond * 7),
            ..base.clone()
        },
        AccessQuery {
            until: Some(at(0) + nanosecond * 7),
            ..base.clone()
        },
        AccessQuery {
            subject,
            ..base.clone()
        },
        AccessQuery {
            device: gate.clone(),
            ..base.clone()
        },
        AccessQuery {
            automation: Some(Automation::Manual),
            ..base.clone()
        },
        AccessQuery {
            from: Some(at(0) + nanosecond * 3),
            until: Some(at(0) + nanosecond * 33),
            subject,
            device: gate,
            automation: None,
            ..base
        },
    ];
    for query in queries {
        let wanted = |row: &&AccessRow| {
            query.from.is_none_or(|from| row.occurred_at >= from)
                && query.until.is_none_or(|until| row.occurred_at < until)
                && (query.subject.is_none() || row.subject == query.subject)
                && (query.device.is_none() || row.device == query.device)
                && (query.automation.is_none() || row.automation == query.automation)
        };
        let expected: Vec<u64> = rows
            .iter()
            .rev()
            .filter(wanted)
            .map(|row| row.offset)
            .collect();
        assert!(!expected.is_empty());
        assert_eq!(offsets(store, &query, 4).await, expected, "{query:?}");
    }
}

async fn the_first_access_of_an_identity_stays(store: &dyn ViewStore) {
    let identity = AccessIdentity::of_partner_event(&"acme".parse().unwrap(), "e/1");
    let same = |offset, time| AccessRow {
        identity: identity.clone(),
        ..access(offset, time)
    };
    for offset in [5, 3, 9, 4] {
        // The later ones lie in other times, so that an index by time would show them too.
        apply(
            store,
            vec![write(same(offset, at(i64::try_from(offset).unwrap())))],
        )
        .await;
    }
    assert_eq!(offsets(store, &query("sunrise"), 10).await, [3]);
    let reader = store.reader();
    let found = |number| reader.access(complex_ref(), event(number));
    assert_eq!(found(3).await.unwrap(), Some(same(3, at(3))));
    assert_eq!(found(5).await.unwrap(), None);
    // Two accesses with one event id: the first is the one that is found by it.
    let twin = AccessRow {
        event: event(3),
        ..access(1, at(1))
    };
    apply(store, vec![write(twin.clone())]).await;
    assert_eq!(found(3).await.unwrap(), Some(twin));
    let elsewhere = reader.access(&complex("sunset"), event(3)).await.unwrap();
    assert_eq!(elsewhere, None);
}

fn complex_ref() -> &'static domain::id::ComplexId {
    static SUNRISE: std::sync::LazyLock<domain::id::ComplexId> =
        std::sync::LazyLock::new(|| complex("sunrise"));
    &SUNRISE
}

async fn contested_ids_are_seen(store: &dyn ViewStore) {
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
        digest("other", 5, 2),
        digest("other", 6, 1),
        digest("other", 4, 1),
    ];
    apply(store, rows.iter().cloned().map(RowWrite::Digest).collect()).await;
    let reader = store.reader();
    let contested = reader.contested(rows.to_vec()).await.unwrap();
    assert_eq!(contested, [digest("other", 5, 2)]);
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

async fn commands_have_all_their_rows(store: &dyn ViewStore) {
    let claim = |number, offset| ClaimRow {
        complex: complex("sunrise"),
        command: command(number),
        offset,
        event: event(offset.into()),
        verdict: if offset == 2 {
            Verdict::Deny
        } else {
            Verdict::Allow
        },
        late: offset == 1,
    };
    let completion = |number, offset, outcome| CompletionRow {
        complex: complex("sunrise"),
        command: command(number),
        offset,
        outcome,
        at: at(7),
    };
    let claims = [claim(1, 1), claim(1, 2), claim(1, 3), claim(2, 4)];
    let completions = [
        completion(1, 5, Outcome::Unknown),
        completion(1, 6, Outcome::Executed),
    ];
    for _ in 0..2 {
        let mut rows: Vec<RowWrite> = claims.iter().cloned().map(RowWrite::Claim).collect();
        rows.extend(completions.iter().cloned().map(RowWrite::Completion));
        rows.reverse();
        apply(store, rows).await;
    }
    let asked = [command(1), command(2), command(3)];
    let found = store
        .reader()
        .commands(complex_ref(), &asked)
        .await
        .unwrap();
    assert_eq!(found.len(), 2);
    assert_eq!(found[&command(1)].claims, claims[..3]);
    assert_eq!(found[&command(1)].completions, completions);
    assert_eq!(found[&command(2)].claims, claims[3..]);
    let elsewhere = store
        .reader()
        .commands(&complex("sunset"), &asked)
        .await
        .unwrap();
    assert!(elsewhere.is_empty());
}

async fn devices_follow_their_own_order(store: &dyn ViewStore) {
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

async fn leaves_are_found_before_an_offset(store: &dyn ViewStore) {
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

async fn progress_never_goes_back(store: &dyn ViewStore) {
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

async fn heads_move_only_from_where_they_are(store: &dyn ViewStore) {
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

async fn halts_are_kept_until_resumed(store: &dyn ViewStore) {
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

async fn rows_come_back_as_they_were(store: &dyn ViewStore) {
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
