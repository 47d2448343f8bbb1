//! What searches find, and how accesses and commands are kept.

use super::*;

pub(super) async fn offsets(store: &dyn ViewStore, query: &AccessQuery, page: usize) -> Vec<u64> {
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

pub(super) async fn searches_page_through_newest_first(store: &dyn ViewStore) {
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

pub(super) async fn searches_keep_to_what_is_asked(store: &dyn ViewStore) {
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
            from: Some(at(0) + nanosecond * 3),
            until: Some(at(0) + nanosecond * 33),
            subject,
            device: gate,
            ..base
        },
    ];
    for query in queries {
        let wanted = |row: &&AccessRow| {
            query.from.is_none_or(|from| row.occurred_at >= from)
                && query.until.is_none_or(|until| row.occurred_at < until)
                && (query.subject.is_none() || row.subject == query.subject)
                && (query.device.is_none() || row.device == query.device)
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

pub(super) async fn the_first_access_of_an_identity_stays(store: &dyn ViewStore) {
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

pub(super) fn complex_ref() -> &'static domain::id::ComplexId {
    static SUNRISE: std::sync::LazyLock<domain::id::ComplexId> =
        std::sync::LazyLock::new(|| complex("sunrise"));
    &SUNRISE
}

pub(super) async fn commands_have_all_their_rows(store: &dyn ViewStore) {
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
        device: device("sunrise.gate"),
        leaf: 10 * offset,
    };
    let completion = |number, offset, outcome| CompletionRow {
        complex: complex("sunrise"),
        command: command(number),
        offset,
        event: event(offset.into()),
        outcome,
        at: at(7),
        leaf: 10 * offset,
    };
    let claims = [claim(1, 1), claim(1, 2), claim(1, 3), claim(2, 4)];
    let completions = [
        completion(1, 5, Outcome::Unknown),
        completion(1, 6, Outcome::Executed),
    ];
    let observations = [observation(1, 7), observation(1, 8)];
    for _ in 0..2 {
        let mut rows: Vec<RowWrite> = claims.iter().cloned().map(RowWrite::Claim).collect();
        rows.extend(completions.iter().cloned().map(RowWrite::Completion));
        let seen = observations.iter().cloned();
        rows.extend(seen.map(RowWrite::Observation));
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
    assert_eq!(found[&command(1)].observations, observations);
    assert_eq!(found[&command(2)].claims, claims[3..]);
    let elsewhere = store
        .reader()
        .commands(&complex("sunset"), &asked)
        .await
        .unwrap();
    assert!(elsewhere.is_empty());
}
