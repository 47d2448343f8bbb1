//! Partners, complexes, their devices and perimeters, and what was opened lately.

use domain::registry::{
    Building, Complex, Device, Entity, Entrance, Partner, Perimeter, Place, StepUp,
};
use domain::vocabulary::{DeviceKind, Operation, Outcome, Verdict};
use domain::{BuildingId, CommandId, ComplexId, DeviceId, EntranceId};
use jiff::SignedDuration;
use uuid::Uuid;

use super::{id, windows};
use crate::dice::Dice;
use crate::history::Past;
use crate::world::{Site, World};

pub(super) const DEVICES: [&str; 5] = ["gate", "door", "barrier", "yard-intercom", "lobby"];
/// The authentication context class that devices require.
pub(super) const ACR: &str = "urn:example:acr:two-factors";
/// Buildings, each with the names of its entrances; one is named as an entrance is.
const BUILDINGS: [(&str, &[&str]); 2] = [("tower", &["east", "west"]), ("east", &["low"])];
const PARTNERS: [&str; 3] = ["alpha", "beta", "gamma"];

pub(super) fn partners(dice: &mut Dice, world: &mut World) {
    for name in dice.some(&PARTNERS, 95) {
        let partner = Partner {
            id: id(name),
            name: name.to_owned(),
            suspended: dice.chance(6),
            webhook_san: format!("dns:{name}.example"),
            attestation_key: vec![0; 32],
        };
        let entity = Entity::Partner(partner);
        world.entities.push((ComplexId::global(), entity));
    }
}

/// Buildings and entrances, which stand before whatever names them.
pub(super) fn buildings(world: &mut World, complex: &ComplexId) {
    for (building, entrances) in BUILDINGS {
        let building: BuildingId = id(&format!("{complex}.{building}"));
        let entity = Entity::Building(Building {
            name: building.to_string(),
            id: building.clone(),
        });
        world.entities.push((complex.clone(), entity));
        for entrance in entrances {
            let entity = Entity::Entrance(Entrance {
                id: id(&format!("{complex}.{entrance}")),
                building: building.clone(),
                name: (*entrance).to_owned(),
            });
            world.entities.push((complex.clone(), entity));
        }
    }
}

/// Every building of a complex.
pub(super) fn buildings_of(complex: &ComplexId) -> Vec<BuildingId> {
    let names = BUILDINGS.iter();
    names
        .map(|(name, _)| id(&format!("{complex}.{name}")))
        .collect()
}

/// Every entrance of a complex.
pub(super) fn entrances_of(complex: &ComplexId) -> Vec<EntranceId> {
    let names = BUILDINGS.iter().flat_map(|(_, entrances)| *entrances);
    names.map(|name| id(&format!("{complex}.{name}"))).collect()
}

/// Somewhere in a complex, or nowhere.
pub(super) fn somewhere(dice: &mut Dice, complex: &ComplexId) -> Option<Place> {
    let buildings = buildings_of(complex).into_iter().map(Place::Building);
    let entrances = entrances_of(complex).into_iter().map(Place::Entrance);
    let places: Vec<_> = buildings.chain(entrances).collect();
    dice.pick(&places).filter(|_| dice.chance(80)).cloned()
}

pub(super) fn place(dice: &mut Dice, world: &mut World, site: &Site) {
    let complex = &site.complex;
    let mut entities = vec![Entity::Complex(Complex {
        id: complex.clone(),
        name: complex.to_string(),
        time_zone: site.zone.iana_name().unwrap_or("UTC").to_owned(),
        face_basis: None,
    })];
    for name in PARTNERS {
        if dice.chance(94) {
            entities.push(Entity::Perimeter(perimeter(dice, world, complex, name)));
        }
    }
    for name in dice.some(&DEVICES, 94) {
        let device = device(dice, id(&format!("{complex}.{name}")));
        if device.cooldown_ms > 0 {
            history(dice, world, &device);
        }
        entities.push(Entity::Device(device));
    }
    dice.shuffle(&mut entities);
    let entities = entities.into_iter().map(|entity| (complex.clone(), entity));
    world.entities.extend(entities);
}

fn perimeter(dice: &mut Dice, world: &World, complex: &ComplexId, partner: &str) -> Perimeter {
    let (not_before, not_after) = windows::span(dice, world.base, 12);
    Perimeter {
        partner: id(partner),
        complex: complex.clone(),
        operations: dice.some(Operation::ALL, 93),
        credentials: true,
        not_before,
        not_after,
        closed: dice.chance(5),
    }
}

fn device(dice: &mut Dice, id_: DeviceId) -> Device {
    Device {
        place: somewhere(dice, &id_.complex()),
        name: id_.to_string(),
        id: id_,
        kind: dice.one([
            DeviceKind::Intercom,
            DeviceKind::Door,
            DeviceKind::Gate,
            DeviceKind::Barrier,
        ]),
        operations: dice.some(Operation::ALL, 85),
        partner: id(dice.one(PARTNERS)),
        enabled: dice.chance(93),
        cooldown_ms: if dice.chance(40) {
            dice.one([1, 1_000, 10_000, 60_000, 600_000])
        } else {
            0
        },
        step_up: dice.chance(25).then(|| StepUp {
            max_age_seconds: dice.one([1, 300, 3600]),
            acr: dice.chance(50).then(|| ACR.to_owned()),
        }),
    }
}

/// Up to three earlier commands, within minutes of the world's instant.
fn history(dice: &mut Dice, world: &mut World, device: &Device) {
    for _ in 0..dice.below(4) {
        let number = world.history.len() as u128;
        let apart = SignedDuration::from_millis(dice.number(-900_000..=60_000));
        world.history.push(Past {
            command: CommandId(Uuid::from_u128(0xc0_0000 + number)),
            device: device.id.clone(),
            verdict: if dice.chance(80) {
                Verdict::Allow
            } else {
                Verdict::Deny
            },
            decided_at: world.base + apart,
            outcomes: outcomes(dice),
        });
    }
}

/// None yet, or in this order: not known at first, what happened, a contradiction.
fn outcomes(dice: &mut Dice) -> Vec<Outcome> {
    let happened = dice.one([Outcome::Executed, Outcome::Rejected, Outcome::NotExecuted]);
    let contradiction = dice.one([Outcome::Executed, Outcome::NotExecuted]);
    dice.some(&[Outcome::Unknown, happened, contradiction], 40)
}
