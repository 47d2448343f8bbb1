//! The registry: who may open what, folded from `registry.events.v1`.

mod entity;
mod fold;
mod place;
mod uses;

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;

pub use entity::{
    Change, ChangeSet, Complex, Credential, Device, Entity, EntityKey, Grant, GuestPass, Holder,
    MAX_USES, Partner, Perimeter, Resident, StepUp,
};
pub use fold::{Applied, Refused};
pub use place::{Building, Entrance, Place};
pub use uses::Consumption;

use self::uses::Uses;

use crate::id::{
    BuildingId, ChangeSetId, ComplexId, CredentialId, DeviceId, EntranceId, GrantId, PartnerId,
    PassId, SubjectRef,
};
use crate::vocabulary::Resolution;

/// A state with the number of changes that led to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Versioned<T> {
    /// 1 for a new entity.
    pub version: u64,
    /// The state.
    pub state: T,
}

/// Everything registered, by complex. Folding is in `fold.rs`.
#[derive(Debug, Clone, Default)]
pub struct Registry {
    complexes: HashMap<ComplexId, ComplexState>,
    complexes_by_subject: HashMap<SubjectRef, Vec<ComplexId>>,
}

/// One complex, or `global`.
#[derive(Debug, Clone, Default)]
struct ComplexState {
    entities: BTreeMap<EntityKey, Versioned<Entity>>,
    grants_by_subject: HashMap<SubjectRef, Vec<GrantId>>,
    pass_by_hash: HashMap<[u8; 32], PassId>,
    passes_by_grant: HashMap<GrantId, Vec<PassId>>,
    uses: Uses,
    /// Answers of the change sets that were folded, by idempotency key.
    change_sets: HashMap<ChangeSetId, Result<Applied, Refused>>,
}

