//! Perimeters that are over before they begin.

use domain::registry::Entity;
use jiff::Timestamp;

use crate::check;
use crate::diff::Diff;
use crate::document::Document;
use crate::problem::Problem;

/// Perimeters that change, have ended at `now`, and don't say that they are closed: nothing would
/// open through them, and whoever wrote the date meant another. Those that stand so are left alone.
pub(crate) fn perimeters(documents: &[Document], diffs: &[Diff], now: Timestamp) -> Vec<Problem> {
    let changed = check::changed(diffs);
    let ended = documents.iter().filter(|document| {
        let changes = changed.contains(&(&document.complex, document.entity.key()));
        let Entity::Perimeter(perimeter) = &document.entity else {
            return false;
        };
        changes && !perimeter.closed && perimeter.not_after.is_some_and(|end| end <= now)
    });
    let what = "has passed, so nothing would open; write a later time, or `closed: true` to end it";
    ended
        .map(|document| document.problem("not_after", what))
        .collect()
}
