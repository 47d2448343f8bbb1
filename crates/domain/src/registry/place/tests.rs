#![allow(clippy::unwrap_used)]
use uuid::Uuid;

use super::*;
use crate::id::{ChangeSetId, GrantId, SubjectRef};
use crate::registry::{Change, ChangeSet, Refused};
use crate::vocabulary::{DeviceKind, GrantRole, Operation};
use crate::window::Window;

fn sunrise() -> ComplexId {
    "sunrise".parse().unwrap()
}

fn building(id: &str) -> Entity {
    Entity::Building(Building {
        id: id.parse().unwrap(),
        name: id.to_owned(),
    })
}

fn entrance(id: &str, building: &str) -> Entity {
    Entity::Entrance(Entrance {
        id: id.parse().unwrap(),
        building: building.parse().unwrap(),
        name: id.to_owned(),
    })
}

fn device(id: &str, place: Option<Place>) -> Device {
    Device {
        id: id.parse().unwrap(),
        name: id.to_owned(),
        kind: DeviceKind::Door,
        operations: vec![Operation::OpenDoor],
        partner: "partner-a".parse().unwrap(),
        enabled: true,
        cooldown_ms: 0,
        step_up: None,
        place,
    }
}

fn grant(devices: &[&str], buildings: &[&str], entrances: &[&str]) -> Grant {
    Grant {
        id: GrantId(Uuid::from_u128(1)),
        subject: SubjectRef(Uuid::from_u128(2)),
        role: GrantRole::Owner,
        devices: devices.iter().map(|id| id.parse().unwrap()).collect(),
        buildings: buildings.iter().map(|id| id.parse().unwrap()).collect(),
        entrances: entrances.iter().map(|id| id.parse().unwrap()).collect(),
        window: Window::default(),
        revoked: false,
    }
}

fn at_building(id: &str) -> Option<Place> {
    Some(Place::Building(id.parse().unwrap()))
}

fn at_entrance(id: &str) -> Option<Place> {
    Some(Place::Entrance(id.parse().unwrap()))
}

fn fold(registry: &mut Registry, version: u64, entities: Vec<Entity>) -> Result<(), Refused> {
    let changes = entities.into_iter().map(|entity| Change {
        expected_version: version,
        entity,
    });
    let number = registry.entities(&sunrise()).count() as u128;
    let set = ChangeSet {
        id: ChangeSetId(Uuid::from_u128(number << 8 | u128::from(version))),
        note: String::new(),
        changes: changes.collect(),
    };
    registry.fold(&sunrise(), set).map(|_| ())
}

/// Given: two buildings with an entrance each.
fn given() -> Registry {
    let mut registry = Registry::default();
    let places = vec![
        // Whatever names another stands anywhere in its set.
        entrance("sunrise.east", "sunrise.tower"),
        building("sunrise.tower"),
        building("sunrise.annex"),
        entrance("sunrise.low", "sunrise.annex"),
    ];
    fold(&mut registry, 0, places).unwrap();
    registry
}

#[test]
fn a_grant_is_about_what_stands_where_it_says() {
    let registry = given();
    let gate = device("sunrise.gate", None);
    let lobby = device("sunrise.lobby", at_building("sunrise.tower"));
    let door = device("sunrise.door", at_entrance("sunrise.east"));
    let other = device("sunrise.other", at_entrance("sunrise.low"));
    let covered = |devices: &[&str], buildings: &[&str], entrances: &[&str]| {
        let grant = grant(devices, buildings, entrances);
        [&gate, &lobby, &door, &other].map(|device| registry.covers(&grant, device))
    };
    assert_eq!(covered(&[], &[], &[]), [true; 4], "all of the complex");
    let tower = covered(&[], &["sunrise.tower"], &[]);
    assert_eq!(tower, [false, true, true, false]);
    let east = covered(&[], &[], &["sunrise.east"]);
    assert_eq!(east, [false, false, true, false]);
    let both = covered(&["sunrise.gate"], &["sunrise.annex"], &[]);
    assert_eq!(both, [true, false, false, true]);
    // A building's grant is not one for an entrance of the same name, nor the other way round.
    let named = covered(&[], &["sunrise.east"], &["sunrise.tower"]);
    assert_eq!(named, [false; 4]);
}

