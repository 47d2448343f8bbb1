//! How a change set changes the registry: in log order, the first that expects the present
//! versions applies, the others are refused whole.

use std::sync::Arc;

use jiff::Timestamp;

use super::place::Place;
use super::store::ComplexState;
use super::{Change, ChangeSet, Entity, EntityKey, Registry};
use crate::event::ProvisioningChanged;
use crate::id::{ComplexId, DeviceId};
use crate::provisioning::Standings;

/// A change set took effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// Versions after it, in the order of its changes.
    pub versions: Vec<u64>,
}

/// A change set had no effect.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// An entity has another version than the one that was expected.
    #[error("change {change}: expected version {expected}, found {found}; read it again")]
    Conflict {
        /// Index of the change.
        change: usize,
        /// What the change set expected.
        expected: u64,
        /// What was there.
        found: u64,
    },
    /// A change that can't be.
    #[error("change {change}: {why}")]
    Invalid {
        /// Index of the change.
        change: usize,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A change that names a place which is neither registered nor in the change set.
    #[error(
        "change {change}: there is no {kind} {id}; register it first, or in the same change set"
    )]
    Missing {
        /// Index of the change.
        change: usize,
        /// Kind of the place.
        kind: &'static str,
        /// Its id.
        id: String,
    },
}

impl Registry {
    /// Judges a change set without folding it.
    ///
    /// # Errors
    /// As [`Registry::fold`] would answer now.
    pub fn check(&self, complex: &ComplexId, set: &ChangeSet) -> Result<Applied, Refused> {
        let empty = ComplexState::default();
        let state = self.complexes.get(complex).map_or(&empty, Arc::as_ref);
        let mut versions = Vec::with_capacity(set.changes.len());
        for (index, change) in set.changes.iter().enumerate() {
            let invalid = |why| Refused::Invalid { change: index, why };
            let key = change.entity.key();
            if set.changes[..index].iter().any(|c| c.entity.key() == key) {
                return Err(invalid("the same entity twice in one change set"));
            }
            valid_in(complex, &change.entity).map_err(invalid)?;
            if let Some(place) = missing_place(state, set, &change.entity) {
                return Err(Refused::Missing {
                    change: index,
                    kind: place.kind(),
                    id: place.to_string(),
                });
            }
            let found = state.entity(&key);
            let version = found.as_ref().map_or(0, |entity| entity.version);
            if version != change.expected_version {
                return Err(Refused::Conflict {
                    change: index,
                    expected: change.expected_version,
                    found: version,
                });
            }
            if let Some(found) = &found {
                keeps_identity(&found.state, &change.entity).map_err(invalid)?;
            } else if let Entity::GuestPass(pass) = &change.entity
                && (state.pass_by_hash(&pass.secret_hash).is_some()
                    || has_secret(&set.changes[..index], &pass.secret_hash))
            {
                return Err(invalid("another pass has this secret"));
            }
            versions.push(version + 1);
        }
        Ok(Applied { versions })
    }

    /// Folds a change set of `complex`. The same change set again changes nothing and gives
    /// the first answer.
    pub fn fold(&mut self, complex: &ComplexId, set: ChangeSet) -> Result<Applied, Refused> {
        self.fold_set(complex, set, None)
    }

    /// As [`Registry::fold`], of a record that was appended at `append_time`: what is known only
    /// to give the first answer again is forgotten after [`super::ANSWERS_KEPT`].
    ///
    /// # Errors
    /// The change set is refused: it changed nothing.
    pub fn fold_at(
        &mut self,
        complex: &ComplexId,
        set: ChangeSet,
        append_time: Timestamp,
    ) -> Result<Applied, Refused> {
        self.fold_set(complex, set, Some(append_time))
    }

    /// Folds what was done at a partner, as a record says that was appended at `append_time`.
    pub fn fold_provisioned(
        &mut self,
        complex: &ComplexId,
        changed: &ProvisioningChanged,
        append_time: Timestamp,
    ) {
        self.standings.fold(complex, changed, append_time);
    }

    /// What partners got, as far as the log says.
    pub fn standings(&self) -> &Standings {
        &self.standings
    }

    fn fold_set(
        &mut self,
        complex: &ComplexId,
        set: ChangeSet,
        append_time: Option<Timestamp>,
    ) -> Result<Applied, Refused> {
        if let Some(answer) = self.change_set(complex, set.id) {
            return answer.clone();
        }
        let answer = self.check(complex, &set);
        let state = self.complexes.entry(complex.clone()).or_default();
        let state = Arc::make_mut(state);
        state.answers.keep(set.id, answer.clone(), append_time);
        if let Ok(applied) = &answer {
            for (change, version) in set.changes.into_iter().zip(&applied.versions) {
                if let Entity::Grant(grant) = &change.entity
                    && !self.homes.has(grant.subject, complex)
                {
                    Arc::make_mut(&mut self.homes).add(grant.subject, complex);
                }
                if let (Entity::Credential(credential), Some(at)) = (&change.entity, append_time) {
                    self.standings
                        .credential_changed(complex, credential.id, at);
                }
                if let (Entity::Perimeter(perimeter), Some(at)) = (&change.entity, append_time) {
                    self.closings.fold(perimeter, at);
                }
                state.put(change.entity, *version);
            }
        }
        answer
    }
}

