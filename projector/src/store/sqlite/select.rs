//! Statements of searches with their values.

use rusqlite::types::Value;

use super::super::query::order_of;
use super::super::{AccessCursor, AccessQuery, AlarmQuery, ReadQuery, StatusCursor, StatusQuery};
use super::decode;

/// A statement that grows, with its values.
struct Select {
    sql: String,
    values: Vec<Value>,
}

impl Select {
    /// Of a table by this index: SQLite knows nothing of how much a value narrows a search, and reads
    /// a page behind the first by time alone if it may choose.
    fn by(index: &str, columns: &str, table: &str, key: &str, value: String) -> Self {
        Self::of(columns, &format!("{table} INDEXED BY {index}"), key, value)
    }

    fn of(columns: &str, table: &str, key: &str, value: String) -> Self {
        Self {
            sql: format!("SELECT {columns} FROM {table} WHERE {key} = ?"),
            values: vec![value.into()],
        }
    }

    fn only(&mut self, condition: &str, value: impl Into<Value>) {
        self.sql.push_str(condition);
        self.values.push(value.into());
    }

    fn time(&mut self, from: Option<jiff::Timestamp>, until: Option<jiff::Timestamp>) {
        if let Some(from) = from {
            self.only(" AND time >= ?", order_of(from));
        }
        if let Some(until) = until {
            self.only(" AND time < ?", order_of(until));
        }
    }

    fn newest_first(mut self, after: Option<AccessCursor>, limit: usize) -> (String, Vec<Value>) {
        if let Some(after) = after {
            self.only(" AND (time, off) < (?,", after.time);
            self.only(" ?)", int(after.offset));
        }
        self.only(" ORDER BY time DESC, off DESC LIMIT ?", int(limit as u64));
        (self.sql, self.values)
    }
}

/// Of accesses.
pub(super) fn accesses(
    query: &AccessQuery,
    after: Option<AccessCursor>,
    limit: usize,
) -> (String, Vec<Value>) {
    let complex = query.complex.to_string();
    let index = match (query.subject, &query.device) {
        (Some(_), _) => "access_subject",
        (None, Some(_)) => "access_device",
        (None, None) => "access_time",
    };
    let mut select = Select::by(index, decode::ACCESS, "access", "complex", complex);
    select.time(query.from, query.until);
    if let Some(subject) = query.subject {
        select.only(" AND subject = ?", subject.to_string());
    }
    if let Some(device) = &query.device {
        select.only(" AND device = ?", device.to_string());
    }
    select.newest_first(after, limit)
}

/// Of alarms.
pub(super) fn alarms(
    query: &AlarmQuery,
    after: Option<AccessCursor>,
    limit: usize,
) -> (String, Vec<Value>) {
    let complex = query.complex.to_string();
    let mut select = match query.device {
        Some(_) => Select::by("alarms_device", decode::ALARM, "alarms", "complex", complex),
        None => Select::of(decode::ALARM, "alarms", "complex", complex),
    };
    select.time(query.from, query.until);
    if let Some(device) = &query.device {
        select.only(" AND device = ?", device.to_string());
    }
    for (i, kind) in query.kinds.iter().enumerate() {
        let condition = if i == 0 { " AND kind IN (?" } else { ", ?" };
        select.only(condition, i32::from(*kind));
    }
    if !query.kinds.is_empty() {
        select.sql.push(')');
    }
    select.newest_first(after, limit)
}

/// Of reads.
pub(super) fn reads(
    query: &ReadQuery,
    after: Option<AccessCursor>,
    limit: usize,
) -> (String, Vec<Value>) {
    let complex = query.complex.to_string();
    let mut select = Select::of(decode::READ, "reads", "complex", complex);
    select.only(" AND scope = ?", query.scope.as_text());
    select.time(query.from, query.until);
    select.newest_first(after, limit)
}

/// Of a device's reports.
pub(super) fn history(
    query: &StatusQuery,
    after: Option<StatusCursor>,
    limit: usize,
) -> (String, Vec<Value>) {
    let device = query.device.to_string();
    let mut select = Select::of(decode::DEVICE, "statuses", "device", device);
    select.time(query.from, query.until);
    if let Some(after) = after {
        select.only(" AND (time, epoch, sequence) < (?,", after.time);
        select.only(" ?,", after.sequence.epoch.to_be_bytes().to_vec());
        select.only(" ?)", after.sequence.sequence.to_be_bytes().to_vec());
    }
    let order = " ORDER BY time DESC, epoch DESC, sequence DESC LIMIT ?";
    select.only(order, int(limit as u64));
    (select.sql, select.values)
}

fn int(number: u64) -> Value {
    i64::try_from(number).unwrap_or(i64::MAX).into()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use jiff::{SignedDuration, Timestamp};
    use rusqlite::params_from_iter;
    use uuid::Uuid;

    use super::super::schema;
    use super::*;

    /// How SQLite goes about it.
    fn plan((sql, values): (String, Vec<Value>)) -> String {
        let store = schema::open_in_memory().unwrap();
        let mut explained = store.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let steps = explained
            .query_map(params_from_iter(values), |row| row.get::<_, String>(3))
            .unwrap();
        steps.collect::<Result<Vec<_>, _>>().unwrap().join("; ")
    }

    #[test]
    fn every_page_of_a_search_is_read_in_order_from_the_index_that_narrows_it_most() {
        let now = Timestamp::now();
        let device = || Some("sunrise.gate".parse().unwrap());
        let subject = Some(Uuid::from_u128(7));
        let behind = AccessCursor {
            time: order_of(now),
            offset: 9,
        };
        for (subject, device, wanted) in [
            (None, None, "access_time (complex=?"),
            (subject, None, "access_subject (complex=? AND subject=?"),
            (None, device(), "access_device (complex=? AND device=?"),
            (subject, device(), "access_subject (complex=? AND subject=?"),
        ] {
            let query = AccessQuery {
                complex: "sunrise".parse().unwrap(),
                from: Some(now - SignedDuration::from_hours(1)),
                until: Some(now),
                subject,
                device,
            };
            for after in [None, Some(behind)] {
                let plan = plan(accesses(&query, after, 51));
                assert!(plan.contains(wanted), "{plan}");
                assert!(plan.contains("time") && !plan.contains("B-TREE"), "{plan}");
            }
        }
    }

    #[test]
    fn every_page_of_a_devices_alarms_is_read_in_order_from_the_devices_index() {
        let now = Timestamp::now();
        let query = AlarmQuery {
            complex: "sunrise".parse().unwrap(),
            from: Some(now),
            until: None,
            device: Some("sunrise.gate".parse().unwrap()),
            kinds: Vec::new(),
        };
        let behind = AccessCursor {
            time: order_of(now),
            offset: 9,
        };
        for after in [None, Some(behind)] {
            let plan = plan(alarms(&query, after, 51));
            assert!(
                plan.contains("alarms_device (complex=? AND device=?"),
                "{plan}"
            );
            assert!(!plan.contains("B-TREE"), "{plan}");
        }
    }
}
