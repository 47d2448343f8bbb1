//! What lines become, beside what stands.

use std::sync::Arc;

use domain::registry::{Change, Entity, EntityKey, Resident, Versioned};
use domain::{ComplexId, SubjectRef};
use prost::Message as _;
use uuid::Uuid;

use super::{HEADER, read, sunrise, words};
use crate::diff::Diff;
use crate::import::line::Line;
use crate::import::people::{self, References};
use crate::import::plan::{Plan, missing};
use crate::standing::{Complexes, Standing};

/// So many owners of the whole complex.
fn owners(count: usize) -> Vec<Line> {
    let line = |number| format!("https://i.example,user-{number},OWNER,,,,\n");
    lines(&(0..count).map(line).collect::<String>())
}

fn lines(text: &str) -> Vec<Line> {
    let read = read(&format!("{HEADER}\n{text}"));
    assert_eq!(words(&read.bad), [""; 0]);
    read.good
}

/// A reference for everybody, always the same one.
fn references(lines: &[Line]) -> References {
    let people = people::of(lines).into_iter();
    people
        .map(|person| {
            let subject = Uuid::new_v5(&Uuid::nil(), person.user_id.as_bytes());
            (Arc::clone(&person), SubjectRef(subject))
        })
        .collect()
}

fn plan(lines: &[Line], standing: &Complexes) -> (Plan, Vec<String>) {
    let (plan, bad) = Plan::of(&sunrise(), lines, &references(lines), standing);
    (plan, words(&bad))
}

/// Folds sets into what stands, as the service would.
fn made(sets: &[Diff], standing: &mut Complexes) {
    for change in sets.iter().flat_map(|set| set.change_set("").changes) {
        let complex = standing.entry(sunrise()).or_default();
        let key = change.entity.key();
        assert_eq!(complex.version(&key), change.expected_version);
        let entity = Versioned {
            version: change.expected_version + 1,
            state: change.entity,
        };
        complex.0.insert(key, entity);
    }
}

/// The grants that stand.
fn grants(standing: &mut Complexes) -> Vec<&mut domain::registry::Grant> {
    let complex = standing.get_mut(&sunrise()).unwrap();
    let states = complex.0.values_mut().map(|entity| &mut entity.state);
    let grants = states.filter_map(|state| match state {
        Entity::Grant(grant) => Some(grant),
        _ => None,
    });
    grants.collect()
}

#[test]
fn the_same_file_again_changes_nothing() {
    let lines = owners(3);
    let mut standing = Complexes::new();
    let (first, bad) = plan(&lines, &standing);
    assert_eq!(bad, [""; 0]);
    assert_eq!(
        first.to_string(),
        "residents: 3 new, 0 changed, 0 unchanged; grants: 3 new, 0 changed, 0 unchanged"
    );
    made(&first.sets(), &mut standing);
    let (again, _) = plan(&lines, &standing);
    assert_eq!(again.changes(), 0);
    assert_eq!(
        again.to_string(),
        "residents: 0 new, 0 changed, 3 unchanged; grants: 0 new, 0 changed, 3 unchanged"
    );
}

#[test]
fn a_run_that_was_cut_goes_on_where_it_was() {
    let lines = owners(700);
    let mut standing = Complexes::new();
    let (whole, _) = plan(&lines, &standing);
    made(&whole.sets()[..1], &mut standing);
    let (rest, _) = plan(&lines, &standing);
    assert_eq!(rest.changes(), 1400 - whole.sets()[0].changes.len());
    made(&rest.sets(), &mut standing);
    assert_eq!(plan(&lines, &standing).0.changes(), 0);
}

