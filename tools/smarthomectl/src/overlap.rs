//! Grants of one person that say the same twice, or hold at once.
//!
//! The same right under two ids is an error: whoever revokes one believes that the person is shut
//! out, and the other still opens. Grants that only overlap are told of and made, as they have good
//! reasons: a resident who works there too, a right that is prolonged before it ends.

use std::collections::BTreeMap;

use domain::registry::{Entity, EntityKey, Grant, Registry, Versioned};
use domain::window::Window;
use domain::{ComplexId, SubjectRef};
use jiff::{SignedDuration, Timestamp};

use crate::check;
use crate::diff::Diff;
use crate::document::Document;
use crate::problem::Problem;
use crate::standing::Complexes;

/// What was found.
pub(crate) struct Found {
    /// The same right twice: must not be.
    pub(crate) same: Vec<Problem>,
    /// Rights that hold at once: may be.
    pub(crate) overlapping: Vec<Problem>,
}

/// A grant as it will stand, and its document if it has one.
#[derive(Clone, Copy)]
struct Will<'a> {
    grant: &'a Grant,
    document: Option<&'a Document>,
    changes: bool,
}

/// Looks at every grant that changes, beside all others of its person.
pub(crate) fn grants(documents: &[Document], diffs: &[Diff], standing: &Complexes) -> Found {
    let changed = check::changed(diffs);
    let mut after = standing.clone();
    let mut of_file = BTreeMap::new();
    for document in documents {
        let key = document.entity.key();
        let state = document.entity.clone();
        let complex = after.entry(document.complex.clone()).or_default();
        complex
            .0
            .insert(key.clone(), Versioned { version: 1, state });
        of_file.insert((&document.complex, key), document);
    }
    let registry = check::registry(&after);
    let mut people: BTreeMap<(&ComplexId, SubjectRef), Vec<Will<'_>>> = BTreeMap::new();
    for (complex, entities) in &after {
        for (key, entity) in &entities.0 {
            if let Entity::Grant(grant) = &entity.state
                && !grant.revoked
            {
                let will = Will {
                    grant,
                    document: of_file.get(&(complex, key.clone())).copied(),
                    changes: changed.contains(&(complex, key.clone())),
                };
                let of_person = people.entry((complex, grant.subject)).or_default();
                of_person.push(will);
            }
        }
    }
    let mut found = Found {
        same: Vec::new(),
        overlapping: Vec::new(),
    };
    for ((complex, _), grants) in people {
        for (index, two) in grants.iter().enumerate() {
            for one in &grants[..index] {
                pair(&registry, complex, *one, *two, &mut found);
            }
        }
    }
    found
}

fn pair<'a>(
    registry: &Registry,
    complex: &ComplexId,
    one: Will<'a>,
    two: Will<'a>,
    found: &mut Found,
) {
    // The one that changes is the one to mend.
    let (mine, other) = if two.changes { (two, one) } else { (one, two) };
    let Some(document) = mine.document.filter(|_| mine.changes) else {
        return;
    };
    let place = other.document.map(Document::place);
    let place = place.map_or("in the registry".to_owned(), |at| format!("at {at}"));
    let id = other.grant.id;
    if same_right(mine.grant, other.grant) {
        let what = format!("the same right as Grant {id} {place}; revoke or leave out one of them");
        found.same.push(document.problem("", &what));
        return;
    }
    let both = registry.devices(complex).filter(|device| {
        registry.covers(mine.grant, device) && registry.covers(other.grant, device)
    });
    let devices: Vec<_> = both.map(|device| device.id.as_str()).collect();
    if let [first, rest @ ..] = &devices[..]
        && meet(&mine.grant.window, &other.grant.window)
    {
        let more = match rest.len() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let what = format!(
            "overlaps Grant {id} {place} at {first}{more}: the person opens there until both end"
        );
        found.overlapping.push(document.problem("window", &what));
    }
}

/// Whether two grants of a person differ in their ids alone.
fn same_right(one: &Grant, two: &Grant) -> bool {
    let key = |grant: &Grant| {
        let mut places: Vec<EntityKey> = grant
            .devices
            .iter()
            .cloned()
            .map(EntityKey::Device)
            .chain(grant.buildings.iter().cloned().map(EntityKey::Building))
            .chain(grant.entrances.iter().cloned().map(EntityKey::Entrance))
            .collect();
        places.sort_unstable();
        (grant.role, places, grant.window.clone())
    };
    key(one) == key(two)
}

/// Whether there is an instant at which both hold.
fn meet(one: &Window, two: &Window) -> bool {
    let begins = one.not_before.max(two.not_before);
    let ends = [one.not_after, two.not_after];
    let ends = ends.into_iter().flatten().min();
    if let (Some(begins), Some(ends)) = (begins, ends)
        && begins >= ends
    {
        return false;
    }
    // Hours begin and end on whole minutes, and repeat after a week.
    let [one, two] = [one, two].map(|window| Window {
        not_before: None,
        not_after: None,
        ..window.clone()
    });
    (0..7 * 24 * 60).any(|minute| {
        let at = Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minute);
        one.contains(at, 0) && two.contains(at, 0)
    })
}
