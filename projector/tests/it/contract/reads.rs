//! How reads of audit data are kept and found.

use projector::store::ReadQuery;
use projector::views::{ReadRow, ReadScope};
use proto::access::AuditRead;

use super::*;

fn read(offset: u64, scope: ReadScope) -> ReadRow {
    ReadRow {
        complex: complex("sunrise"),
        scope,
        // Over several months, some at the same instant.
        occurred_at: at(i64::try_from(offset / 3 * 1_000_000).unwrap()),
        offset,
        read: AuditRead {
            object: offset.to_string(),
            ..AuditRead::default()
        },
    }
}

pub(super) async fn reads_are_found_by_whom_they_are_of(store: &dyn ViewStore) {
    let (reader, person) = (Uuid::from_u128(1), Uuid::from_u128(2));
    let scopes = [
        ReadScope::Complex,
        ReadScope::By(reader),
        ReadScope::About(person),
    ];
    let of = |scope, step| {
        (0..20)
            .step_by(step)
            .map(move |i| read(i, scope))
            .collect::<Vec<_>>()
    };
    let rows = [of(scopes[0], 1), of(scopes[1], 2), of(scopes[2], 3)];
    let elsewhere = ReadRow {
        complex: complex("sunset"),
        ..read(77, ReadScope::Complex)
    };
    for _ in 0..2 {
        let all = rows.iter().flatten().cloned().chain([elsewhere.clone()]);
        let all = all.map(|row| RowWrite::Read(Box::new(row)));
        apply(store, all.collect()).await;
    }
    let reader = store.reader();
    for (scope, mut rows) in scopes.into_iter().zip(rows) {
        rows.reverse();
        for (from, until) in [(None, None), (Some(at(2_000_000)), Some(at(5_000_000)))] {
            let query = ReadQuery {
                complex: complex("sunrise"),
                scope,
                from,
                until,
            };
            let expected = rows.iter().filter(|row| {
                from.is_none_or(|from| row.occurred_at >= from)
                    && until.is_none_or(|until| row.occurred_at < until)
            });
            let expected: Vec<_> = expected.cloned().collect();
            let (mut found, mut after) = (Vec::new(), None);
            loop {
                let page = reader.reads(&query, after, 3).await.unwrap();
                after = page.last().map(AccessCursor::of_read);
                if page.is_empty() {
                    break;
                }
                found.extend(page);
            }
            assert_eq!(found, expected, "{scope:?}");
        }
    }
    let nobody = ReadQuery {
        complex: complex("sunrise"),
        scope: ReadScope::About(Uuid::from_u128(9)),
        from: None,
        until: None,
    };
    assert_eq!(reader.reads(&nobody, None, 9).await.unwrap(), []);
    assert_eq!(
        reader.scan(Table::Reads).await.unwrap().len(),
        20 + 10 + 7 + 1
    );
}
