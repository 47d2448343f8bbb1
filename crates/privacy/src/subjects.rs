//! The fold of `subjects.v1`: who has which reference.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use domain::SubjectRef;
use domain::event::LogPosition;

use crate::keys::Purpose;
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
    /// How many identities are sealed under each version of their keys.
    identities: BTreeMap<u32, usize>,
    /// The same of plates.
    plates: BTreeMap<u32, usize>,
    faces: BTreeMap<u32, usize>,
    /// The next offset of each partition.
    next: HashMap<u32, u64>,
}

#[derive(Debug)]
struct Reference {
    subject: SubjectRef,
    items: BTreeMap<Item, Kept>,
}

#[derive(Debug)]
struct Kept {
    /// Version of the key that it is sealed under.
    version: u32,
    /// The sealed value.
    value: Vec<u8>,
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
                let item = decode(&key, value).map_err(|_| Unreadable::Value)?;
                let kept = Kept {
                    version: item.kek_version,
                    value: value.to_vec(),
                };
                self.put(key, kept);
            }
            None => self.remove(&key),
        }
        Ok(())
    }

    fn put(&mut self, key: SubjectKey, kept: Kept) {
        self.count(key.item, kept.version, true);
        let indexes = self.indexes.entry(key.subject).or_default();
        indexes.insert(key.index.clone());
        let references = self.references.entry(key.index).or_default();
        let replaced = match references.iter_mut().find(|r| r.subject == key.subject) {
            Some(reference) => reference.items.insert(key.item, kept),
            None => {
                references.push(Reference {
                    subject: key.subject,
                    items: BTreeMap::from([(key.item, kept)]),
                });
                None
            }
        };
        if let Some(replaced) = replaced {
            self.count(key.item, replaced.version, false);
        }
    }

    /// One more, or one less, that is sealed under this version.
    fn count(&mut self, item: Item, version: u32, more: bool) {
        let versions = match item {
            Item::Identity => &mut self.identities,
            Item::Plate(_) => &mut self.plates,
            Item::Face(_) => &mut self.faces,
        };
        let count = versions.entry(version).or_default();
        *count = if more {
            *count + 1
        } else {
            count.saturating_sub(1)
        };
    }

    fn remove(&mut self, key: &SubjectKey) {
        let Some(references) = self.references.get_mut(&key.index) else {
            return;
        };
        let mut removed = None;
        if let Some(reference) = references.iter_mut().find(|r| r.subject == key.subject) {
            removed = reference.items.remove(&key.item);
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
        if let Some(removed) = removed {
            self.count(key.item, removed.version, false);
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

    /// How many identities, plates or faces are sealed under each version of their keys.
    pub fn sealed_under(&self, purpose: Purpose) -> BTreeMap<u32, usize> {
        match purpose {
            Purpose::Identity => self.identities.clone(),
            Purpose::Plate => self.plates.clone(),
            Purpose::Face => self.faces.clone(),
            Purpose::Lookup | Purpose::TokenKey => BTreeMap::new(),
        }
    }

    /// At most `limit` items that are sealed under other versions than these, of users without
    /// losers; faces where a version of theirs is known here.
    pub fn sealed_otherwise(
        &self,
        identity: u32,
        plate: u32,
        face: Option<u32>,
        limit: usize,
    ) -> Vec<(SubjectKey, Vec<u8>)> {
        let alone = self.references.iter().filter(|(_, own)| own.len() == 1);
        let otherwise = alone.flat_map(|(index, references)| {
            let references = references.iter();
            references.flat_map(move |reference| {
                let items = reference
                    .items
                    .iter()
                    .filter(move |(item, kept)| match item {
                        Item::Identity => kept.version != identity,
                        Item::Plate(_) => kept.version != plate,
                        Item::Face(_) => face.is_some_and(|face| kept.version != face),
                    });
                items.map(move |(item, kept)| (reference.key(index, *item), kept.value.clone()))
            })
        });
        otherwise.take(limit).collect()
    }

    /// Everybody who has records under another computed index than one of `settled`.
    pub fn outside(&self, settled: &HashSet<LookupIndex>) -> Vec<SubjectRef> {
        let outside = self.references.iter();
        let mut subjects: Vec<_> = outside
            .filter(|(index, _)| index.is_computed() && !settled.contains(*index))
            .flat_map(|(_, references)| references.iter().map(|reference| reference.subject))
            .collect();
        subjects.sort();
        subjects.dedup();
        subjects
    }

    /// Whether there is a record with this key.
    pub fn has(&self, key: &SubjectKey) -> bool {
        let references = self.references.get(&key.index);
        let mut references = references.into_iter().flatten();
        references.any(|reference| {
            reference.subject == key.subject && reference.items.contains_key(&key.item)
        })
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
        let items = self.items.iter();
        items.map(|(item, kept)| (self.key(index, *item), kept.value.as_slice()))
    }

    fn key(&self, index: &LookupIndex, item: Item) -> SubjectKey {
        SubjectKey {
            index: index.clone(),
            subject: self.subject,
            item,
        }
    }
}

#[cfg(test)]
#[path = "subjects_tests.rs"]
mod tests;
