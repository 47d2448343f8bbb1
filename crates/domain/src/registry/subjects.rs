//! What the registry says about a person as such: where they are known, legal holds, erasure.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::store::ComplexState;
use super::{Change, Credential, Entity, Holder, Registry, Versioned};
use crate::event::{LegalHoldChanged, SubjectErased};
use crate::id::{ComplexId, PassId, SubjectRef};

/// Holds and erasures in one complex.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Persons {
    pub(super) holds: HashMap<SubjectRef, Hold>,
    /// Whether the identity went too.
    pub(super) erased: HashMap<SubjectRef, bool>,
}

/// Nothing of a person is erased while one stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// Why.
    pub reason: String,
    /// Since when.
    pub since: Timestamp,
}

impl Registry {
    /// Folds a legal hold that was placed or lifted at `at`.
    pub fn fold_hold(&mut self, complex: &ComplexId, changed: &LegalHoldChanged, at: Timestamp) {
        let state = self.complexes.entry(complex.clone()).or_default();
        let state = Arc::make_mut(state);
        if changed.held {
            let hold = Hold {
                reason: changed.reason.clone(),
                since: at,
            };
            state.persons.holds.insert(changed.subject, hold);
        } else {
            state.persons.holds.remove(&changed.subject);
        }
    }

    /// Folds an erasure. False: it is void, as a legal hold stands at this place in the log.
    pub fn fold_erased(&mut self, complex: &ComplexId, erased: &SubjectErased) -> bool {
        let state = self.complexes.entry(complex.clone()).or_default();
        let state = Arc::make_mut(state);
        if state.persons.holds.contains_key(&erased.subject) {
            return false;
        }
        let identity = state.persons.erased.entry(erased.subject).or_default();
        *identity |= erased.identity;
        true
    }

    /// The legal hold on a person in a complex.
    pub fn hold(&self, complex: &ComplexId, subject: SubjectRef) -> Option<&Hold> {
        self.complexes.get(complex)?.persons.holds.get(&subject)
    }

    /// Whether a person was erased from a complex and has got no right there since.
    pub fn is_erased(&self, complex: &ComplexId, subject: SubjectRef) -> bool {
        let erased = self.complexes.get(complex);
        let erased = erased.is_some_and(|state| state.persons.erased.contains_key(&subject));
        erased && !self.lives(complex, subject)
    }

    /// Whether the identity is to be erased: that was said, and nowhere is the person known.
    pub fn is_identity_erased(&self, subject: SubjectRef) -> bool {
        let said = |state: &Arc<ComplexState>| state.persons.erased.get(&subject) == Some(&true);
        self.complexes.values().any(said) && self.complexes_knowing(subject).is_empty()
    }

    /// Everybody who was erased, with the complex, in no set order.
    pub fn erased(&self) -> impl Iterator<Item = (&ComplexId, SubjectRef)> {
        self.complexes.iter().flat_map(|(complex, state)| {
            let erased = state.persons.erased.keys();
            erased.map(move |subject| (complex, *subject))
        })
    }

    /// The complexes in which something is about a person who was not erased there, by id.
    pub fn complexes_knowing(&self, subject: SubjectRef) -> Vec<ComplexId> {
        let complexes = self.complexes.keys();
        let mut knowing: Vec<_> = complexes
            .filter(|complex| self.names(complex, subject) && !self.is_erased(complex, subject))
            .cloned()
            .collect();
        knowing.sort();
        knowing
    }

    /// Whether anything in a complex is about a person, erased or not.
    pub fn names(&self, complex: &ComplexId, subject: SubjectRef) -> bool {
        !self.about(complex, subject).is_empty()
    }

    /// Whether no complex has ever had anything about a person.
    pub fn nowhere_named(&self, subject: SubjectRef) -> bool {
        !self
            .complexes
            .keys()
            .any(|complex| self.names(complex, subject))
    }

    /// All that a complex has about a person: the resident, grants, the passes inside these, and
    /// the credentials of all of them; withdrawn ones too.
    pub fn about(&self, complex: &ComplexId, subject: SubjectRef) -> Vec<Versioned<Entity>> {
        let state = self.complexes.get(complex);
        state.map(|state| state.about(subject)).unwrap_or_default()
    }

    /// The changes that leave a person no right in a complex; none where nothing is left.
    pub fn withdrawal(&self, complex: &ComplexId, subject: SubjectRef) -> Vec<Change> {
        let withdrawn = |entity: Versioned<Entity>| {
            let mut state = entity.state;
            match &mut state {
                Entity::Resident(resident) if resident.active => resident.active = false,
                Entity::Grant(grant) if !grant.revoked => grant.revoked = true,
                Entity::GuestPass(pass) if !pass.revoked => pass.revoked = true,
                Entity::Credential(credential) if !credential.revoked => credential.revoked = true,
                _ => return None,
            }
            Some(Change {
                expected_version: entity.version,
                entity: state,
            })
        };
        let about = self.about(complex, subject).into_iter();
        about.filter_map(withdrawn).collect()
    }

    /// Whether whoever holds a credential was erased.
    pub(super) fn is_gone(&self, complex: &ComplexId, credential: &Credential) -> bool {
        let person = self.person_behind(complex, credential);
        person.is_some_and(|subject| self.is_erased(complex, subject))
    }

    fn person_behind(&self, complex: &ComplexId, credential: &Credential) -> Option<SubjectRef> {
        match credential.holder {
            Holder::Subject(subject) => Some(subject),
            Holder::Pass(pass) => self.owner_of(complex, &pass),
        }
    }

    /// Whose grant a pass is inside of.
    fn owner_of(&self, complex: &ComplexId, pass: &PassId) -> Option<SubjectRef> {
        let (_, pass) = self.pass(complex, pass)?;
        let (_, grant) = self.grant(complex, &pass.grant)?;
        Some(grant.subject)
    }

    /// Whether a person has anything that isn't withdrawn.
    fn lives(&self, complex: &ComplexId, subject: SubjectRef) -> bool {
        !self.withdrawal(complex, subject).is_empty()
    }
}

#[cfg(test)]
mod tests;
