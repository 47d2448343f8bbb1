//! Rows of the serving views against those that follow from the log.
//!
//! Both may grow while they are read, so they are compared twice: first when the new ones know no more
//! than the serving ones, then when they know no less. What a record adds or replaces differs in one of
//! the two at most; what differs in the same way both times is wrong.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::progress::ProgressShown;
use super::sums::{Sums, part};
use super::{Report, Verdict};
use crate::dump;
use crate::store::{StoreError, Table, ViewReader};
use crate::views::RowWrite;

/// Differences that are told one by one, at most.
const TOLD: usize = 20;

/// Tables with rows of topics that the log keeps for a while only: what it has removed can't be built again.
const FORGOTTEN: [&str; 4] = ["devices", "statuses", "sequences", "unreadable"];

/// A row, by its table and key: as it serves, and as it was rebuilt.
pub(super) type Differences = BTreeMap<String, (Option<Value>, Option<Value>)>;

/// What differs now. In memory are the rows of those parts of a table in which something does.
///
/// # Errors
/// [`StoreError`].
pub(super) async fn differences(
    serving: &dyn ViewReader,
    new: &dyn ViewReader,
) -> Result<Differences, StoreError> {
    let mut shown = ProgressShown::start("comparing", "rows");
    let mut all = Differences::new();
    for table in Table::ALL {
        let sums = Sums::of(serving, table, &mut shown).await?;
        let parts = sums.other_in(&Sums::of(new, table, &mut shown).await?);
        if !parts.is_empty() {
            all.extend(among(&parts, serving, new, table).await?);
        }
    }
    Ok(all)
}

/// What differs in some parts of a table.
async fn among(
    parts: &BTreeSet<usize>,
    serving: &dyn ViewReader,
    new: &dyn ViewReader,
    table: Table,
) -> Result<Differences, StoreError> {
    let mut found = Differences::new();
    let rows = |rows: Vec<RowWrite>| {
        let rows = rows.into_iter().map(|row| dump::json(&row));
        let named = rows.map(|row| (name(&row), row));
        named.filter(|(name, _)| parts.contains(&part(name)))
    };
    let mut take = |all| found.extend(rows(all).map(|(name, row)| (name, (Some(row), None))));
    serving.each(table, &mut take).await?;
    let mut take = |all| {
        for (name, row) in rows(all) {
            found.entry(name).or_default().1 = Some(row);
        }
    };
    new.each(table, &mut take).await?;
    found.retain(|_, (old, new)| old != new);
    Ok(found)
}

/// What is wrong, of what differed before and differs still. `removed`: the log has removed records that
/// it kept for a while only.
pub(super) fn report(before: &Differences, after: &Differences, removed: bool) -> Report {
    let mut report = Report {
        lines: Vec::new(),
        verdict: Verdict::Same,
    };
    let (mut wrong, mut moved, mut forgotten) = (0, 0, 0);
    for (name, rows) in before {
        match after.get(name) {
            None => {}
            Some((_, None)) if removed && is_forgotten(name) => forgotten += 1,
            Some(still) if still == rows => {
                if wrong < TOLD {
                    report.lines.push(format!("row {name}: {}", told(rows)));
                }
                wrong += 1;
            }
            Some(_) => moved += 1,
        }
    }
    if wrong > TOLD {
        let more = wrong - TOLD;
        report.lines.push(format!("and {more} rows more"));
    }
    if forgotten > 0 {
        let text = format!(
            "{forgotten} rows may be of records that the log keeps no longer: they are not compared, and \
             the rebuilt views lack them"
        );
        report.lines.push(text);
    }
    if moved > 0 {
        let text = format!("{moved} rows changed while they were compared: run it again");
        report.lines.push(text);
        report.verdict = Verdict::Untold;
    }
    if wrong > 0 {
        report.verdict = Verdict::Different;
    }
    report
}

fn is_forgotten(name: &str) -> bool {
    FORGOTTEN
        .iter()
        .any(|table| name.split(' ').next() == Some(table))
}

/// What differs, by the names of columns: values may be personal.
fn told(rows: &(Option<Value>, Option<Value>)) -> String {
    let (Some(serving), Some(new)) = rows else {
        return match rows.0 {
            Some(_) => "serves, and doesn't follow from the log".to_owned(),
            None => "follows from the log, and doesn't serve".to_owned(),
        };
    };
    let columns = new.as_object().into_iter().flatten();
    let columns = columns.filter(|(name, value)| serving.get(name) != Some(value));
    let columns: Vec<&str> = columns.map(|(name, _)| name.as_str()).collect();
    format!("differs in {}", columns.join(", "))
}

/// Table and key of a dumped row.
pub(super) fn name(row: &Value) -> String {
    let table = row.get("table").and_then(Value::as_str).unwrap_or_default();
    let key = key(table).iter().map(|column| match row.get(column) {
        Some(Value::String(text)) => text.clone(),
        other => other.map(Value::to_string).unwrap_or_default(),
    });
    format!("{table} {}", key.collect::<Vec<_>>().join(" "))
}

fn key(table: &str) -> &'static [&'static str] {
    match table {
        "access" => &["complex", "identity"],
        "claims" | "completions" | "observations" => &["complex", "command", "offset"],
        "digests" => &["complex", "partner", "partner_event", "digest"],
        "alarms" => &["complex", "occurred_at", "offset"],
        "devices" => &["device"],
        "statuses" => &["device", "observed_at", "epoch", "sequence"],
        "leaves" => &["log", "offset"],
        "unreadable" => &["topic", "partition", "offset"],
        "hours" => &["complex", "hour", "identity"],
        "reads" => &["complex", "scope", "occurred_at", "offset"],
        _ => &[
            "device", "partner", "epoch", "sequence", "rejected", "happened",
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn one(serving: Option<i32>, new: Option<i32>) -> Differences {
        let row = |value: i32| json!({"table": "devices", "device": "a", "status": value});
        Differences::from([("devices a".to_owned(), (serving.map(row), new.map(row)))])
    }

    #[test]
    fn what_only_moves_is_no_difference() {
        let none = Differences::new();
        assert_eq!(report(&none, &none, false).verdict, Verdict::Same);
        // The serving row was older, and has caught up.
        assert_eq!(
            report(&one(Some(2), Some(1)), &none, false).verdict,
            Verdict::Same
        );
        // New since the first look.
        assert_eq!(
            report(&none, &one(None, Some(1)), false).verdict,
            Verdict::Same
        );
        let moved = report(&one(Some(2), Some(1)), &one(Some(2), Some(3)), false);
        assert_eq!(moved.verdict, Verdict::Untold);
    }

    #[test]
    fn what_the_log_has_removed_is_counted_and_no_difference() {
        let old = one(Some(1), None);
        let report = report(&old, &old, true);
        assert_eq!((report.verdict, report.lines.len()), (Verdict::Same, 1));
        let wrong = one(Some(1), Some(2));
        assert_eq!(
            super::report(&wrong, &wrong, true).verdict,
            Verdict::Different
        );
    }

    #[test]
    fn what_stays_different_is_told_by_its_columns() {
        for (rows, told) in [
            (one(Some(2), Some(1)), "row devices a: differs in status"),
            (
                one(Some(2), None),
                "row devices a: serves, and doesn't follow from the log",
            ),
            (
                one(None, Some(1)),
                "row devices a: follows from the log, and doesn't serve",
            ),
        ] {
            let report = report(&rows, &rows, false);
            assert_eq!(report.verdict, Verdict::Different);
            assert_eq!(report.lines, [told]);
        }
    }
}
