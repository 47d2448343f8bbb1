#![allow(clippy::unwrap_used)]
use domain::ChangeSetId;
use domain::registry::{Change, ChangeSet, Device, Entity};
use domain::vocabulary::DeviceKind;
use uuid::Uuid;

use super::*;

fn id<T: std::str::FromStr<Err = domain::IdError>>(text: &str) -> T {
    text.parse().unwrap()
}

fn perimeter(complex: &str, partner: &str) -> Entity {
    Entity::Perimeter(Perimeter {
        partner: id(partner),
        complex: id(complex),
        operations: Operation::ALL.to_vec(),
        credentials: true,
        not_before: None,
        not_after: None,
        closed: false,
    })
}

fn device(text: &str, partner: &str, operation: Operation) -> Entity {
    Entity::Device(Device {
        id: id(text),
        name: "a device".to_owned(),
        kind: DeviceKind::Door,
        operations: vec![operation],
        partner: id(partner),
        enabled: true,
        cooldown_ms: 0,
        step_up: None,
        place: None,
    })
}

fn registry(complexes: &[(&str, Vec<Entity>)]) -> Registry {
    let mut registry = Registry::default();
    for (number, (complex, entities)) in complexes.iter().enumerate() {
        let changes = entities.iter().cloned().map(|entity| Change {
            expected_version: 0,
            entity,
        });
        let set = ChangeSet {
            id: ChangeSetId(Uuid::from_u128(number as u128)),
            note: String::new(),
            changes: changes.collect(),
        };
        registry.fold(&id(complex), set).unwrap();
    }
    registry
}

/// A target with all there is.
pub(crate) fn target() -> Target {
    let registry = registry(&[
        (
            "sunrise",
            vec![
                perimeter("sunrise", "gatekeeper"),
                device("sunrise.door", "gatekeeper", Operation::OpenDoor),
                device("sunrise.gate", "gatekeeper", Operation::OpenBarrier),
            ],
        ),
        (
            "sunset",
            vec![
                perimeter("sunset", "gatekeeper"),
                device("sunset.door", "gatekeeper", Operation::OpenDoor),
            ],
        ),
    ]);
    Target::choose(&registry, &id("sunrise"), &id("gatekeeper")).unwrap()
}

#[test]
fn registered_devices_are_asked_about_where_there_are_some() {
    let target = target();
    assert_eq!(target.door.as_str(), "sunrise.door");
    assert_eq!(target.barrier.as_str(), "sunrise.gate");
    assert_eq!(target.elsewhere.as_str(), "sunset.door");
}

#[test]
fn nothing_of_another_partners_is_ever_named() {
    let registry = registry(&[
        (
            "sunrise",
            vec![
                perimeter("sunrise", "gatekeeper"),
                perimeter("sunrise", "locksmith"),
                device("sunrise.door", "locksmith", Operation::OpenDoor),
            ],
        ),
        (
            "sunset",
            vec![
                perimeter("sunset", "locksmith"),
                device("sunset.door", "locksmith", Operation::OpenDoor),
            ],
        ),
    ]);
    let target = Target::choose(&registry, &id("sunrise"), &id("gatekeeper")).unwrap();
    assert_eq!(target.door.as_str(), "sunrise.perimeter-probe");
    assert_eq!(target.barrier.as_str(), "sunrise.perimeter-probe");
    assert_eq!(target.elsewhere.as_str(), "perimeter-probe.perimeter-probe");
    assert_eq!(
        Target::choose(&registry, &id("sunset"), &id("gatekeeper")),
        None
    );
}
