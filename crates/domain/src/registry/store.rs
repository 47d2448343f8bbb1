//! How a complex is kept. Of residents, grants, passes and credentials there may be a hundred
//! thousand, so each has a table of its own; the rest is few, and stands in one map.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use uuid::Uuid;

use super::answers::Answers;
use super::subjects::Persons;
use super::table::{Groups, Row, Table};
use super::uses::Uses;
use super::{Credential, Entity, EntityKey, Grant, GuestPass, Holder, Resident, Versioned};
use crate::id::{CredentialId, DeviceId, GrantId, PassId, SubjectRef};

/// The key before which those of [`ComplexState::few`] come first, and behind which they come last.
const FIRST: EntityKey = EntityKey::Resident(SubjectRef(Uuid::nil()));

/// One complex, or `global`.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct ComplexState {
    /// Whatever is few.
    pub(super) few: BTreeMap<EntityKey, Versioned<Entity>>,
    pub(super) residents: Table<Resident>,
    pub(super) grants: Table<Grant>,
    pub(super) passes: Table<GuestPass>,
    pub(super) credentials: Table<Credential>,
    grants_by_subject: Groups,
    passes_by_grant: Groups,
    passes_by_hash: Groups,
    credentials_by_holder: Groups,
    /// Device ids that rights name: one text for all of them.
    names: BTreeSet<DeviceId>,
    /// Uses of limited passes.
    pub(super) uses: Uses,
    /// Holds and erasures.
    pub(super) persons: Persons,
    /// Answers of change sets.
    pub(super) answers: Answers,
}

macro_rules! rows {
    ($($state:ident($key:ty) by $field:ident;)*) => {
        $(impl Row for $state {
            type Key = $key;

            fn key(&self) -> $key {
                self.$field
            }
        })*
    };
}

rows! {
    Resident(SubjectRef) by subject;
    Grant(GrantId) by id;
    GuestPass(PassId) by id;
    Credential(CredentialId) by id;
}

fn owned<T: Clone>(row: &Versioned<T>, of: fn(T) -> Entity) -> Versioned<Entity> {
    Versioned {
        version: row.version,
        state: of(row.state.clone()),
    }
}

impl ComplexState {
    /// An entity by its key.
    pub(super) fn entity(&self, key: &EntityKey) -> Option<Versioned<Entity>> {
        match key {
            EntityKey::Resident(id) => Some(owned(self.residents.get(id)?, Entity::Resident)),
            EntityKey::Grant(id) => Some(owned(self.grants.get(id)?, Entity::Grant)),
            EntityKey::GuestPass(id) => Some(owned(self.passes.get(id)?, Entity::GuestPass)),
            EntityKey::Credential(id) => Some(owned(self.credentials.get(id)?, Entity::Credential)),
            _ => self.few.get(key).cloned(),
        }
    }

    /// Grants of a person, in log order.
    pub(super) fn grants_of(&self, subject: SubjectRef) -> impl Iterator<Item = &Versioned<Grant>> {
        let numbers = self
            .grants_by_subject
            .of(subject, |number| self.grants.row(number).state.subject);
        numbers.map(|number| self.grants.row(number))
    }

    /// Passes inside a grant, in log order.
    pub(super) fn passes_of(&self, grant: GrantId) -> impl Iterator<Item = &Versioned<GuestPass>> {
        let numbers = self
            .passes_by_grant
            .of(grant, |number| self.passes.row(number).state.grant);
        numbers.map(|number| self.passes.row(number))
    }

    /// All that is about a person: the resident, grants, the passes inside these, and the
    /// credentials of all of them; withdrawn ones too.
    pub(super) fn about(&self, subject: SubjectRef) -> Vec<Versioned<Entity>> {
        let (mut about, mut holders) = (Vec::new(), vec![Holder::Subject(subject)]);
        about.extend(self.entity(&EntityKey::Resident(subject)));
        let grants: Vec<_> = self.grants_of(subject).collect();
        about.extend(grants.iter().map(|row| owned(row, Entity::Grant)));
        for pass in grants
            .iter()
            .flat_map(|grant| self.passes_of(grant.state.id))
        {
            holders.push(Holder::Pass(pass.state.id));
            about.push(owned(pass, Entity::GuestPass));
        }
        for holder in holders {
            let credentials = self.credentials_of(holder);
            about.extend(credentials.map(|row| owned(row, Entity::Credential)));
        }
        about
    }

