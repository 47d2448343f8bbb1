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
    let mut select = Select::of(decode::ACCESS, "access", "complex", complex);
    select.time(query.from, query.until);
    if let Some(subject) = query.subject {
        select.only(" AND subject = ?", subject.to_string());
    }
    if let Some(device) = &query.device {
        select.only(" AND device = ?", device.to_string());
    }
    if let Some(automation) = query.automation {
        select.only(" AND automation = ?", automation.number());
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
    let mut select = Select::of(decode::ALARM, "alarms", "complex", complex);
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
