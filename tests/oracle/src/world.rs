//! Everything that a decision looks at.

use std::collections::BTreeSet;

use domain::commands::Commands;
use domain::registry::{Change, ChangeSet, Entity, EntityKey, Refused, Registry};
use domain::{ChangeSetId, ComplexId, DeviceId};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use uuid::Uuid;

use crate::history::{self, PassUse, Past};

/// A complex and its clocks.
#[derive(Debug, Clone)]
pub struct Site {
    /// The complex.
    pub complex: ComplexId,
    /// Its time zone.
    pub zone: TimeZone,
}

/// What is registered and what was opened.
#[derive(Debug, Clone)]
pub struct World {
    /// What it was made from.
    pub seed: u64,
    /// Around when it plays.
    pub base: Timestamp,
    /// The complexes.
    pub sites: Vec<Site>,
    /// States of entities in log order, by the complex that they are registered under; a later
    /// state of the same entity replaces an earlier one.
    pub entities: Vec<(ComplexId, Entity)>,
    /// Records about uses of limited passes, in log order, after all entities.
    pub uses: Vec<PassUse>,
    /// Commands of the last minutes, in log order.
    pub history: Vec<Past>,
}

impl World {
    /// The registry, each state folded by itself.
    ///
    /// # Errors
    /// A change that the registry refuses.
    pub fn registry(&self) -> Result<Registry, Refused> {
        self.registry_in(&vec![1; self.entities.len()])
    }

    /// The registry, folded in change sets of at most `sizes` changes; a change set ends early
    /// where the complex changes or the entity is in it already.
    ///
    /// # Errors
    /// A change that the registry refuses.
    pub fn registry_in(&self, sizes: &[usize]) -> Result<Registry, Refused> {
        let mut registry = Registry::default();
        let mut rest = self.entities.as_slice();
        let mut sizes = sizes.iter().copied().cycle();
        let mut number = 0;
        while let Some((complex, _)) = rest.first() {
            let size = sizes.next().unwrap_or(1).max(1);
            let mut changes: Vec<Change> = Vec::new();
            for (_, entity) in rest.iter().take(size).take_while(|(c, _)| c == complex) {
                let key = entity.key();
                if changes.iter().any(|change| change.entity.key() == key) {
                    break;
                }
                let found = registry.entities(complex).find(|e| e.state.key() == key);
                changes.push(Change {
                    expected_version: found.map_or(0, |found| found.version),
                    entity: entity.clone(),
                });
            }
            rest = rest.get(changes.len()..).unwrap_or_default();
            number += 1;
            let set = ChangeSet {
                id: ChangeSetId(Uuid::from_u128(number)),
                note: String::new(),
                changes,
            };
            registry.fold(complex, set)?;
        }
        history::fold_uses(&mut registry, &self.uses);
        Ok(registry)
    }

    /// The commands.
    pub fn commands(&self) -> Commands {
        history::fold(&self.history)
    }

    /// The last state of each entity.
    pub fn last_states(&self) -> impl Iterator<Item = (&ComplexId, &Entity)> {
        let states = self.entities.iter().enumerate();
        states.filter_map(|(index, (complex, entity))| {
            let key = (complex, entity.key());
            let mut later = self.entities[index + 1..].iter();
            let replaced = later.any(|(complex, entity)| (complex, entity.key()) == key);
            (!replaced).then_some((complex, entity))
        })
    }

    /// The names of all entities.
    pub fn keys(&self) -> Vec<(ComplexId, EntityKey)> {
        self.last_states()
            .map(|(complex, entity)| (complex.clone(), entity.key()))
            .collect()
    }

    /// Without one entity, its earlier states too, and without whatever names it, if it is a place.
    #[must_use]
    pub fn without(&self, complex: &ComplexId, key: &EntityKey) -> World {
        let mut less = self.clone();
        less.entities
            .retain(|(c, entity)| (c, &entity.key()) != (complex, key));
        less.settle();
        less
    }

    /// Takes away what names a place that isn't there, with its other states: of a right whose last
    /// state is gone, an earlier and wider one must not be left to rule.
    pub fn settle(&mut self) {
        loop {
            let there: BTreeSet<_> = self.entities.iter().map(|(_, one)| one.key()).collect();
            let stands = |entity: &Entity| {
                let places = entity.places();
                places.iter().all(|place| there.contains(&place.key()))
            };
            let fallen = self.entities.iter().filter(|(_, entity)| !stands(entity));
            let fallen: BTreeSet<_> = fallen.map(|(at, one)| (at.clone(), one.key())).collect();
            if fallen.is_empty() {
                return;
            }
            self.entities
                .retain(|(at, one)| !fallen.contains(&(at.clone(), one.key())));
        }
    }

    /// The clocks at a device; UTC where no such complex is.
    pub fn zone(&self, device: &DeviceId) -> TimeZone {
        let complex = device.complex();
        let mut sites = self.sites.iter();
        let site = sites.find(|site| site.complex == complex);
        site.map_or(TimeZone::UTC, |site| site.zone.clone())
    }
}