#[test]
fn sets_hold_what_the_service_and_the_audit_log_take_and_nobody_in_halves() {
    let devices: Vec<String> = (0..8)
        .map(|number| format!("sunrise.door-{number}"))
        .collect();
    let line = |number| {
        format!(
            "https://i.example,u{number},STAFF,{},,,\n",
            devices.join(" ")
        )
    };
    let many = lines(&(0..900).map(line).collect::<String>());
    for lines in [owners(1200), many] {
        let (plan, _) = plan(&lines, &Complexes::new());
        let sets = plan.sets();
        assert_eq!(plan.changes(), 2 * lines.len());
        let changes: usize = sets.iter().map(|set| set.changes.len()).sum();
        assert_eq!(changes, plan.changes());
        for set in &sets {
            let residents =
                |it: &&crate::diff::EntityDiff| matches!(it.entity, Entity::Resident(_));
            let residents = set.changes.iter().filter(residents).count();
            assert_eq!(2 * residents, set.changes.len());
            assert!(set.changes.len() <= 500);
            let wire = set.change_set("").changes;
            let wire: usize = wire.iter().map(wire_size).sum();
            assert!(wire <= 60_000, "{wire} bytes");
        }
        // No set is smaller than it must be.
        assert!(sets.len() <= lines.len() / 100, "{} sets", sets.len());
    }
}

fn wire_size(change: &Change) -> usize {
    records::change_to_wire(change).encoded_len() + 4
}

#[test]
fn one_persons_many_rights_are_parted_where_one_set_does_not_hold_them() {
    let line = |day: i64| {
        let day = jiff::Timestamp::from_second(day * 86_400).unwrap();
        format!("https://i.example,u,STAFF,,{day},,\n")
    };
    let text: String = (0..1100).map(line).collect();
    let (plan, _) = plan(&lines(&text), &Complexes::new());
    let sets = plan.sets();
    assert_eq!(plan.changes(), 1101);
    assert_eq!(
        sets.iter().map(|set| set.changes.len()).sum::<usize>(),
        1101
    );
    assert!(sets.iter().all(|set| set.changes.len() <= 500));
}

#[test]
fn sets_have_keys_of_their_content() {
    let keys = |lines: &[Line]| -> Vec<_> {
        let (plan, _) = plan(lines, &Complexes::new());
        plan.sets()
            .iter()
            .map(|set| set.change_set("why").id)
            .collect()
    };
    let mut lines = owners(600);
    let first = keys(&lines);
    lines.reverse();
    assert_eq!(keys(&lines), first, "the order of the file says nothing");
    assert_eq!(first.len(), 3);
    assert_ne!(keys(&owners(601)).last(), first.last());
}

#[test]
fn the_right_makes_the_grant() {
    let id = |complex: &str, line: &str| {
        let lines = lines(line);
        let subject = SubjectRef(Uuid::nil());
        let complex: ComplexId = complex.parse().unwrap();
        lines[0].grant(&complex, subject).id.to_string()
    };
    let line = "https://i.example,u,OWNER,sunrise.b sunrise.a,2026-01-01T00:00:00Z,,";
    let known = id("sunrise", line);
    // What was imported once must be found again by every later version.
    assert_eq!(known, "7585ab09-fe8c-52f2-b7bd-ec4b3f727a23");
    let same = "https://i.example,u,OWNER,sunrise.a  sunrise.b,2026-01-01T03:00:00+03:00,,";
    assert_eq!(id("sunrise", same), known);
    for (complex, other) in [
        ("meadow", line.to_owned()),
        ("sunrise", line.replace("OWNER", "STAFF")),
        ("sunrise", line.replace(" sunrise.a", "")),
        ("sunrise", line.replace("2026", "2025")),
        (
            "sunrise",
            line.replace("2026-01-01T00:00:00Z,", ",2026-01-01T00:00:00Z"),
        ),
    ] {
        assert_ne!(id(complex, &other), known, "{complex} {other}");
    }
    let named = "9d3e7a40-6c1b-4f7e-8b1d-2a5c9e0f4b02";
    assert_eq!(id("sunrise", &format!("{line}{named}")), named);
}

#[test]
fn what_the_registry_refuses_is_told_with_its_line() {
    let lines = owners(3);
    let mut standing = Complexes::new();
    made(&plan(&lines, &standing).0.sets(), &mut standing);
    let revoked = {
        let mut grants = grants(&mut standing);
        grants[1].revoked = true;
        grants[1].subject
    };
    let line = lines
        .iter()
        .find(|line| references(&lines)[&line.person] == revoked);
    let number = line.unwrap().number;
    let (_, bad) = plan(&lines, &standing);
    let told = "grant_id: a revoked grant stays revoked; give the line a grant_id of its own";
    assert_eq!(bad, [format!("{number}: {told}")]);

    let taken = grants(&mut standing)[0].id;
    let other = self::lines(&format!("https://i.example,other,OWNER,,,,{taken}\n"));
    let (_, bad) = plan(&other, &standing);
    assert_eq!(bad.len(), 1, "{bad:?}");
    assert!(
        bad[0].starts_with("2: grant_id: a grant's subject never changes"),
        "{bad:?}"
    );
}

