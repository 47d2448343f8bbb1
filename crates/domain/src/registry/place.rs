//! Buildings and entrances, and what a grant to one of them is about.
//!
//! An entrance is in a building and a building is in nothing, so places can't be inside of each
//! other. They are never removed.

use std::fmt;

use super::{Device, Entity, EntityKey, Grant, Registry};
use crate::id::{BuildingId, ComplexId, EntranceId};

/// A building (корпус) of a complex.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Building {
    /// Its id, which names the complex.
    pub id: BuildingId,
    /// For people to read.
    pub name: String,
}

/// An entrance (подъезд) of a building.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entrance {
    /// Its id, which names the complex.
    pub id: EntranceId,
    /// Whose; never changes.
    pub building: BuildingId,
    /// For people to read.
    pub name: String,
}

/// Where a device stands.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Place {
    /// In a building, at no entrance of its own.
    Building(BuildingId),
    /// At an entrance.
    Entrance(EntranceId),
}

impl Place {
    /// The complex that it belongs to.
    pub fn complex(&self) -> ComplexId {
        match self {
            Place::Building(id) => id.complex(),
            Place::Entrance(id) => id.complex(),
        }
    }

    /// Its name within the complex.
    pub fn key(&self) -> EntityKey {
        match self {
            Place::Building(id) => EntityKey::Building(id.clone()),
            Place::Entrance(id) => EntityKey::Entrance(id.clone()),
        }
    }

    /// Kind of place, for people to read.
    pub fn kind(&self) -> &'static str {
        self.key().kind()
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Building(id) => id.fmt(f),
            Place::Entrance(id) => id.fmt(f),
        }
    }
}

impl Entity {
    /// The places that it names, and that must be registered for it.
    pub fn places(&self) -> Vec<Place> {
        match self {
            Entity::Device(device) => device.place.iter().cloned().collect(),
            Entity::Entrance(entrance) => vec![Place::Building(entrance.building.clone())],
            Entity::Grant(grant) => {
                let buildings = grant.buildings.iter().cloned().map(Place::Building);
                let entrances = grant.entrances.iter().cloned().map(Place::Entrance);
                buildings.chain(entrances).collect()
            }
            _ => Vec::new(),
        }
    }
}

impl Registry {
    /// Whether a grant is about a device, at any time, where the device stands now.
    pub fn covers(&self, grant: &Grant, device: &Device) -> bool {
        if grant.is_everywhere() || grant.devices.contains(&device.id) {
            return true;
        }
        match &device.place {
            None => false,
            Some(Place::Building(building)) => grant.buildings.contains(building),
            Some(Place::Entrance(entrance)) => {
                grant.entrances.contains(entrance)
                    || self
                        .entrance(&entrance.complex(), entrance)
                        .is_some_and(|(_, entrance)| grant.buildings.contains(&entrance.building))
            }
        }
    }
}

#[cfg(test)]
mod tests;
