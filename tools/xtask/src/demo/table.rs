//! The day as one readable table, which is the same on every engine but for the times.

use comfy_table::{ContentArrangement, Table, presets};

use super::check::{Checked, Row, decision};

/// What the table must say, reviewed like code: one line a step, without its time.
const REVIEWED: &str = include_str!("table.txt");
const HEADER: [&str; 6] = ["time (UTC)", "who", "what", "decision", "outcome", "leaf"];

/// The table.
pub(crate) struct Day(Vec<[String; 6]>);

impl Day {
    /// Time, who, what, decision, outcome, leaf.
    pub(crate) fn of(checked: &Checked) -> Self {
        Self(checked.rows.iter().map(cells).collect())
    }

    /// Lines that differ from what they must say.
    pub(crate) fn differences(&self) -> Vec<String> {
        let said: Vec<String> = self.0.iter().map(|row| row[1..].join(" | ")).collect();
        let mut differences: Vec<String> = said
            .iter()
            .zip(REVIEWED.lines())
            .filter(|(said, reviewed)| said != reviewed)
            .map(|(said, reviewed)| format!("`{said}`, but must be `{reviewed}`"))
            .collect();
        let (rows, expected) = (said.len(), REVIEWED.lines().count());
        if rows != expected {
            differences.push(format!("{rows} rows, but there must be {expected}"));
        }
        differences
    }
}

impl std::fmt::Display for Day {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut table = Table::new();
        table
            .load_style(presets::UTF8_FULL_CONDENSED)
            .set_content_arrangement(ContentArrangement::Disabled)
            .set_header(HEADER)
            .add_rows(&self.0);
        write!(f, "{table}")
    }
}

fn cells(row: &Row) -> [String; 6] {
    let step = &row.step;
    let (decision, leaf) = row.record.as_ref().map_or_else(
        || ("MISSING".to_owned(), "-".to_owned()),
        |record| {
            (
                decision(record),
                format!("{} #{}", record.complex_id, record.leaf_index),
            )
        },
    );
    [
        step.at.strftime("%H:%M:%S%.3f").to_string(),
        step.who.to_owned(),
        format!("{} ({})", step.what, step.expected.device),
        decision,
        step.told.clone(),
        leaf,
    ]
}