#[test]
fn a_grant_that_two_lines_mean_is_told() {
    let line = "https://i.example,u,OWNER,,,,";
    let made = lines(line)[0].grant(
        &sunrise(),
        references(&lines(line)).into_values().next().unwrap(),
    );
    let text = format!("{line}\nhttps://i.example,u,STAFF,,,,{}\n", made.id);
    let (_, bad) = plan(&lines(&text), &Complexes::new());
    assert_eq!(bad, ["3: grant_id: line 2 is the same grant"]);
}

#[test]
fn who_moved_out_and_is_in_the_file_is_a_resident_again() {
    let lines = owners(1);
    let mut standing = Complexes::new();
    made(&plan(&lines, &standing).0.sets(), &mut standing);
    let complex = standing.get_mut(&sunrise()).unwrap();
    for entity in complex.0.values_mut() {
        if let Entity::Resident(Resident { active, .. }) = &mut entity.state {
            *active = false;
        }
    }
    let (plan, bad) = plan(&lines, &standing);
    assert_eq!(bad, [""; 0]);
    assert!(
        plan.to_string()
            .starts_with("residents: 0 new, 1 changed, 0 unchanged"),
        "{plan}"
    );
    let sets = plan.sets();
    assert_eq!(sets[0].change_set("").changes[0].expected_version, 1);
}

#[test]
fn places_are_part_of_the_grant_and_must_stand() {
    let header = "issuer,user_id,role,building_ids,entrance_ids";
    let row = "https://i.example,u,OWNER,sunrise.b sunrise.a,sunrise.low";
    let placed = read(&format!("{header}\n{row}\n")).good;
    let told = words(&missing(&sunrise(), &placed, &Complexes::new()));
    let expected = [
        "2: building_ids: building 1: not registered in sunrise",
        "2: building_ids: building 2: not registered in sunrise",
        "2: entrance_ids: entrance 1: not registered in sunrise",
    ];
    assert_eq!(told, expected);
    let grant = placed[0].grant(&sunrise(), SubjectRef(Uuid::nil()));
    let buildings: Vec<_> = grant.buildings.iter().map(|id| id.as_str()).collect();
    assert_eq!(buildings, ["sunrise.a", "sunrise.b"]);
    assert_eq!(grant.entrances[0].as_str(), "sunrise.low");
    // Another right is another grant; one without places is called as it always was.
    let everywhere = &lines("https://i.example,u,OWNER,,,,\n")[0];
    let everywhere = everywhere.grant(&sunrise(), SubjectRef(Uuid::nil()));
    assert_ne!(grant.id, everywhere.id);
    assert_eq!(
        everywhere.id.to_string(),
        "222ae1d3-75c3-5782-912b-4c7737bb8665"
    );
    let foreign = read(&format!(
        "{header}\nhttps://i.example,u,OWNER,moonlight.a,\n"
    ));
    let told = words(&foreign.bad);
    assert_eq!(
        told,
        ["2: building_ids: building 1: expected a building of sunrise"]
    );
}

#[test]
fn devices_must_stand_in_the_complex() {
    let lines = lines("https://i.example,u,OWNER,sunrise.gate sunrise.door,,,\n");
    let mut standing = Complexes::from([(sunrise(), Standing::default())]);
    let told = words(&missing(&sunrise(), &lines, &standing));
    let told_of = |place| format!("2: device_ids: device {place}: not registered in sunrise");
    assert_eq!(told, [told_of(1), told_of(2)]);
    let id = "sunrise.gate".parse().unwrap();
    let device = Versioned {
        version: 1,
        // Its key alone counts.
        state: Entity::Resident(Resident {
            subject: SubjectRef(Uuid::nil()),
            active: true,
        }),
    };
    let complex = standing.get_mut(&sunrise()).unwrap();
    complex.0.insert(EntityKey::Device(id), device);
    assert_eq!(words(&missing(&sunrise(), &lines, &standing)), [told_of(2)]);
}