/// A place that an entity names, but that neither stands nor is in the change set. What stands once
/// stands for ever, so no place is missing later.
fn missing_place(state: &ComplexState, set: &ChangeSet, entity: &Entity) -> Option<Place> {
    let is_missing = |place: &Place| {
        let key = place.key();
        let mut changes = set.changes.iter();
        state.entity(&key).is_none() && !changes.any(|change| change.entity.key() == key)
    };
    entity.places().into_iter().find(is_missing)
}

fn has_secret(changes: &[Change], hash: &[u8; 32]) -> bool {
    changes.iter().any(|change| match &change.entity {
        Entity::GuestPass(pass) => pass.secret_hash == *hash,
        _ => false,
    })
}

/// A grant, a pass or a credential never reaches outside its complex; partners are global.
fn valid_in(complex: &ComplexId, entity: &Entity) -> Result<(), &'static str> {
    let inside = |devices: &[DeviceId]| devices.iter().all(|id| id.complex() == *complex);
    let outside = Err("it reaches outside the complex of the change set");
    match entity {
        Entity::Partner(_) if *complex != ComplexId::global() => {
            Err("partners are registered under `global`")
        }
        Entity::Partner(partner) if partner.attestation_key.len() != 32 => {
            Err("the attestation key must be 32 bytes (Ed25519)")
        }
        Entity::Partner(_) => Ok(()),
        _ if complex.is_reserved() => Err("reserved complexes hold no such entity"),
        _ if entity
            .places()
            .iter()
            .any(|place| place.complex() != *complex) =>
        {
            outside
        }
        Entity::Complex(state) if state.id != *complex => outside,
        Entity::Building(building) if building.id.complex() != *complex => outside,
        Entity::Entrance(entrance) if entrance.id.complex() != *complex => outside,
        Entity::Device(device) if device.id.complex() != *complex => outside,
        Entity::Perimeter(perimeter) if perimeter.complex != *complex => outside,
        Entity::Grant(grant) if !inside(&grant.devices) => outside,
        Entity::GuestPass(pass) if !inside(&pass.devices) => outside,
        Entity::Credential(credential) if !inside(&credential.devices) => outside,
        Entity::GuestPass(pass) if pass.devices.is_empty() => Err("a pass names its devices"),
        Entity::Credential(credential) if credential.devices.is_empty() => {
            Err("a credential names its devices")
        }
        _ => Ok(()),
    }
}

/// What an entity is about never changes: a new one is made instead, so that the audit log
/// can be read by ids alone.
fn keeps_identity(old: &Entity, new: &Entity) -> Result<(), &'static str> {
    match (old, new) {
        (Entity::Grant(old), Entity::Grant(new)) if old.subject != new.subject => {
            Err("a grant's subject never changes")
        }
        (Entity::GuestPass(old), Entity::GuestPass(new))
            if old.secret_hash != new.secret_hash || old.grant != new.grant =>
        {
            Err("a pass's secret and grant never change")
        }
        (Entity::Credential(old), Entity::Credential(new)) if old.holder != new.holder => {
            Err("a credential's holder never changes")
        }
        (Entity::Credential(old), Entity::Credential(new)) if old.kind != new.kind => {
            Err("a credential's kind never changes")
        }
        (Entity::Entrance(old), Entity::Entrance(new)) if old.building != new.building => {
            Err("an entrance's building never changes")
        }
        (Entity::Grant(old), Entity::Grant(new)) if old.revoked && !new.revoked => {
            Err("a revoked grant stays revoked")
        }
        (Entity::GuestPass(old), Entity::GuestPass(new)) if old.revoked && !new.revoked => {
            Err("a revoked pass stays revoked")
        }
        _ => Ok(()),
    }
}

/// Sort key of entities in listings; the fold itself needs no order.
impl EntityKey {
    /// Kind of entity, for people to read.
    pub fn kind(&self) -> &'static str {
        match self {
            EntityKey::Complex => "complex",
            EntityKey::Device(_) => "device",
            EntityKey::Partner(_) => "partner",
            EntityKey::Perimeter(_) => "perimeter",
            EntityKey::Resident(_) => "resident",
            EntityKey::Grant(_) => "grant",
            EntityKey::GuestPass(_) => "guest pass",
            EntityKey::Credential(_) => "credential",
            EntityKey::Building(_) => "building",
            EntityKey::Entrance(_) => "entrance",
        }
    }
}

#[cfg(test)]
mod tests;
