//! Who asks for what.

use domain::commands::{KEY_WINDOW, LEEWAY};
use domain::decide::Asker;
use domain::registry::{Entity, Grant, GuestPass, Registry};
use domain::vocabulary::Operation;
use domain::window::Window;
use domain::{CommandId, ComplexId, DeviceId, OpenCommand, PassId, SubjectRef};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::places::{ACR, DEVICES};
use super::{COMPLEXES, id, instants, person};
use crate::ask::Ask;
use crate::dice::Dice;
use crate::world::World;

/// Somebody, the devices that are meant for them, and when.
struct Somebody<'a> {
    asker: Asker,
    complex: ComplexId,
    devices: &'a [DeviceId],
    windows: Vec<&'a Window>,
}

/// A question to `world`, whose registry is `registry`.
pub fn ask(dice: &mut Dice, world: &World, registry: &Registry) -> Ask {
    let who = if dice.chance(60) {
        owner(dice, world)
    } else {
        guest(dice, world)
    };
    let device = device(dice, registry, &who);
    let now = instants::instant(dice, world, registry, &device, &who.windows);
    let (auth_time, acr) = match who.asker {
        // A guest has none; a caller may still speak of one.
        Asker::Guest(_) if dice.chance(70) => (None, None),
        _ => login(dice, registry, &device, now),
    };
    let command = OpenCommand {
        id: command_id(dice, world),
        complex: if dice.chance(97) {
            device.complex()
        } else if dice.chance(50) {
            ComplexId::unassigned()
        } else {
            id(dice.one(COMPLEXES))
        },
        operation: operation(dice, registry, &device),
        device,
        asker: who.asker,
        caller: id("bff"),
        request_digest: [0; 32],
        key_time: key_time(dice, now),
        expires_at: expires_at(dice, now),
        auth_time,
        acr,
    };
    Ask::new(world, command, now)
}

/// The holder of a grant, mostly.
fn owner<'a>(dice: &mut Dice, world: &'a World) -> Somebody<'a> {
    let grants: Vec<(&ComplexId, &Grant)> = world
        .entities
        .iter()
        .filter_map(|(complex, entity)| match entity {
            Entity::Grant(grant) => Some((complex, grant)),
            _ => None,
        })
        .collect();
    match dice.pick(&grants) {
        Some((complex, grant)) => Somebody {
            asker: Asker::Owner(if dice.chance(95) {
                grant.subject
            } else if dice.chance(80) {
                person(dice)
            } else {
                // A pass's id is nobody's reference.
                SubjectRef(Uuid::from_u128(0x50))
            }),
            complex: (*complex).clone(),
            devices: &grant.devices,
            windows: vec![&grant.window],
        },
        None => nobody(dice),
    }
}

/// The holder of a pass, mostly.
fn guest<'a>(dice: &mut Dice, world: &'a World) -> Somebody<'a> {
    let passes: Vec<(&ComplexId, &GuestPass)> = world
        .entities
        .iter()
        .filter_map(|(complex, entity)| match entity {
            Entity::GuestPass(pass) => Some((complex, pass)),
            _ => None,
        })
        .collect();
    let Some((complex, pass)) = dice.pick(&passes) else {
        return nobody(dice);
    };
    let mut windows = vec![&pass.window];
    windows.extend(
        world
            .entities
            .iter()
            .filter_map(|(c, entity)| match entity {
                Entity::Grant(grant) if c == *complex && grant.id == pass.grant => {
                    Some(&grant.window)
                }
                _ => None,
            }),
    );
    Somebody {
        asker: Asker::Guest(if dice.chance(97) {
            pass.id
        } else {
            // A grant's id is no pass.
            PassId(pass.grant.0)
        }),
        complex: (*complex).clone(),
        devices: &pass.devices,
        windows,
    }
}

fn nobody(dice: &mut Dice) -> Somebody<'static> {
    Somebody {
        asker: Asker::Owner(person(dice)),
        complex: id(dice.one(COMPLEXES)),
        devices: &[],
        windows: Vec::new(),
    }
}

/// Mostly one that is meant for them; else any of their complex, or of another.
fn device(dice: &mut Dice, registry: &Registry, who: &Somebody<'_>) -> DeviceId {
    if let Some(device) = dice.pick(who.devices)
        && dice.chance(85)
    {
        return device.clone();
    }
    let complex = if dice.chance(80) {
        who.complex.to_string()
    } else {
        dice.one(COMPLEXES).to_owned()
    };
    let device = id(&format!("{complex}.{}", dice.one(DEVICES)));
    let known = registry.device(&device).is_some() || dice.chance(20);
    if known {
        device
    } else {
        id(&format!("{}.{}", who.complex, dice.one(DEVICES)))
    }
}

fn operation(dice: &mut Dice, registry: &Registry, device: &DeviceId) -> Operation {
    let able = registry.device(device).map(|device| &device.operations);
    able.filter(|_| dice.chance(90))
        .and_then(|able| dice.pick(able).copied())
        .unwrap_or_else(|| dice.one([Operation::OpenDoor, Operation::OpenBarrier]))
}

/// A new id, now and then that of an earlier command: its own opening is not another's.
fn command_id(dice: &mut Dice, world: &World) -> CommandId {
    let past = dice.pick(&world.history).map(|past| past.command);
    past.filter(|_| dice.chance(10))
        .unwrap_or(CommandId(Uuid::from_u128(0xc_ffff_ffff)))
}

fn key_time(dice: &mut Dice, now: Timestamp) -> Timestamp {
    let age = match dice.below(30) {
        0 => KEY_WINDOW,
        1 => KEY_WINDOW + SignedDuration::from_nanos(1),
        2 => KEY_WINDOW + SignedDuration::from_secs(dice.number(1..=3600)),
        3 => SignedDuration::from_secs(-60),
        _ => SignedDuration::from_millis(dice.number(0..=KEY_WINDOW.as_millis() as i64)),
    };
    now - age
}

fn expires_at(dice: &mut Dice, now: Timestamp) -> Timestamp {
    now + match dice.below(30) {
        0 => SignedDuration::ZERO,
        1 => SignedDuration::from_nanos(1),
        2 => SignedDuration::from_secs(dice.number(-600..=-1)),
        _ => SignedDuration::from_millis(dice.number(1..=60_000)),
    }
}

/// A login about as old as the device permits, where the token tells.
fn login(
    dice: &mut Dice,
    registry: &Registry,
    device: &DeviceId,
    now: Timestamp,
) -> (Option<Timestamp>, Option<String>) {
    let step_up = registry
        .device(device)
        .and_then(|device| device.step_up.as_ref());
    let max_age = SignedDuration::from_secs(step_up.map_or(60, |s| i64::from(s.max_age_seconds)));
    let nano = SignedDuration::from_nanos(1);
    let age = match dice.below(10) {
        0 => max_age,
        1 => max_age + nano,
        2 => -LEEWAY,
        3 => -LEEWAY - nano,
        4 => max_age * 2,
        _ => SignedDuration::from_millis(dice.number(0..=max_age.as_millis() as i64)),
    };
    let class = dice.one([
        Some(ACR),
        Some(ACR),
        Some(ACR),
        Some("urn:example:acr:password"),
        None,
    ]);
    (
        Some(now - age).filter(|_| dice.chance(92)),
        class.map(str::to_owned),
    )
}
