//! What stands in the registry, as it was read.

use std::collections::BTreeMap;

use domain::ComplexId;
use domain::registry::{Entity, EntityKey, Versioned};

/// The entities of one complex, or of `global`, with their versions.
#[derive(Debug, Clone, Default)]
pub(crate) struct Standing(pub(crate) BTreeMap<EntityKey, Versioned<Entity>>);

/// Complexes by id.
pub(crate) type Complexes = BTreeMap<ComplexId, Standing>;

impl Standing {
    /// The version of an entity; 0 where there is none.
    pub(crate) fn version(&self, key: &EntityKey) -> u64 {
        self.0.get(key).map_or(0, |entity| entity.version)
    }
}
