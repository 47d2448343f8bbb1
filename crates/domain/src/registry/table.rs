//! Rows of one kind, a million of them in little room.
//!
//! Rows stay in the order in which they came, in pieces that copies of the table share until one
//! of them changes; what finds them holds their numbers alone.

use std::hash::{BuildHasher as _, Hash, RandomState};
use std::sync::Arc;

use hashbrown::HashTable;

use super::Versioned;

/// Rows of a piece.
const PIECE: usize = 256;

/// What stands in a [`Table`].
pub(super) trait Row: Clone + PartialEq {
    /// What names it.
    type Key: Copy + Ord + Hash;

    /// Its name.
    fn key(&self) -> Self::Key;
}

/// Rows by key. None is ever taken out.
#[derive(Debug, Clone)]
pub(super) struct Table<T> {
    pieces: Vec<Arc<Vec<Versioned<T>>>>,
    index: HashTable<u32>,
    hasher: RandomState,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self {
            pieces: Vec::new(),
            index: HashTable::new(),
            hasher: RandomState::new(),
        }
    }
}

impl<T: Row> Table<T> {
    /// The row of a key.
    pub(super) fn get(&self, key: &T::Key) -> Option<&Versioned<T>> {
        self.number(key).map(|number| self.row(number))
    }

    /// A row by its number.
    pub(super) fn row(&self, number: u32) -> &Versioned<T> {
        row(&self.pieces, number)
    }

    /// Puts a row in, or in the place of the one with its key; the number of a new one.
    pub(super) fn put(&mut self, new: Versioned<T>) -> Option<u32> {
        if let Some(number) = self.number(&new.state.key()) {
            let number = number as usize;
            Arc::make_mut(&mut self.pieces[number / PIECE])[number % PIECE] = new;
            return None;
        }
        let number = u32::try_from(self.len()).expect("fewer than 2^32 rows of one complex");
        let hash = self.hasher.hash_one(new.state.key());
        if (number as usize).is_multiple_of(PIECE) {
            self.pieces.push(Arc::new(Vec::with_capacity(PIECE)));
        }
        if let Some(last) = self.pieces.last_mut() {
            Arc::make_mut(last).push(new);
        }
        let (pieces, hasher) = (&self.pieces, &self.hasher);
        self.index.insert_unique(hash, number, |number| {
            hasher.hash_one(row(pieces, *number).state.key())
        });
        Some(number)
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        let before = self.pieces.len().saturating_sub(1) * PIECE;
        before + self.pieces.last().map_or(0, |last| last.len())
    }

    /// All, in the order in which they came.
    pub(super) fn rows(&self) -> impl Iterator<Item = &Versioned<T>> {
        self.pieces.iter().flat_map(|piece| piece.iter())
    }

    /// The first `most` by key, of those behind `after`.
    pub(super) fn page(&self, after: Option<T::Key>, most: usize) -> Vec<&Versioned<T>> {
        let behind = |row: &&Versioned<T>| after.is_none_or(|after| row.state.key() > after);
        let mut page: Vec<_> = self.rows().filter(behind).collect();
        if most < page.len() {
            page.select_nth_unstable_by_key(most, |row| row.state.key());
            page.truncate(most);
        }
        page.sort_unstable_by_key(|row| row.state.key());
        page
    }

    fn number(&self, key: &T::Key) -> Option<u32> {
        let is_it = |number: &u32| self.row(*number).state.key() == *key;
        self.index.find(self.hasher.hash_one(key), is_it).copied()
    }
}

fn row<T>(pieces: &[Arc<Vec<Versioned<T>>>], number: u32) -> &Versioned<T> {
    let number = number as usize;
    &pieces[number / PIECE][number % PIECE]
}

/// The same rows in the same order, each found by its key.
impl<T: Row> PartialEq for Table<T> {
    fn eq(&self, other: &Self) -> bool {
        let found = |table: &Self| {
            table.index.len() == table.len()
                && table
                    .rows()
                    .all(|row| table.get(&row.state.key()).is_some())
        };
        self.rows().eq(other.rows()) && found(self) && found(other)
    }
}

