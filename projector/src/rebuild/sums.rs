//! What a table holds, in little room, so that tables of any size can be compared: for each of many parts
//! the sum of its rows' hashes, which is the same in whatever order they come.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::Value;

use super::progress::ProgressShown;
use super::rows::name;
use crate::dump;
use crate::store::{StoreError, Table, ViewReader};

/// Parts of a table; four megabytes of sums.
const PARTS: usize = 1 << 18;

/// The sums of a table's parts.
pub(super) struct Sums(Vec<u128>);

impl Sums {
    /// Reads the table once.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(super) async fn of(
        views: &dyn ViewReader,
        table: Table,
        shown: &mut ProgressShown,
    ) -> Result<Self, StoreError> {
        let mut sums = Self(vec![0; PARTS]);
        let mut take = |rows: Vec<_>| {
            shown.advance(rows.len());
            rows.iter().for_each(|row| sums.add(&dump::json(row)));
        };
        views.each(table, &mut take).await?;
        Ok(sums)
    }

    fn add(&mut self, row: &Value) {
        let hash = digest(&SHA256, row.to_string().as_bytes());
        let half = hash.as_ref().first_chunk().copied().unwrap_or_default();
        if let Some(sum) = self.0.get_mut(part(&name(row))) {
            *sum = sum.wrapping_add(u128::from_be_bytes(half));
        }
    }

    /// The parts in which another table differs.
    pub(super) fn other_in(&self, other: &Self) -> BTreeSet<usize> {
        let both = self.0.iter().zip(&other.0).enumerate();
        both.filter(|(_, (one, other))| one != other)
            .map(|(part, _)| part)
            .collect()
    }
}

/// The part that a row is in, by its table and key.
pub(super) fn part(name: &str) -> usize {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    hasher.finish() as usize % PARTS
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sums(rows: &[(&str, u32)]) -> Sums {
        let mut sums = Sums(vec![0; PARTS]);
        for (device, status) in rows {
            sums.add(&json!({"table": "devices", "device": device, "status": status}));
        }
        sums
    }

    #[test]
    fn only_the_parts_of_what_differs_differ() {
        let here = sums(&[("a", 1), ("b", 2), ("c", 3)]);
        let none = BTreeSet::new();
        assert_eq!(here.other_in(&sums(&[("c", 3), ("a", 1), ("b", 2)])), none);
        let b = BTreeSet::from([part("devices b")]);
        assert_eq!(here.other_in(&sums(&[("a", 1), ("b", 9), ("c", 3)])), b);
        assert_eq!(here.other_in(&sums(&[("a", 1), ("c", 3)])), b);
        assert_eq!(
            here.other_in(&sums(&[("a", 1), ("b", 2), ("b", 2), ("c", 3)])),
            b
        );
    }
}