#[test]
fn a_device_that_is_moved_is_opened_by_others() {
    let mut registry = given();
    let of_tower = grant(&[], &["sunrise.tower"], &[]);
    let of_annex = grant(&[], &[], &["sunrise.low"]);
    let mut told = Vec::new();
    for (version, place) in (0..).zip(["sunrise.east", "sunrise.low"]) {
        let moved = Entity::Device(device("sunrise.door", at_entrance(place)));
        fold(&mut registry, version, vec![moved]).unwrap();
        let door = registry.device(&"sunrise.door".parse().unwrap()).unwrap();
        told.push([&of_tower, &of_annex].map(|grant| registry.covers(grant, door)));
    }
    assert_eq!(told, [[true, false], [false, true]]);
}

#[test]
fn what_names_a_place_that_is_not_there_is_refused_by_its_name() {
    let cases = [
        (
            entrance("sunrise.west", "sunrise.no"),
            "building sunrise.no",
        ),
        // An entrance is no building: nothing can be inside of what is inside of it.
        (
            entrance("sunrise.west", "sunrise.low"),
            "building sunrise.low",
        ),
        (
            entrance("sunrise.loop", "sunrise.loop"),
            "building sunrise.loop",
        ),
        (
            Entity::Device(device("sunrise.door", at_entrance("sunrise.tower"))),
            "entrance sunrise.tower",
        ),
        (
            Entity::Device(device("sunrise.door", at_building("sunrise.east"))),
            "building sunrise.east",
        ),
        (
            Entity::Grant(grant(&[], &["sunrise.tower", "sunrise.no"], &[])),
            "building sunrise.no",
        ),
        (
            Entity::Grant(grant(&[], &[], &["sunrise.no"])),
            "entrance sunrise.no",
        ),
    ];
    for (entity, missing) in cases {
        let mut registry = given();
        let refused = fold(&mut registry, 0, vec![building("sunrise.new"), entity]);
        let told = refused.unwrap_err().to_string();
        let expected = format!("change 1: there is no {missing}; register it first");
        assert!(told.starts_with(&expected), "{told}");
        assert_eq!(registry.entities(&sunrise()).count(), 4, "all or nothing");
    }
}

#[test]
fn no_place_reaches_outside_its_complex() {
    let outside = [
        building("moonlight.tower"),
        entrance("moonlight.east", "sunrise.tower"),
        entrance("sunrise.west", "moonlight.tower"),
        Entity::Device(device("sunrise.door", at_entrance("moonlight.east"))),
        Entity::Grant(grant(&[], &["moonlight.tower"], &[])),
        Entity::Grant(grant(&[], &[], &["sunrise.east", "moonlight.east"])),
    ];
    for entity in outside {
        let refused = fold(&mut given(), 0, vec![entity]);
        assert!(
            matches!(refused, Err(Refused::Invalid { .. })),
            "{refused:?}"
        );
    }
    let nowhere = Registry::default().check(
        &ComplexId::global(),
        &ChangeSet {
            id: ChangeSetId(Uuid::nil()),
            note: String::new(),
            changes: vec![Change {
                expected_version: 0,
                entity: building("global.tower"),
            }],
        },
    );
    assert!(matches!(nowhere, Err(Refused::Invalid { .. })));
}

#[test]
fn an_entrance_stays_in_its_building() {
    let moved = entrance("sunrise.east", "sunrise.annex");
    let refused = fold(&mut given(), 1, vec![moved]).unwrap_err();
    let told = refused.to_string();
    assert!(
        told.contains("an entrance's building never changes"),
        "{told}"
    );
}
