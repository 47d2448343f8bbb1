//! The registry: who may open what, folded from `registry.events.v1`.

mod answers;
mod basis;
mod closings;
mod entity;
mod fold;
mod homes;
mod parts;
mod place;
mod resolution;
mod store;
mod subjects;
mod table;
mod uses;

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;

pub use answers::KEPT as ANSWERS_KEPT;
pub use basis::LegalBasis;
pub use entity::{
    Change, ChangeSet, Complex, Credential, Device, Entity, EntityKey, Grant, GuestPass, Holder,
    MAX_USES, Partner, Perimeter, Resident, StepUp,
};
pub use fold::{Applied, Refused};
pub use parts::{FOLD_VERSION, Part};
pub use place::{Building, Entrance, Place};
pub use subjects::Hold;
pub use uses::Consumption;

use self::closings::Closings;
use self::homes::Homes;
use self::store::ComplexState;

use crate::id::{
    BuildingId, ChangeSetId, ComplexId, CredentialId, DeviceId, EntranceId, GrantId, PartnerId,
    PassId, SubjectRef,
};
use crate::provisioning::Standings;

/// The text of [`ComplexId::global`].
const GLOBAL: &str = "global";

/// A state with the number of changes that led to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Versioned<T> {
    /// 1 for a new entity.
    pub version: u64,
    /// The state.
    pub state: T,
}

/// Everything registered, by complex. Folding is in `fold.rs`, and how a complex is kept in
/// `store.rs`. A copy takes next to no time: it shares what neither of the two changes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Registry {
    complexes: HashMap<ComplexId, Arc<ComplexState>>,
    homes: Arc<Homes>,
    closings: Closings,
    standings: Standings,
}

macro_rules! getter {
    ($(#[$doc:meta])* $name:ident, $key:ident($id:ty), $variant:ident -> $state:ty) => {
        $(#[$doc])*
        pub fn $name(&self, complex: &ComplexId, id: &$id) -> Option<(u64, &$state)> {
            match self.entity(complex.as_str(), &EntityKey::$key(id.clone()))? {
                Versioned { version, state: Entity::$variant(state) } => Some((*version, state)),
                _ => None,
            }
        }
    };
}

macro_rules! row {
    ($(#[$doc:meta])* $name:ident($id:ty) -> $state:ty, $table:ident) => {
        $(#[$doc])*
        pub fn $name(&self, complex: &ComplexId, id: &$id) -> Option<(u64, &$state)> {
            let row = self.complexes.get(complex)?.$table.get(id)?;
            Some((row.version, &row.state))
        }
    };
}

impl Registry {
    /// One of those that are few.
    fn entity(&self, complex: &str, key: &EntityKey) -> Option<&Versioned<Entity>> {
        self.complexes.get(complex)?.few.get(key)
    }

    /// The complex itself.
    pub fn complex(&self, id: &ComplexId) -> Option<&Complex> {
        match &self.entity(id.as_str(), &EntityKey::Complex)?.state {
            Entity::Complex(complex) => Some(complex),
            _ => None,
        }
    }

    /// A device; its id names the complex.
    pub fn device(&self, id: &DeviceId) -> Option<&Device> {
        match &self
            .entity(id.complex_text(), &EntityKey::Device(id.clone()))?
            .state
        {
            Entity::Device(device) => Some(device),
            _ => None,
        }
    }

    /// The devices of a complex, by id.
    pub fn devices(&self, complex: &ComplexId) -> impl Iterator<Item = &Device> {
        let entities = self.complexes.get(complex).map(|state| &state.few);
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

    /// The complexes in which a person has, or had, a grant; by id.
    pub fn complexes_of(&self, subject: SubjectRef) -> &[ComplexId] {
        self.homes.of(subject)
    }

    /// The passes inside a grant, revoked ones too, with their versions.
    pub fn passes_of(
        &self,
        complex: &ComplexId,
        grant: GrantId,
    ) -> impl Iterator<Item = (u64, &GuestPass)> {
        let state = self.complexes.get(complex).into_iter();
        state
            .flat_map(move |state| state.passes_of(grant))
            .map(|pass| (pass.version, &pass.state))
    }

    /// A partner.
    pub fn partner(&self, id: &PartnerId) -> Option<&Partner> {
        match &self.entity(GLOBAL, &EntityKey::Partner(id.clone()))?.state {
            Entity::Partner(partner) => Some(partner),
            _ => None,
        }
    }

    /// Every partner.
    pub fn partners(&self) -> impl Iterator<Item = &Partner> {
        let global = self.complexes.get(&ComplexId::global()).into_iter();
        global
            .flat_map(|state| state.few.values())
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
    row!(
        /// A resident of a complex, with the entity's version.
        resident(SubjectRef) -> Resident, residents
    );
    row!(
        /// A grant, with its version.
        grant(GrantId) -> Grant, grants
    );
    row!(
        /// A guest pass, with its version.
        pass(PassId) -> GuestPass, passes
    );
    row!(
        /// A credential, with its version.
        credential(CredentialId) -> Credential, credentials
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
        let state = self.complexes.get(complex).into_iter();
        state
            .flat_map(move |state| state.grants_of(subject))
            .map(|grant| (grant.version, &grant.state))
    }

    /// The pass whose secret has this SHA-256.
    pub fn pass_by_hash(&self, complex: &ComplexId, hash: &[u8; 32]) -> Option<PassId> {
        self.complexes.get(complex)?.pass_by_hash(hash)
    }

    /// Everything in a complex, by key.
    pub fn entities(&self, complex: &ComplexId) -> impl Iterator<Item = Versioned<Entity>> + use<> {
        self.page(complex, None, usize::MAX).into_iter()
    }

    /// The first `most` of what stands in a complex, by key, behind `after`.
    pub fn page(
        &self,
        complex: &ComplexId,
        after: Option<&EntityKey>,
        most: usize,
    ) -> Vec<Versioned<Entity>> {
        let state = self.complexes.get(complex);
        state.map_or_else(Vec::new, |state| state.page(after, most))
    }

    /// The credentials of a complex, revoked ones too, in log order.
    pub fn credentials(&self, complex: &ComplexId) -> impl Iterator<Item = &Credential> {
        let state = self.complexes.get(complex).into_iter();
        let rows = state.flat_map(|state| state.credentials.rows());
        rows.map(|row| &row.state)
    }

    /// Every complex in which anything is registered.
    pub fn complexes(&self) -> impl Iterator<Item = &ComplexId> {
        self.complexes
            .keys()
            .filter(|complex| !complex.is_reserved())
    }

    /// What became of a change set that has been folded.
    pub fn change_set(
        &self,
        complex: &ComplexId,
        id: ChangeSetId,
    ) -> Option<&Result<Applied, Refused>> {
        self.complexes.get(complex)?.answers.get(id)
    }

    /// Whether `partner` may speak of what happened in `complex` at `at`, as far back as before its
    /// perimeter was closed. What it may do now is another matter: see [`Perimeter::permits`].
    pub fn in_perimeter(&self, partner: &PartnerId, complex: &ComplexId, at: Timestamp) -> bool {
        self.perimeter(complex, partner)
            .is_some_and(|(_, perimeter)| self.closings.was_in_force(perimeter, at))
    }
}
