//! What must change for everybody of a file to have what their lines say. Pure.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use domain::registry::{Change, Entity, EntityKey, Resident};
use domain::{ComplexId, SubjectRef};
use prost::Message as _;

use super::bad::Bad;
use super::flight;
use super::header::{BUILDING_IDS, DEVICE_IDS, ENTRANCE_IDS, GRANT_ID};
use super::line::Line;
use super::people::References;
use crate::apply::MAX_CHANGES;
use crate::check;
use crate::diff::{self, Diff, EntityDiff};
use crate::standing::Complexes;

/// The most bytes of one set, so that the audit log, whose leaves end at 65,535 bytes, keeps the
/// record itself and not only its hash.
const MAX_BYTES: usize = 60_000;
/// What an element of a list takes beside itself, in bytes.
const FRAME: usize = 6;

/// Devices, buildings and entrances of the lines that do not stand in the complex.
pub(crate) fn missing(complex: &ComplexId, lines: &[Line], standing: &Complexes) -> Vec<Bad> {
    let mut bad = Vec::new();
    let mut look = |line: &Line, column, keys: &mut dyn Iterator<Item = EntityKey>| {
        for (place, key) in (1..).zip(keys) {
            let stands = standing
                .get(complex)
                .is_some_and(|it| it.0.contains_key(&key));
            if !stands {
                let kind = key.kind();
                let what = format!("{kind} {place}: not registered in {complex}");
                bad.push(Bad::at(line.number, column, what));
            }
        }
    };
    for line in lines {
        let (devices, buildings) = (line.devices.iter(), line.buildings.iter());
        let entrances = line.entrances.iter();
        look(
            line,
            DEVICE_IDS,
            &mut devices.cloned().map(EntityKey::Device),
        );
        look(
            line,
            BUILDING_IDS,
            &mut buildings.cloned().map(EntityKey::Building),
        );
        look(
            line,
            ENTRANCE_IDS,
            &mut entrances.cloned().map(EntityKey::Entrance),
        );
    }
    bad
}

/// The changes, and where they come from.
pub(crate) struct Plan {
    diff: Diff,
    residents: Count,
    grants: Count,
    /// The line of each grant.
    lines: HashMap<EntityKey, u64>,
}

/// Entities of one kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Count {
    new: usize,
    changed: usize,
    unchanged: usize,
}

impl Plan {
    /// Compares lines with what stands. Lines that the registry would refuse are told; the plan
    /// holds only without them.
    pub(crate) fn of(
        complex: &ComplexId,
        lines: &[Line],
        references: &References,
        standing: &Complexes,
    ) -> (Self, Vec<Bad>) {
        let (mut bad, mut of_line) = (Vec::new(), HashMap::new());
        let mut wanted = BTreeMap::new();
        for line in lines {
            let Some(subject) = references.get(&line.person).copied() else {
                continue;
            };
            let resident = Entity::Resident(Resident {
                subject,
                active: true,
            });
            let grant = Entity::Grant(line.grant(complex, subject));
            let first = *of_line.entry(grant.key()).or_insert(line.number);
            if first != line.number {
                let what = format!("line {first} is the same grant");
                bad.push(Bad::at(line.number, GRANT_ID, what));
                continue;
            }
            wanted.insert(resident.key(), resident);
            wanted.insert(grant.key(), grant);
        }
        let pairs = wanted.values().map(|entity| (complex, entity));
        let diffs = diff::diff(pairs, standing);
        let diff = diffs.into_iter().next().unwrap_or_else(|| Diff {
            complex: complex.clone(),
            changes: Vec::new(),
            unchanged: 0,
        });
        let registry = check::registry(standing);
        for change in &diff.changes {
            let (entity, is_there) = (&change.entity, change.version > 0);
            if let Some(why) = check::refused(&registry, complex, entity, is_there)
                && let Some(line) = of_line.get(&entity.key())
            {
                let what = format!("{why}; give the line a grant_id of its own");
                bad.push(Bad::at(*line, GRANT_ID, what));
            }
        }
        let count = |is_kind: fn(&EntityKey) -> bool| {
            let all = wanted.keys().filter(|key| is_kind(key)).count();
            let changes = diff.changes.iter();
            let of_kind: Vec<_> = changes.filter(|it| is_kind(&it.entity.key())).collect();
            let new = of_kind.iter().filter(|it| it.version == 0).count();
            Count {
                new,
                changed: of_kind.len() - new,
                unchanged: all - of_kind.len(),
            }
        };
        let plan = Self {
            residents: count(|key| matches!(key, EntityKey::Resident(_))),
            grants: count(|key| matches!(key, EntityKey::Grant(_))),
            diff,
            lines: of_line,
        };
        (plan, bad)
    }

    /// How many entities change.
    pub(crate) fn changes(&self) -> usize {
        self.diff.changes.len()
    }

    /// The line that a grant comes from.
    pub(crate) fn line(&self, grant: &Entity) -> Option<u64> {
        self.lines.get(&grant.key()).copied()
    }

    /// The changes in sets that the service takes. A person's are in one set, if it holds them, so
    /// that nobody is a resident without rights where a run is cut.
    pub(crate) fn sets(&self) -> Vec<Diff> {
        let mut people: BTreeMap<Option<SubjectRef>, Vec<&EntityDiff>> = BTreeMap::new();
        for change in &self.diff.changes {
            people
                .entry(subject(&change.entity))
                .or_default()
                .push(change);
        }
        let parts = people.into_values().flat_map(|changes| {
            flight::portions(changes, MAX_CHANGES, MAX_BYTES, |change| (1, size(change)))
        });
        let whole =
            |part: &Vec<&EntityDiff>| (part.len(), part.iter().map(|change| size(change)).sum());
        let sets = flight::portions(parts, MAX_CHANGES, MAX_BYTES, whole);
        let sets = sets.into_iter().map(|parts| Diff {
            complex: self.diff.complex.clone(),
            changes: parts.into_iter().flatten().cloned().collect(),
            unchanged: 0,
        });
        sets.collect()
    }
}

fn subject(entity: &Entity) -> Option<SubjectRef> {
    match entity {
        Entity::Resident(resident) => Some(resident.subject),
        Entity::Grant(grant) => Some(grant.subject),
        _ => None,
    }
}

fn size(change: &EntityDiff) -> usize {
    let change = Change {
        expected_version: change.version,
        entity: change.entity.clone(),
    };
    records::change_to_wire(&change).encoded_len() + FRAME
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "residents: {}; grants: {}", self.residents, self.grants)
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            new,
            changed,
            unchanged,
        } = self;
        write!(f, "{new} new, {changed} changed, {unchanged} unchanged")
    }
}
