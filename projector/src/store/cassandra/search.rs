//! Searching: the buckets that may hold something, newest first, and of their entries those that
//! still stand for an access.

use domain::id::DeviceId;
use futures::{StreamExt as _, TryStreamExt as _};
use scylla::DeserializeRow;
use scylla::response::PagingState;
use uuid::Uuid;

use super::super::query::order_of;
use super::super::{AccessCursor, AccessQuery, StoreError};
use super::link::Connected;
use super::position::Scope;
use super::read::access;
use crate::views::AccessRow;

const TABLE: &str = "access_by_time";

/// All of a complex: the scope with its name in the table.
pub(super) fn of_complex() -> (Scope, String) {
    (Scope::Complex, "all".to_owned())
}

/// One subject or pass.
pub(super) fn of_subject(subject: Uuid) -> (Scope, String) {
    (Scope::Subject, format!("subject/{subject}"))
}

/// One device.
pub(super) fn of_device(device: &DeviceId) -> (Scope, String) {
    (Scope::Device, format!("device/{device}"))
}

/// A row of `access_by_time`.
#[derive(DeserializeRow)]
struct Entry {
    off: i64,
    identity: String,
    subject: Option<Uuid>,
    device: Option<String>,
}

impl Entry {
    fn matches(&self, query: &AccessQuery) -> bool {
        let device = query.device.as_ref().map(DeviceId::as_str);
        (query.subject.is_none() || query.subject == self.subject)
            && (device.is_none() || device == self.device.as_deref())
    }
}

/// From, included, and until, excluded, as places in the order.
struct Range {
    from: (i64, i64),
    until: (i64, i64),
}

impl Range {
    fn of(query: &AccessQuery, after: Option<AccessCursor>) -> Self {
        let end = query
            .until
            .map_or((i64::MAX, i64::MAX), |until| (order_of(until), 0));
        let after =
            after.map(|after| (after.time, i64::try_from(after.offset).unwrap_or(i64::MAX)));
        Self {
            from: (query.from.map_or(i64::MIN, order_of), 0),
            until: after.map_or(end, |after| after.min(end)),
        }
    }
}

/// As [`ViewReader::search`](super::super::ViewReader::search).
pub(super) async fn search(
    connected: &Connected,
    query: &AccessQuery,
    after: Option<AccessCursor>,
    limit: usize,
) -> Result<Vec<AccessRow>, StoreError> {
    let (scope, name) = match (query.subject, &query.device) {
        (Some(subject), _) => of_subject(subject),
        (None, Some(device)) => of_device(device),
        (None, None) => of_complex(),
    };
    let complex = query.complex.as_str();
    let Range { from, until } = Range::of(query, after);
    let span = (
        complex,
        name.as_str(),
        scope.bucket(from.0),
        scope.bucket(until.0),
    );
    let buckets = connected
        .all("access_buckets", &connected.reads.access_buckets, span)
        .await?;
    let mut found = Vec::new();
    for (bucket,) in buckets {
        let bucket: i32 = bucket;
        let values = (
            complex,
            name.as_str(),
            bucket,
            from.0,
            from.1,
            until.0,
            until.1,
        );
        let mut next = Some(PagingState::start());
        while let Some(state) = next {
            let statement = &connected.reads.access_by_time;
            let (entries, after) = connected.page(TABLE, statement, values, state).await?;
            next = after;
            let wanted = entries
                .into_iter()
                .filter(|entry: &Entry| entry.matches(query));
            let looks = wanted.map(|entry| standing(connected, complex, entry));
            let mut rows = futures::stream::iter(looks).buffered(
                connected
                    .requests
                    .min(limit.saturating_sub(found.len()).max(1)),
            );
            while found.len() < limit {
                match rows.try_next().await? {
                    Some(row) => found.extend(row),
                    None => break,
                }
            }
            if found.len() >= limit {
                return Ok(found);
            }
        }
    }
    Ok(found)
}

/// The access of an entry; none if a record with a lesser offset has taken its identity.
async fn standing(
    connected: &Connected,
    complex: &str,
    entry: Entry,
) -> Result<Option<AccessRow>, StoreError> {
    let current = access(connected, complex, &entry.identity).await?;
    current
        .filter(|current| current.off == entry.off)
        .map(|current| current.row(complex, entry.identity))
        .transpose()
}
