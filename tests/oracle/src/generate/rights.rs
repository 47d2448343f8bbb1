//! Residents, their grants, and passes of their guests.
//!
//! Ids count from the same number in every complex: the same id means another thing in each.

use domain::registry::{Entity, Grant, GuestPass, Resident};
use domain::vocabulary::GrantRole;
use domain::{CommandId, ComplexId, DeviceId, GrantId, PassId};
use uuid::Uuid;

use super::places::{DEVICES, buildings_of, entrances_of};
use super::{PEOPLE, id, person, windows};
use crate::dice::Dice;
use crate::history::PassUse;
use crate::world::World;

const GRANTS: u128 = 0x10;
const PASSES: u128 = 0x50;

pub(super) fn rights(dice: &mut Dice, world: &mut World, complex: &ComplexId) {
    let devices: Vec<DeviceId> = DEVICES
        .iter()
        .map(|name| id(&format!("{complex}.{name}")))
        .collect();
    let mut entities = Vec::new();
    for number in 0..PEOPLE {
        if dice.chance(92) {
            entities.push(Entity::Resident(Resident {
                subject: domain::SubjectRef(Uuid::from_u128(0xa0 + number)),
                active: dice.chance(93),
            }));
        }
    }
    let mut grants = Vec::new();
    for number in 0..1 + dice.below(8) as u128 {
        let grant = grant(
            dice,
            world,
            complex,
            &devices,
            GrantId(Uuid::from_u128(GRANTS + number)),
        );
        grants.push(grant.clone());
        entities.push(Entity::Grant(grant));
    }
    for number in 0..dice.below(7) as u128 {
        let number = Uuid::from_u128(PASSES + number);
        let inside = dice.pick(&grants).filter(|_| dice.chance(96));
        let pass = pass(dice, world, &devices, PassId(number), inside);
        uses(dice, world, complex, &pass);
        entities.push(Entity::GuestPass(pass));
    }
    dice.shuffle(&mut entities);
    let entities = entities.into_iter().map(|entity| (complex.clone(), entity));
    world.entities.extend(entities);
}

fn grant(
    dice: &mut Dice,
    world: &World,
    complex: &ComplexId,
    devices: &[DeviceId],
    id: GrantId,
) -> Grant {
    let mut grant = Grant {
        id,
        subject: person(dice),
        role: dice.one([GrantRole::Owner, GrantRole::Household, GrantRole::Staff]),
        devices: Vec::new(),
        buildings: Box::default(),
        entrances: Box::default(),
        window: windows::window(dice, world.base),
        revoked: dice.chance(8),
    };
    // Everywhere, some devices, some places, or both.
    if dice.chance(65) {
        let named = dice.below(3);
        if named != 1 {
            grant.devices = dice.some(devices, 50);
        }
        if named > 0 {
            grant.buildings = dice.some(&buildings_of(complex), 40).into();
            grant.entrances = dice.some(&entrances_of(complex), 40).into();
        }
    }
    grant
}

/// A pass, inside of no grant where there is none.
fn pass(
    dice: &mut Dice,
    world: &World,
    devices: &[DeviceId],
    id: PassId,
    inside: Option<&Grant>,
) -> GuestPass {
    let covered = inside.map(|grant| grant.devices.as_slice());
    let of = covered.filter(|covered| !covered.is_empty() && dice.chance(70));
    let mut named = dice.some(of.unwrap_or(devices), 60);
    if named.is_empty() {
        named.extend(dice.pick(devices).cloned());
    }
    let mut secret_hash = [0; 32];
    secret_hash[..16].copy_from_slice(id.0.as_bytes());
    GuestPass {
        id,
        secret_hash,
        grant: inside.map_or(GrantId(Uuid::from_u128(0xdead)), |grant| grant.id),
        devices: named,
        window: windows::window(dice, world.base),
        revoked: dice.chance(8),
        max_uses: if dice.chance(60) {
            0
        } else {
            dice.one([1, 2, 3])
        },
    }
}

/// Up to one use more than there are.
fn uses(dice: &mut Dice, world: &mut World, complex: &ComplexId, pass: &GuestPass) {
    for _ in 0..dice.below(pass.max_uses as usize + 2) {
        let number = world.uses.len() as u128;
        world.uses.push(PassUse {
            complex: complex.clone(),
            pass: pass.id,
            command: CommandId(Uuid::from_u128(0xb0_0000 + number)),
            late: dice.chance(10),
            returned: dice.chance(25),
        });
    }
}
