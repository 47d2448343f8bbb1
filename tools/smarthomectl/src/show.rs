//! The changes as operators read them: `+` is new, `~` is changed, `-` is left out now.

use std::fmt;

use crate::diff::{Diff, EntityDiff, FieldDiff};
use crate::tree;

/// All changes, and one line that counts them.
pub(crate) struct Plan<'a>(pub(crate) &'a [Diff]);

impl fmt::Display for Plan<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for diff in self.0.iter().filter(|diff| !diff.changes.is_empty()) {
            writeln!(f, "{}:", diff.complex)?;
            for change in &diff.changes {
                entity(f, change)?;
            }
            writeln!(f)?;
        }
        let changes = || self.0.iter().flat_map(|diff| &diff.changes);
        let created = changes().filter(|change| change.version == 0).count();
        let changed = changes().count() - created;
        let unchanged: usize = self.0.iter().map(|diff| diff.unchanged).sum();
        writeln!(
            f,
            "Plan: {created} to create, {changed} to change, {unchanged} unchanged."
        )
    }
}

fn entity(f: &mut fmt::Formatter<'_>, change: &EntityDiff) -> fmt::Result {
    let sign = if change.version == 0 { '+' } else { '~' };
    let entity = &change.entity;
    writeln!(f, "  {sign} {} {}", tree::kind(entity), tree::id(entity))?;
    change.fields.iter().try_for_each(|diff| field(f, diff))
}

fn field(f: &mut fmt::Formatter<'_>, diff: &FieldDiff) -> fmt::Result {
    let path = &diff.path;
    match (&diff.old, &diff.new) {
        (Some(old), Some(new)) => writeln!(f, "      ~ {path}: {old} → {new}"),
        (Some(old), None) => writeln!(f, "      - {path}: {old}"),
        (None, Some(new)) => writeln!(f, "      + {path}: {new}"),
        (None, None) => Ok(()),
    }
}
