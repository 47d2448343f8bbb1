//! The registry in parts, to be kept elsewhere and put together again.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;

use super::{Applied, Entity, Hold, Refused, Registry, Versioned};
use crate::event::ProvisioningChanged;
use crate::id::{ChangeSetId, CommandId, ComplexId, CredentialId, PartnerId, PassId, SubjectRef};

/// Version of the fold. Raised whenever the same log could give another registry, or the same
/// registry other [`Part`]s: what was kept of an older one is then folded anew.
pub const FOLD_VERSION: u32 = 2;

/// One of the parts that a complex consists of.
#[derive(Debug, Clone, PartialEq)]
pub enum Part {
    /// An entity in its present state.
    Entity(Versioned<Entity>),
    /// The commands that have a use of a limited pass.
    Uses(PassId, BTreeSet<CommandId>),
    /// A legal hold on a person.
    Hold(SubjectRef, Hold),
    /// A person who was erased, and whether the identity went too.
    Erased(SubjectRef, bool),
    /// A record that folds into what a partner got, and when it was appended.
    Provisioned(ProvisioningChanged, Timestamp),
    /// When a credential was registered or changed: the first time and the last.
    CredentialChanged(CredentialId, Timestamp),
    /// When a perimeter was closed that is closed now.
    PerimeterClosed(PartnerId, Timestamp),
    /// What became of a change set, and when that may begin to be forgotten.
    Answer(ChangeSetId, Result<Applied, Refused>, Option<Timestamp>),
}

impl Registry {
    /// All that it consists of, in an order in which it can be put together again.
    pub fn parts(&self) -> impl Iterator<Item = (&ComplexId, Part)> {
        let mut complexes: Vec<_> = self.complexes.iter().collect();
        complexes.sort_unstable_by_key(|(complex, _)| *complex);
        let held = complexes.into_iter().flat_map(|(complex, state)| {
            let entities = state.all().map(Part::Entity);
            let uses = state.uses.iter();
            let uses = uses.map(|(pass, held)| Part::Uses(*pass, held.clone()));
            let answers = state.answers.all();
            let answers = answers.map(|(id, answer, at)| Part::Answer(id, answer.clone(), at));
            let persons = &state.persons;
            let holds = persons.holds.iter();
            let holds = holds.map(|(subject, hold)| Part::Hold(*subject, hold.clone()));
            let erased = persons.erased.iter();
            let erased = erased.map(|(subject, identity)| Part::Erased(*subject, *identity));
            let parts = entities.chain(uses).chain(holds).chain(erased);
            let parts = parts.chain(answers);
            parts.map(move |part| (complex, part))
        });
        let mut complexes: Vec<_> = self.standings.complexes().collect();
        complexes.sort_unstable();
        let standings = complexes.into_iter().flat_map(|complex| {
            let records = self.standings.records(complex).into_iter();
            let records = records.map(|(changed, at)| Part::Provisioned(changed, at));
            let changes = self.standings.changes(complex);
            let changes = changes.map(|(id, at)| Part::CredentialChanged(id, at));
            let parts = records.chain(changes);
            parts.map(move |part| (complex, part))
        });
        let closed = self.closings.all();
        let closed = closed
            .map(|(complex, partner, at)| (complex, Part::PerimeterClosed(partner.clone(), at)));
        held.chain(standings).chain(closed)
    }

    /// Puts a part back. Parts are believed: they were folded once.
    pub fn restore(&mut self, complex: &ComplexId, part: Part) {
        match part {
            Part::Provisioned(changed, at) => self.standings.fold(complex, &changed, at),
            Part::CredentialChanged(id, at) => self.standings.credential_changed(complex, id, at),
            Part::PerimeterClosed(partner, at) => self.closings.restore(complex, partner, at),
            part => self.restore_held(complex, part),
        }
    }

    fn restore_held(&mut self, complex: &ComplexId, part: Part) {
        let state = self.complexes.entry(complex.clone()).or_default();
        let state = Arc::make_mut(state);
        match part {
            Part::Provisioned(..) | Part::CredentialChanged(..) | Part::PerimeterClosed(..) => {}
            Part::Entity(entity) => {
                if let Entity::Grant(grant) = &entity.state
                    && !self.homes.has(grant.subject, complex)
                {
                    Arc::make_mut(&mut self.homes).add(grant.subject, complex);
                }
                state.put(entity.state, entity.version);
            }
            Part::Uses(pass, held) => {
                state.uses.insert(pass, held);
            }
            Part::Hold(subject, hold) => {
                state.persons.holds.insert(subject, hold);
            }
            Part::Erased(subject, identity) => {
                state.persons.erased.insert(subject, identity);
            }
            Part::Answer(id, answer, at) => state.answers.keep(id, answer, at),
        }
    }
}
