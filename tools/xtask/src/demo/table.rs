//! The day as one readable table.

use comfy_table::{ContentArrangement, Table, presets};

use super::check::{Checked, decision};

/// Time, who, what, decision, outcome, leaf.
pub(crate) fn day(checked: &Checked) -> String {
    let mut table = Table::new();
    table
        .load_style(presets::UTF8_FULL_CONDENSED)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(["time (UTC)", "who", "what", "decision", "outcome", "leaf"]);
    for row in &checked.rows {
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
        table.add_row([
            step.at.strftime("%H:%M:%S%.3f").to_string(),
            step.who.to_owned(),
            format!("{} ({})", step.what, step.expected.device),
            decision,
            step.told.clone(),
            leaf,
        ]);
    }
    table.to_string()
}
