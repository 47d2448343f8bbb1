//! What is owed to whoever was erased: tombstones of the sealed items, at every instance until
//! none is left.

use std::collections::BTreeSet;
use std::sync::Arc;

use domain::registry::{Entity, Holder, Registry};
use domain::vocabulary::CredentialKind;
use domain::{ComplexId, CredentialId, SubjectRef};
use privacy::{Item, SubjectKey, Subjects};

use crate::knowledge::Knowledge;
use crate::provision::sealed::{item, keeper};
use crate::refusal::Refusal;
use crate::subjects::Directory;

/// Which items of a person must go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Doomed {
    subject: SubjectRef,
    /// The identity, and with it everything.
    pub whole: bool,
    /// Items of credentials, under whom they are kept: the person, or one of the person's passes.
    items: BTreeSet<(SubjectRef, Item)>,
}

impl Doomed {
    /// As the registry says now, of a person who was erased from `complexes`.
    pub(crate) fn of(registry: &Registry, complexes: &[ComplexId], subject: SubjectRef) -> Self {
        let erased = complexes
            .iter()
            .filter(|complex| registry.is_erased(complex, subject));
        let items = erased.flat_map(|complex| items(registry, complex, subject));
        Self {
            subject,
            whole: registry.is_identity_erased(subject),
            items: items.collect(),
        }
    }

    /// The records that are still there. With an identity, also those that lost to it: else one of
    /// them would be the user's next.
    pub(crate) fn left(&self, subjects: &Subjects) -> Vec<SubjectKey> {
        let keys = self.items.iter();
        let keys = keys.filter_map(|(keeper, item)| subjects.item(*keeper, *item));
        let mut all: Vec<_> = keys.map(|(key, _)| key).collect();
        let items = subjects.items(self.subject).into_iter().map(|(key, _)| key);
        let wanted = |key: &SubjectKey| self.whole || self.items.contains(&(key.subject, key.item));
        all.extend(items.filter(wanted));
        if self.whole {
            let losers = subjects.losers().into_iter();
            let beside = losers.filter(|loser| all.iter().any(|key| key.index == loser.index));
            let beside: Vec<_> = beside.collect();
            all.extend(beside);
        }
        all.sort();
        all.dedup();
        all
    }

    /// Parts of the keys of these records, whatever their index.
    pub(crate) fn key_parts(&self) -> Vec<String> {
        let whole = self.whole.then(|| format!("/{}/", self.subject));
        let items = self.items.iter();
        let own = |keeper: SubjectRef| self.whole && keeper == self.subject;
        let items = items.filter(|(keeper, _)| !own(*keeper));
        let items = items.map(|(keeper, item)| format!("/{keeper}/{item}"));
        whole.into_iter().chain(items).collect()
    }
}

/// The items of all credentials that are about a person in a complex, those of passes too, each with
/// whom it is kept under.
fn items(registry: &Registry, complex: &ComplexId, subject: SubjectRef) -> Vec<(SubjectRef, Item)> {
    let about = registry.about(complex, subject).into_iter();
    about
        .filter_map(|entity| match entity.state {
            Entity::Credential(it) => Some((keeper(it.holder), item(it.kind, it.id))),
            _ => None,
        })
        .collect()
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
