//! What is owed to whoever was erased: tombstones of the sealed items, at every instance until
//! none is left.

use std::collections::BTreeSet;
use std::sync::Arc;

use domain::registry::{Entity, Holder, Registry};
use domain::vocabulary::CredentialKind;
use domain::{ComplexId, CredentialId, SubjectRef};
use privacy::{Item, SubjectKey, Subjects};

use crate::knowledge::Knowledge;
use crate::refusal::Refusal;
use crate::subjects::Directory;

/// Which items of a person must go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Doomed {
    subject: SubjectRef,
    /// The identity, and with it everything.
    pub whole: bool,
    plates: BTreeSet<CredentialId>,
}

impl Doomed {
    /// As the registry says now, of a person who was erased from `complexes`.
    pub(crate) fn of(registry: &Registry, complexes: &[ComplexId], subject: SubjectRef) -> Self {
        let erased = complexes
            .iter()
            .filter(|complex| registry.is_erased(complex, subject));
        let plates = erased.flat_map(|complex| plates(registry, complex, subject));
        Self {
            subject,
            whole: registry.is_identity_erased(subject),
            plates: plates.collect(),
        }
    }

    /// The records that are still there. With an identity, also those that lost to it: else one of
    /// them would be the user's next.
    pub(crate) fn left(&self, subjects: &Subjects) -> Vec<SubjectKey> {
        let items = subjects.items(self.subject).into_iter().map(|(key, _)| key);
        if !self.whole {
            let fits = |item| matches!(item, Item::Plate(plate) if self.plates.contains(&plate));
            return items.filter(|key| fits(key.item)).collect();
        }
        let own: Vec<_> = items.collect();
        let losers = subjects.losers().into_iter();
        let beside = losers.filter(|loser| own.iter().any(|key| key.index == loser.index));
        let mut all: Vec<_> = own.iter().cloned().chain(beside).collect();
        all.sort();
        all.dedup();
        all
    }

    /// Parts of the keys of these records, whatever their index.
    pub(crate) fn key_parts(&self) -> Vec<String> {
        if self.whole {
            return vec![format!("/{}/", self.subject)];
        }
        let plates = self.plates.iter();
        plates
            .map(|plate| format!("/{}/{}", self.subject, Item::Plate(*plate)))
            .collect()
    }
}

/// The plates' credentials that a person holds in a complex.
pub(crate) fn plates(
    registry: &Registry,
    complex: &ComplexId,
    subject: SubjectRef,
) -> Vec<CredentialId> {
    let own = registry.about(complex, subject).into_iter();
    own.filter_map(|entity| match entity.state {
        Entity::Credential(credential)
            if credential.kind == CredentialKind::Plate
                && credential.holder == Holder::Subject(subject) =>
        {
            Some(credential.id)
        }
        _ => None,
    })
    .collect()
}

/// Erases what is left of everybody who was erased: an instance that had not heard of it may have
/// written an item since, or one that was at it may have crashed.
///
/// # Errors
/// The log can't be written; what was not erased is erased the next time.
pub(crate) async fn sweep(
    knowledge: &Arc<Knowledge>,
    directory: &Directory,
) -> Result<(), Refusal> {
    let erased: BTreeSet<_> = {
        let state = knowledge.lock();
        let erased = state.registry.erased();
        erased
            .map(|(complex, subject)| (subject, complex.clone()))
            .collect()
    };
    for (subject, complex) in erased {
        // Of most, nothing is left.
        if directory.index_of(subject).is_none() {
            continue;
        }
        let doomed = Doomed::of(&knowledge.lock().registry, &[complex], subject);
        for key in directory.read(|subjects| doomed.left(subjects)) {
            directory.put(&key, None).await?;
        }
    }
    Ok(())
}
