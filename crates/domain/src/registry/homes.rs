//! In which complexes a person has, or had, a grant. Nearly all share their answer with thousands,
//! so each answer is kept once.

use std::collections::HashMap;

use crate::id::{ComplexId, SubjectRef};

/// Complexes by person.
#[derive(Debug, Clone, Default)]
pub(super) struct Homes {
    of: HashMap<SubjectRef, u32>,
    lists: Vec<Vec<ComplexId>>,
    numbers: HashMap<Vec<ComplexId>, u32>,
}

impl Homes {
    /// The complexes of a person, by id.
    pub(super) fn of(&self, subject: SubjectRef) -> &[ComplexId] {
        let number = self.of.get(&subject);
        number.map_or(&[], |number| &self.lists[*number as usize])
    }

    /// Whether the person is known in the complex.
    pub(super) fn has(&self, subject: SubjectRef, complex: &ComplexId) -> bool {
        self.of(subject).contains(complex)
    }

    /// A person has a grant in a complex.
    pub(super) fn add(&mut self, subject: SubjectRef, complex: &ComplexId) {
        let mut list = self.of(subject).to_vec();
        list.push(complex.clone());
        list.sort_unstable();
        let number = self.numbers.get(&list).copied().unwrap_or_else(|| {
            let number = u32::try_from(self.lists.len()).expect("fewer than 2^32 people");
            self.lists.push(list.clone());
            self.numbers.insert(list, number);
            number
        });
        self.of.insert(subject, number);
    }
}

impl PartialEq for Homes {
    fn eq(&self, other: &Self) -> bool {
        let same = |subject: &SubjectRef| self.of(*subject) == other.of(*subject);
        self.of.len() == other.of.len() && self.of.keys().all(same)
    }
}
