//! What is left to do while a key takes the place of another.

use std::collections::HashSet;

use domain::SubjectRef;
use jiff::Timestamp;
use privacy::{
    FaceKeys, IdentityKeys, Item, LookupIndex, LookupKey, PlateKeys, SealError, SubjectKey,
    Subjects, UserIndexes,
};

/// The keys that records are sealed and found with.
pub(super) struct Keys<'a> {
    pub(super) identity: &'a IdentityKeys,
    pub(super) plates: &'a PlateKeys,
    /// None where this instance may not open faces.
    pub(super) faces: Option<&'a FaceKeys>,
    pub(super) lookup: &'a LookupKey,
}

/// What is to be done with a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// Sealed anew under this key; nothing is lost if it is done twice.
    Put(SubjectKey, Vec<u8>),
    /// It stands under the newer index too: erased once everybody must have seen that.
    Retire(SubjectKey),
    /// Another reference has the user's newer index: this one lost.
    Lost(SubjectKey),
}

impl Keys<'_> {
    /// The value of record `from` for record `to`, under the primary key.
    ///
    /// # Errors
    /// A key is missing, or the value is damaged.
    pub(super) fn seal_again(
        &self,
        from: &SubjectKey,
        value: &[u8],
        to: &SubjectKey,
        now: Timestamp,
    ) -> Result<Vec<u8>, SealError> {
        match from.item {
            Item::Identity => {
                let identity = self.identity.open(from, value)?;
                self.identity.seal(to, &identity, now)
            }
            Item::Plate(_) => {
                let plate = self.plates.open(from, value)?;
                self.plates.seal(to, &plate, now)
            }
            Item::Face(_) => {
                let faces = self.faces.ok_or(SealError::NoKeys)?;
                let face = faces.open(from, value)?;
                faces.seal(to, &face, now)
            }
        }
    }

    /// Moves a subject's records under the primary index of its user; no step where all stand
    /// there. None where no identity says who the user is.
    ///
    /// # Errors
    /// As [`Keys::seal_again`].
    pub(super) fn moving(
        &self,
        subjects: &Subjects,
        subject: SubjectRef,
        now: Timestamp,
    ) -> Result<Option<(UserIndexes, Vec<Step>)>, SealError> {
        let items = subjects.items(subject);
        let mut identities = items.iter().filter(|(key, _)| key.item == Item::Identity);
        let Some((key, sealed)) = identities.next() else {
            return Ok(None);
        };
        let identity = self.identity.open(key, sealed)?;
        let indexes = self
            .lookup
            .indexes(identity.issuer(), identity.expose_user_id());
        let primary = indexes.primary();
        let theirs = subjects.subject_of(primary);
        let mut steps = Vec::new();
        for (key, sealed) in &items {
            if key.index == *primary || indexes.version_of(&key.index).is_none() {
                continue;
            }
            let to = SubjectKey {
                index: primary.clone(),
                ..key.clone()
            };
            steps.push(if theirs.is_some_and(|theirs| theirs != subject) {
                Step::Lost(key.clone())
            } else if subjects.has(&to) {
                Step::Retire(key.clone())
            } else {
                let sealed = self.seal_again(key, sealed, &to, now)?;
                Step::Put(to, sealed)
            });
        }
        Ok(Some((indexes, steps)))
    }
}

/// The indexes that a subject's records stand under, where these are the primary of the user.
pub(super) fn settled(subjects: &Subjects, subject: SubjectRef) -> HashSet<LookupIndex> {
    let items = subjects.items(subject).into_iter();
    items.map(|(key, _)| key.index).collect()
}

#[cfg(test)]
mod tests;