macro_rules! getter {
    ($(#[$doc:meta])* $name:ident, $key:ident($id:ty), $variant:ident -> $state:ty) => {
        $(#[$doc])*
        pub fn $name(&self, complex: &ComplexId, id: &$id) -> Option<(u64, &$state)> {
            match self.entity(complex, &EntityKey::$key(id.clone()))? {
                Versioned { version, state: Entity::$variant(state) } => Some((*version, state)),
                _ => None,
            }
        }
    };
}

impl Registry {
    fn entity(&self, complex: &ComplexId, key: &EntityKey) -> Option<&Versioned<Entity>> {
        self.complexes.get(complex)?.entities.get(key)
    }

    /// The complex itself.
    pub fn complex(&self, id: &ComplexId) -> Option<&Complex> {
        match &self.entity(id, &EntityKey::Complex)?.state {
            Entity::Complex(complex) => Some(complex),
            _ => None,
        }
    }

    /// A device; its id names the complex.
    pub fn device(&self, id: &DeviceId) -> Option<&Device> {
        match &self
            .entity(&id.complex(), &EntityKey::Device(id.clone()))?
            .state
        {
            Entity::Device(device) => Some(device),
            _ => None,
        }
    }

    /// The devices of a complex, by id.
    pub fn devices(&self, complex: &ComplexId) -> impl Iterator<Item = &Device> {
        let entities = self.complexes.get(complex).map(|state| &state.entities);
        // Entities are sorted by kind: the complex, then its devices.
        entities
            .into_iter()
            .flat_map(|entities| entities.range(EntityKey::Complex..))
            .skip_while(|(key, _)| **key == EntityKey::Complex)
            .map_while(|(_, entity)| match &entity.state {
                Entity::Device(device) => Some(device),
                _ => None,
            })
    }

    /// The complexes in which a person has, or had, a grant.
    pub fn complexes_of(&self, subject: SubjectRef) -> &[ComplexId] {
        self.complexes_by_subject
            .get(&subject)
            .map_or(&[], Vec::as_slice)
    }

    /// The passes inside a grant, revoked ones too, with their versions.
    pub fn passes_of(
        &self,
        complex: &ComplexId,
        grant: GrantId,
    ) -> impl Iterator<Item = (u64, &GuestPass)> {
        self.complexes
            .get(complex)
            .and_then(|state| state.passes_by_grant.get(&grant))
            .into_iter()
            .flatten()
            .filter_map(move |id| self.pass(&complex.clone(), id))
    }

    /// A partner.
    pub fn partner(&self, id: &PartnerId) -> Option<&Partner> {
        match &self
            .entity(&ComplexId::global(), &EntityKey::Partner(id.clone()))?
            .state
        {
            Entity::Partner(partner) => Some(partner),
            _ => None,
        }
    }

    /// Every partner.
    pub fn partners(&self) -> impl Iterator<Item = &Partner> {
        self.entities(&ComplexId::global())
            .filter_map(|entity| match &entity.state {
                Entity::Partner(partner) => Some(partner),
                _ => None,
            })
    }

    /// Every perimeter of a partner, closed ones too, by complex.
    pub fn perimeters_of(&self, partner: &PartnerId) -> Vec<&Perimeter> {
        let mut found: Vec<_> = self
            .complexes
            .keys()
            .filter_map(|complex| self.perimeter(complex, partner))
            .map(|(_, perimeter)| perimeter)
            .collect();
        found.sort_by(|one, other| one.complex.cmp(&other.complex));
        found
    }

    getter!(
        /// A partner's perimeter in a complex, with its version.
        perimeter, Perimeter(PartnerId), Perimeter -> Perimeter
    );
    getter!(
        /// A resident of a complex, with the entity's version.
        resident, Resident(SubjectRef), Resident -> Resident
    );
    getter!(
        /// A grant, with its version.
        grant, Grant(GrantId), Grant -> Grant
    );
    getter!(
        /// A guest pass, with its version.
        pass, GuestPass(PassId), GuestPass -> GuestPass
    );
    getter!(
        /// A credential, with its version.
        credential, Credential(CredentialId), Credential -> Credential
    );
    getter!(
        /// A building, with its version.
        building, Building(BuildingId), Building -> Building
    );
    getter!(
        /// An entrance, with its version.
        entrance, Entrance(EntranceId), Entrance -> Entrance
    );

    /// The grants that a person has in a complex, revoked ones too.
    pub fn grants_of(
        &self,
        complex: &ComplexId,
        subject: SubjectRef,
    ) -> impl Iterator<Item = (u64, &Grant)> {
        self.complexes
            .get(complex)
            .and_then(|state| state.grants_by_subject.get(&subject))
            .into_iter()
            .flatten()
            .filter_map(move |id| self.grant(&complex.clone(), id))
    }

    /// The pass whose secret has this SHA-256.
    pub fn pass_by_hash(&self, complex: &ComplexId, hash: &[u8; 32]) -> Option<PassId> {
        self.complexes.get(complex)?.pass_by_hash.get(hash).copied()
    }

    /// Everything in a complex, by key.
    pub fn entities<'a>(
        &'a self,
        complex: &ComplexId,
    ) -> impl Iterator<Item = &'a Versioned<Entity>> + use<'a> {
        self.complexes
            .get(complex)
            .into_iter()
            .flat_map(|state| state.entities.values())
    }

    /// What became of a change set that has been folded.
    pub fn change_set(
        &self,
        complex: &ComplexId,
        id: ChangeSetId,
    ) -> Option<&Result<Applied, Refused>> {
        self.complexes.get(complex)?.change_sets.get(&id)
    }

    /// Whose credential a partner's device matched. A withdrawn one still names its holder:
    /// it did open.
    pub fn resolve(
        &self,
        complex: &ComplexId,
        credential: Option<CredentialId>,
    ) -> (Resolution, Option<Holder>) {
        match credential.and_then(|id| self.credential(complex, &id)) {
            Some((_, credential)) => (Resolution::Resolved, Some(credential.holder)),
            None => (Resolution::NotIdentified, None),
        }
    }

    /// Whether `partner` may speak of `complex` at `now`.
    pub fn in_perimeter(&self, partner: &PartnerId, complex: &ComplexId, now: Timestamp) -> bool {
        self.perimeter(complex, partner)
            .is_some_and(|(_, perimeter)| perimeter.in_force(now))
    }
}
