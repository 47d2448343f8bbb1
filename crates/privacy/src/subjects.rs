//! The fold of `subjects.v1`: who has which reference.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use domain::SubjectRef;
use domain::event::LogPosition;

use crate::lookup::LookupIndex;
use crate::seal::decode;
use crate::subject::{Item, SubjectKey};

/// A record that the fold could not use; it changed nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// Its key is no subject record key.
    #[error("the key is no subject record key")]
    Key,
    /// Its value is no item of its key.
    #[error("the value is no item of its key")]
    Value,
}

/// All subjects, folded in log order.
///
/// Two instances that meet a user for the first time at once each mint a reference. Both stand
/// in one partition; the first in log order is the user's, the other is a loser to be
/// tombstoned. Compaction keeps a record's offset only until the record is written again, so an
/// item is sealed again (under a new key version) only once its user has no losers.
///
/// While a lookup key takes the place of another, a reference has records under two indexes.
#[derive(Debug, Default)]
pub struct Subjects {
    /// Of each index the references in log order of their first item, the user's own first.
    references: HashMap<LookupIndex, Vec<Reference>>,
    /// The way back.
    indexes: HashMap<SubjectRef, BTreeSet<LookupIndex>>,
    /// The next offset of each partition.
    next: HashMap<u32, u64>,
}

#[derive(Debug)]
struct Reference {
    subject: SubjectRef,
    /// Sealed values.
    items: BTreeMap<Item, Vec<u8>>,
}

impl Subjects {
    /// Folds one record. Records come in the order of their partition; one that was folded
    /// already changes nothing. No value is a tombstone.
    ///
    /// # Errors
    /// [`Unreadable`]: the record is passed over.
    pub fn fold(
        &mut self,
        key: &str,
        value: Option<&[u8]>,
        position: LogPosition,
    ) -> Result<(), Unreadable> {
        let next = self.next.entry(position.partition).or_default();
        if position.offset < *next {
            return Ok(());
        }
        *next = position.offset + 1;
        let key: SubjectKey = key.parse().map_err(|_| Unreadable::Key)?;
        match value {
            Some(value) => {
                decode(&key, value).map_err(|_| Unreadable::Value)?;
                self.put(key, value.to_vec());
            }
            None => self.remove(&key),
        }
        Ok(())
    }

    fn put(&mut self, key: SubjectKey, value: Vec<u8>) {
        let indexes = self.indexes.entry(key.subject).or_default();
        indexes.insert(key.index.clone());
        let references = self.references.entry(key.index).or_default();
        match references.iter_mut().find(|r| r.subject == key.subject) {
            Some(reference) => {
                reference.items.insert(key.item, value);
            }
            None => references.push(Reference {
                subject: key.subject,
                items: BTreeMap::from([(key.item, value)]),
            }),
        }
    }

    fn remove(&mut self, key: &SubjectKey) {
        let Some(references) = self.references.get_mut(&key.index) else {
            return;
        };
        if let Some(reference) = references.iter_mut().find(|r| r.subject == key.subject) {
            reference.items.remove(&key.item);
            if reference.items.is_empty() {
                references.retain(|r| r.subject != key.subject);
                if let Some(indexes) = self.indexes.get_mut(&key.subject) {
                    indexes.remove(&key.index);
                    if indexes.is_empty() {
                        self.indexes.remove(&key.subject);
                    }
                }
            }
        }
        if references.is_empty() {
            self.references.remove(&key.index);
        }
    }

    /// The reference of whoever has this index: the first in log order.
    pub fn subject_of(&self, index: &LookupIndex) -> Option<SubjectRef> {
        self.references
            .get(index)?
            .first()
            .map(|reference| reference.subject)
    }

    /// An index under which a reference's identity is kept, else any of its records.
    pub fn index_of(&self, subject: SubjectRef) -> Option<&LookupIndex> {
        let indexes = self.indexes.get(&subject)?;
        let identified = indexes.iter().find(|index| {
            let references = self.references.get(*index).into_iter().flatten();
            references
                .filter(|reference| reference.subject == subject)
                .any(|reference| reference.items.contains_key(&Item::Identity))
        });
        identified.or_else(|| indexes.first())
    }

    /// One item about a subject: its record's key and sealed value. Where it stands under two
    /// indexes, either of them.
    pub fn item(&self, subject: SubjectRef, item: Item) -> Option<(SubjectKey, &[u8])> {
        self.items(subject)
            .into_iter()
            .find(|(key, _)| key.item == item)
    }

    /// All that is kept about a subject. Erasing it is a tombstone for each.
    pub fn items(&self, subject: SubjectRef) -> Vec<(SubjectKey, &[u8])> {
        let indexes = self.indexes.get(&subject).into_iter().flatten();
        indexes
            .flat_map(|index| {
                let references = self.references.get(index).into_iter().flatten();
                references
                    .filter(|reference| reference.subject == subject)
                    .flat_map(move |reference| reference.keyed(index))
            })
            .collect()
    }

    /// Every item of everybody, in no set order.
    pub fn all(&self) -> impl Iterator<Item = (SubjectKey, &[u8])> {
        self.references.iter().flat_map(|(index, references)| {
            let references = references.iter();
            references.flat_map(move |reference| reference.keyed(index))
        })
    }

    /// Whether there is a record with this key.
    pub fn has(&self, key: &SubjectKey) -> bool {
        let references = self.references.get(&key.index);
        let mut references = references.into_iter().flatten();
        references.any(|reference| {
            reference.subject == key.subject && reference.items.contains_key(&key.item)
        })
    }

    /// Whether references stand under `index` that lost to another.
    pub fn has_losers(&self, index: &LookupIndex) -> bool {
        let references = self.references.get(index);
        references.is_some_and(|references| references.len() > 1)
    }

    /// Records of references that lost to an earlier one of the same user. Each is owed a
    /// tombstone.
    pub fn losers(&self) -> Vec<SubjectKey> {
        let mut losers: Vec<SubjectKey> = self
            .references
            .iter()
            .flat_map(|(index, references)| {
                references
                    .iter()
                    .skip(1)
                    .flat_map(move |reference| reference.keyed(index))
            })
            .map(|(key, _)| key)
            .collect();
        losers.sort();
        losers
    }
}

impl Reference {
    fn keyed<'a>(&'a self, index: &'a LookupIndex) -> impl Iterator<Item = (SubjectKey, &'a [u8])> {
        self.items.iter().map(|(item, value)| {
            let key = SubjectKey {
                index: index.clone(),
                subject: self.subject,
                item: *item,
            };
            (key, value.as_slice())
        })
    }
}

#[cfg(test)]
#[path = "subjects_tests.rs"]
mod tests;