    /// Credentials of one holder, in log order.
    pub(super) fn credentials_of(
        &self,
        holder: Holder,
    ) -> impl Iterator<Item = &Versioned<Credential>> {
        let numbers = self
            .credentials_by_holder
            .of(holder, |number| self.credentials.row(number).state.holder);
        numbers.map(|number| self.credentials.row(number))
    }

    /// The pass whose secret has this SHA-256.
    pub(super) fn pass_by_hash(&self, hash: &[u8; 32]) -> Option<PassId> {
        let shared = |number| self.passes.row(number).state.secret_hash;
        let number = self.passes_by_hash.of(*hash, shared).next()?;
        Some(self.passes.row(number).state.id)
    }

    /// Puts an entity into its new state.
    pub(super) fn put(&mut self, entity: Entity, version: u64) {
        match entity {
            Entity::Resident(state) => {
                self.residents.put(Versioned { version, state });
            }
            Entity::Grant(mut state) => {
                self.share(&mut state.devices);
                if let Some(number) = self.grants.put(Versioned { version, state }) {
                    let grants = &self.grants;
                    self.grants_by_subject
                        .push(number, |number| grants.row(number).state.subject);
                }
            }
            Entity::GuestPass(mut state) => {
                self.share(&mut state.devices);
                if let Some(number) = self.passes.put(Versioned { version, state }) {
                    let passes = &self.passes;
                    self.passes_by_grant
                        .push(number, |number| passes.row(number).state.grant);
                    self.passes_by_hash
                        .push(number, |number| passes.row(number).state.secret_hash);
                }
            }
            Entity::Credential(mut state) => {
                self.share(&mut state.devices);
                if let Some(number) = self.credentials.put(Versioned { version, state }) {
                    let credentials = &self.credentials;
                    self.credentials_by_holder
                        .push(number, |number| credentials.row(number).state.holder);
                }
            }
            state => {
                self.few.insert(state.key(), Versioned { version, state });
            }
        }
    }

    /// Makes ids share their texts with those that are known.
    fn share(&mut self, devices: &mut Vec<DeviceId>) {
        for device in devices.iter_mut() {
            match self.names.get(device) {
                Some(known) => *device = known.clone(),
                None => {
                    self.names.insert(device.clone());
                }
            }
        }
        devices.shrink_to_fit();
    }

    /// All entities, those of a table in the order in which they came.
    pub(super) fn all(&self) -> impl Iterator<Item = Versioned<Entity>> {
        let residents = self.residents.rows();
        let residents = residents.map(|row| owned(row, Entity::Resident));
        let grants = self.grants.rows().map(|row| owned(row, Entity::Grant));
        let passes = self.passes.rows().map(|row| owned(row, Entity::GuestPass));
        let credentials = self.credentials.rows();
        let credentials = credentials.map(|row| owned(row, Entity::Credential));
        let few = self.few.values().cloned();
        few.chain(residents)
            .chain(grants)
            .chain(passes)
            .chain(credentials)
    }

    /// The first `most` entities by key, of those behind `after`.
    pub(super) fn page(&self, after: Option<&EntityKey>, most: usize) -> Vec<Versioned<Entity>> {
        let mut page = Vec::new();
        // The few before the tables come first by key, those behind them last.
        let behind = after.map_or(Bound::Unbounded, Bound::Excluded);
        let few = |of_kind: fn(&EntityKey) -> bool| {
            let few = self.few.range((behind, Bound::Unbounded));
            few.filter(move |(key, _)| of_kind(key))
        };
        let before = few(|key| *key < FIRST).take(most);
        page.extend(before.map(|(_, entity)| entity.clone()));
        macro_rules! table {
            ($table:ident, $kind:ident, $id:ident) => {
                let from = match after {
                    Some(EntityKey::$kind(id)) => Some(Some(*id)),
                    Some(after) if *after > EntityKey::$kind($id(Uuid::max())) => None,
                    _ => Some(None),
                };
                if let Some(after) = from
                    && page.len() < most
                {
                    let rows = self.$table.page(after, most - page.len());
                    page.extend(rows.into_iter().map(|row| owned(row, Entity::$kind)));
                }
            };
        }
        table!(residents, Resident, SubjectRef);
        table!(grants, Grant, GrantId);
        table!(passes, GuestPass, PassId);
        table!(credentials, Credential, CredentialId);
        let rest = few(|key| *key > FIRST).take(most - page.len());
        page.extend(rest.map(|(_, entity)| entity.clone()));
        page
    }
}
