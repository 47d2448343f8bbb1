//! What must change for the registry to be as the files say. Pure. What the files don't name is
//! left as it is.

use std::collections::BTreeMap;

use domain::registry::{Change, ChangeSet, Entity, EntityKey};
use domain::{ChangeSetId, ComplexId};
use prost::Message as _;
use proto::access::ApplyRequest;
use uuid::Uuid;

use crate::standing::{Complexes, Standing};
use crate::tree;

/// Namespace of change sets (RFC 9562, section 5.5): UUIDv5 of the URL
/// `urn:smarthome:smarthomectl`.
const CHANGE_SETS: Uuid = Uuid::from_u128(0x485e_1686_cbc0_5907_8517_9077_1093_c10d);

/// The changes of one complex, or of `global`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Diff {
    pub(crate) complex: ComplexId,
    /// By key, so that the order of the files says nothing.
    pub(crate) changes: Vec<EntityDiff>,
    /// Entities of the files that stand as they should.
    pub(crate) unchanged: usize,
}

/// One entity that is new, or stands otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EntityDiff {
    /// As it should stand.
    pub(crate) entity: Entity,
    /// The version that it stands in; 0 where it is new.
    pub(crate) version: u64,
    pub(crate) fields: Vec<FieldDiff>,
}

/// One field, by its dotted path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FieldDiff {
    pub(crate) path: String,
    pub(crate) old: Option<String>,
    pub(crate) new: Option<String>,
}

/// Compares what should stand with what stands. `global` comes first: complexes lean on it.
pub(crate) fn diff<'a>(
    wanted: impl IntoIterator<Item = (&'a ComplexId, &'a Entity)>,
    standing: &Complexes,
) -> Vec<Diff> {
    let mut complexes: BTreeMap<_, BTreeMap<EntityKey, &Entity>> = BTreeMap::new();
    for (complex, entity) in wanted {
        let order = (*complex != ComplexId::global(), complex);
        let entities = complexes.entry(order).or_default();
        entities.insert(entity.key(), entity);
    }
    let nothing = Standing::default();
    let diffs = complexes.into_iter().map(|((_, complex), entities)| {
        let standing = standing.get(complex).unwrap_or(&nothing);
        let count = entities.len();
        let changes: Vec<_> = entities
            .into_iter()
            .filter_map(|(key, entity)| entity_diff(entity, &key, standing))
            .collect();
        Diff {
            complex: complex.clone(),
            unchanged: count - changes.len(),
            changes,
        }
    });
    diffs.collect()
}

fn entity_diff(wanted: &Entity, key: &EntityKey, standing: &Standing) -> Option<EntityDiff> {
    let found = standing.0.get(key);
    let (old, new) = (
        found.map(|found| tree::flat(&found.state)),
        tree::flat(wanted),
    );
    let fields = field_diffs(old.as_deref().unwrap_or_default(), &new);
    (found.is_none() || !fields.is_empty()).then(|| EntityDiff {
        entity: wanted.clone(),
        version: standing.version(key),
        fields,
    })
}

fn field_diffs(old: &[(String, String)], new: &[(String, String)]) -> Vec<FieldDiff> {
    let value = |fields: &[(String, String)], path: &str| {
        let found = fields.iter().find(|(name, _)| name == path);
        found.map(|(_, value)| value.clone())
    };
    let gone = old.iter().filter(|(path, _)| value(new, path).is_none());
    let paths = new.iter().chain(gone).map(|(path, _)| path);
    let diffs = paths.map(|path| FieldDiff {
        path: path.clone(),
        old: value(old, path),
        new: value(new, path),
    });
    diffs.filter(|field| field.old != field.new).collect()
}

impl Diff {
    /// The change set, under a key that is made of what it changes and the versions that it stands
    /// on: the same change is the same set, however often it is sent.
    pub(crate) fn change_set(&self, note: &str) -> ChangeSet {
        let changes: Vec<Change> = self
            .changes
            .iter()
            .map(|change| Change {
                expected_version: change.version,
                entity: change.entity.clone(),
            })
            .collect();
        let content = ApplyRequest {
            complex_id: self.complex.to_string(),
            changes: changes.iter().map(records::change_to_wire).collect(),
            ..ApplyRequest::default()
        };
        ChangeSet {
            id: ChangeSetId(Uuid::new_v5(&CHANGE_SETS, &content.encode_to_vec())),
            note: note.to_owned(),
            changes,
        }
    }
}
