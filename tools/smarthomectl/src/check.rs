//! What can't be applied is found before anything is sent, by the registry's own rules.

use std::collections::{BTreeMap, BTreeSet};

use domain::registry::{Change, ChangeSet, Entity, EntityKey, Holder, Place, Refused, Registry};
use domain::{ChangeSetId, ComplexId, DeviceId};
use uuid::Uuid;

use crate::diff::Diff;
use crate::document::Document;
use crate::problem::Problem;
use crate::standing::Complexes;

/// What the files alone show: entities that stand in them twice, and such as no registry takes.
pub(crate) fn alone(documents: &[Document]) -> Vec<Problem> {
    let (mut problems, nothing) = (Vec::new(), Registry::default());
    let (mut seen, mut secrets) = (BTreeMap::new(), BTreeMap::new());
    for document in documents {
        let key = (&document.complex, document.entity.key());
        if let Some(first) = seen.insert(key, document) {
            let what = format!("stands in the files twice, first at {}", first.place());
            problems.push(document.problem("", &what));
            continue;
        }
        if let Entity::GuestPass(pass) = &document.entity
            && let Some(first) = secrets.insert((&document.complex, pass.secret_hash), document)
        {
            let what = format!("the pass at {} has this secret", first.place());
            problems.push(document.problem("secret_hash", &what));
        }
        if let Some(why) = refused(&nothing, &document.complex, &document.entity, false) {
            problems.push(document.problem("", why));
        }
    }
    problems
}

/// What only the registry shows: changes that it refuses, and references to nothing. Entities that
/// stand as they should are left alone.
pub(crate) fn against(
    documents: &[Document],
    diffs: &[Diff],
    standing: &Complexes,
) -> Vec<Problem> {
    let registry = registry(standing);
    let changed = changed(diffs);
    let wanted: BTreeSet<(&ComplexId, EntityKey)> = documents
        .iter()
        .map(|document| (&document.complex, document.entity.key()))
        .collect();
    let stands = |complex: &ComplexId, key: &EntityKey| {
        let standing = standing.get(complex);
        standing.is_some_and(|standing| standing.0.contains_key(key))
    };
    let mut problems = Vec::new();
    for document in documents {
        if !changed.contains(&(&document.complex, document.entity.key())) {
            continue;
        }
        let is_there = stands(&document.complex, &document.entity.key());
        if let Some(why) = refused(&registry, &document.complex, &document.entity, is_there) {
            problems.push(document.problem("", why));
        }
        for reference in references(document) {
            let Reference { complex, key, .. } = &reference;
            if !stands(complex, key) && !wanted.contains(&(complex, key.clone())) {
                let kind = key.kind();
                let what = format!("no {kind} {} in the registry or the files", reference.id);
                problems.push(document.problem(reference.field, &what));
            }
        }
    }
    problems
}

/// The entities that change.
pub(crate) fn changed(diffs: &[Diff]) -> BTreeSet<(&ComplexId, EntityKey)> {
    let of_complex = |diff| {
        let Diff {
            complex, changes, ..
        }: &Diff = diff;
        changes.iter().map(move |one| (complex, one.entity.key()))
    };
    diffs.iter().flat_map(of_complex).collect()
}

/// Why the registry refuses to have an entity put as it should stand.
pub(crate) fn refused(
    registry: &Registry,
    complex: &ComplexId,
    entity: &Entity,
    is_there: bool,
) -> Option<&'static str> {
    // Whatever stands was folded once.
    let set = set(0, is_there.into(), entity.clone());
    match registry.check(complex, &set) {
        Err(Refused::Invalid { why, .. }) => Some(why),
        // What is missing is looked for in the files too.
        Ok(_) | Err(Refused::Conflict { .. } | Refused::Missing { .. }) => None,
    }
}

/// The registry as it stands; every version is 1 here.
pub(crate) fn registry(standing: &Complexes) -> Registry {
    let mut registry = Registry::default();
    for (complex, standing) in standing {
        // What is named stands before what names it.
        let mut entities: Vec<_> = standing.0.values().collect();
        entities.sort_by_key(|entity| match entity.state {
            Entity::Building(_) => 0,
            Entity::Entrance(_) => 1,
            _ => 2,
        });
        for (id, entity) in (1..).zip(entities) {
            // What a later version may hold and this one refuses is left out.
            let _ = registry.fold(complex, set(id, 0, entity.state.clone()));
        }
    }
    registry
}

fn set(id: u128, expected_version: u64, entity: Entity) -> ChangeSet {
    ChangeSet {
        id: ChangeSetId(Uuid::from_u128(id)),
        note: String::new(),
        changes: vec![Change {
            expected_version,
            entity,
        }],
    }
}

/// An entity that another one names.
struct Reference {
    field: &'static str,
    complex: ComplexId,
    key: EntityKey,
    id: String,
}

fn references(document: &Document) -> Vec<Reference> {
    let inside = |field, key, id: &dyn ToString| Reference {
        field,
        complex: document.complex.clone(),
        key,
        id: id.to_string(),
    };
    let partner = |id: &domain::PartnerId| Reference {
        field: "partner_id",
        complex: ComplexId::global(),
        key: EntityKey::Partner(id.clone()),
        id: id.to_string(),
    };
    let devices = |ids: &[DeviceId]| -> Vec<Reference> {
        let ids = ids.iter();
        ids.map(|id| inside("device_ids", EntityKey::Device(id.clone()), id))
            .collect()
    };
    let place = |field, place: &Place| inside(field, place.key(), place);
    let mut references = match &document.entity {
        Entity::Complex(_) | Entity::Partner(_) => return Vec::new(),
        Entity::Resident(_) | Entity::Building(_) => Vec::new(),
        Entity::Entrance(entrance) => {
            vec![place(
                "building_id",
                &Place::Building(entrance.building.clone()),
            )]
        }
        Entity::Device(device) => {
            let mut references = vec![partner(&device.partner)];
            references.extend(device.place.as_ref().map(|at| match at {
                Place::Building(_) => place("building_id", at),
                Place::Entrance(_) => place("entrance_id", at),
            }));
            references
        }
        Entity::Perimeter(perimeter) => vec![partner(&perimeter.partner)],
        Entity::Grant(grant) => {
            let mut references = devices(&grant.devices);
            let buildings = grant.buildings.iter().cloned().map(Place::Building);
            references.extend(buildings.map(|id| place("building_ids", &id)));
            let entrances = grant.entrances.iter().cloned().map(Place::Entrance);
            references.extend(entrances.map(|id| place("entrance_ids", &id)));
            let subject = grant.subject;
            references.push(inside(
                "subject_ref",
                EntityKey::Resident(subject),
                &subject,
            ));
            references
        }
        Entity::GuestPass(pass) => {
            let mut references = devices(&pass.devices);
            references.push(inside(
                "grant_id",
                EntityKey::Grant(pass.grant),
                &pass.grant,
            ));
            references
        }
        Entity::Credential(credential) => {
            let mut references = devices(&credential.devices);
            references.push(match credential.holder {
                Holder::Subject(id) => inside("subject_ref", EntityKey::Resident(id), &id),
                Holder::Pass(id) => inside("pass_id", EntityKey::GuestPass(id), &id),
            });
            references
        }
    };
    references.push(inside("complex_id", EntityKey::Complex, &document.complex));
    references
}