/// Rows of a table that share something, in the order in which they came.
#[derive(Debug, Clone, Default)]
pub(super) struct Groups {
    ends: HashTable<(u32, u32)>,
    next: Vec<u32>,
    hasher: RandomState,
}

/// No row.
const NONE: u32 = u32::MAX;

impl Groups {
    /// Puts the table's newest row into its group; `shared` tells what rows share.
    pub(super) fn push<K: Hash + Eq>(&mut self, number: u32, shared: impl Fn(u32) -> K) {
        self.next.push(NONE);
        let key = shared(number);
        let hash = self.hasher.hash_one(&key);
        match self.ends.find_mut(hash, |ends| shared(ends.0) == key) {
            Some((_, last)) => {
                self.next[*last as usize] = number;
                *last = number;
            }
            None => {
                let hasher = &self.hasher;
                let hash_of = |ends: &(u32, u32)| hasher.hash_one(shared(ends.0));
                self.ends.insert_unique(hash, (number, number), hash_of);
            }
        }
    }

    /// The rows that share `key`.
    pub(super) fn of<K: Hash + Eq>(
        &self,
        key: K,
        shared: impl Fn(u32) -> K,
    ) -> impl Iterator<Item = u32> {
        let hash = self.hasher.hash_one(&key);
        let ends = self.ends.find(hash, |ends| shared(ends.0) == key);
        let first = ends.map(|(first, _)| *first);
        std::iter::successors(first, |number| {
            Some(self.next[*number as usize]).filter(|next| *next != NONE)
        })
    }
}

impl PartialEq for Groups {
    fn eq(&self, other: &Self) -> bool {
        let ends = |groups: &Self| {
            let mut ends: Vec<_> = groups.ends.iter().copied().collect();
            ends.sort_unstable();
            ends
        };
        self.next == other.next && ends(self) == ends(other)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    impl Row for (u64, char) {
        type Key = u64;

        fn key(&self) -> u64 {
            self.0
        }
    }

    /// Numbers in no order, each once.
    fn table(count: u64) -> Table<(u64, char)> {
        let mut table = Table::default();
        for number in 0..count {
            let state = (number * 7 % count, 'a');
            assert_eq!(
                table.put(Versioned { version: 1, state }),
                Some(number as u32)
            );
        }
        table
    }

    #[test]
    fn rows_are_found_replaced_and_listed_by_key() {
        let mut table = table(1000);
        assert_eq!(table.len(), 1000);
        let state = (500, 'b');
        assert_eq!(table.put(Versioned { version: 2, state }), None);
        assert_eq!(table.get(&500).unwrap().version, 2);
        assert_eq!(table.get(&1000), None);
        let keys = |page: Vec<&Versioned<(u64, char)>>| {
            page.into_iter().map(|row| row.state.0).collect::<Vec<_>>()
        };
        assert_eq!(keys(table.page(None, 3)), [0, 1, 2]);
        assert_eq!(keys(table.page(Some(996), 10)), [997, 998, 999]);
        assert_eq!(keys(table.page(Some(999), 10)), [0_u64; 0]);
        assert_eq!(keys(table.page(None, usize::MAX)).len(), 1000);
    }

    #[test]
    fn a_copy_keeps_what_it_was() {
        let mut table = table(300);
        let copy = table.clone();
        assert!(copy == table);
        let state = (3, 'c');
        table.put(Versioned { version: 2, state });
        assert_eq!(copy.get(&3).unwrap().version, 1);
        assert!(copy != table);
    }

    #[test]
    fn groups_keep_the_order_in_which_rows_came() {
        let table = table(100);
        let mut groups = Groups::default();
        let shared = |number| table.row(number).state.0 % 3;
        for number in 0..100 {
            groups.push(number, shared);
        }
        let numbers: Vec<u32> = groups.of(1, shared).collect();
        assert!(numbers.is_sorted() && numbers.len() == 33);
        assert!(numbers.iter().all(|number| shared(*number) == 1));
        assert_eq!(groups.of(3, shared).count(), 0);
    }
}
