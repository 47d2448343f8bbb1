//! Worlds and questions from a seed.
//!
//! Most of a world is as it should be, and each thing that a rule looks at is wrong now and
//! then, so that often one rule alone decides.

mod asking;
mod instants;
mod places;
mod rights;
mod windows;

pub use asking::ask;

use std::str::FromStr;

use domain::SubjectRef;
use domain::registry::Entity;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use uuid::Uuid;

use crate::dice::Dice;
use crate::world::{Site, World};

/// Complexes; one's name begins as another's does.
const COMPLEXES: [&str; 4] = ["sunrise", "sun", "moonlight", "harbour"];
/// Zones with clocks that jump by an hour, by half an hour or not at all, at odd offsets.
const ZONES: [&str; 8] = [
    "Europe/Moscow",
    "Europe/Berlin",
    "America/New_York",
    "America/St_Johns",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Pacific/Kiritimati",
    "UTC",
];
/// People; some live in several complexes.
const PEOPLE: u128 = 6;

/// The world of `seed`.
pub fn world(seed: u64) -> World {
    let mut dice = Dice::of(seed);
    let mut names = COMPLEXES;
    dice.shuffle(&mut names);
    let count = 1 + dice.below(names.len());
    let sites: Vec<Site> = names[..count]
        .iter()
        .map(|name| Site {
            complex: id(name),
            zone: TimeZone::get(dice.one(ZONES)).unwrap_or(TimeZone::UTC),
        })
        .collect();
    let mut world = World {
        seed,
        base: base(&mut dice, &sites),
        sites,
        entities: Vec::new(),
        uses: Vec::new(),
        history: Vec::new(),
    };
    for site in world.sites.clone() {
        places::buildings(&mut world, &site.complex);
    }
    let places = world.entities.len();
    places::partners(&mut dice, &mut world);
    for index in 0..world.sites.len() {
        let site = world.sites[index].clone();
        places::place(&mut dice, &mut world, &site);
        rights::rights(&mut dice, &mut world, &site.complex);
    }
    with_earlier_states(&mut dice, &mut world, places);
    world
}

/// An instant in some year, often near a jump of the clocks.
fn base(dice: &mut Dice, sites: &[Site]) -> Timestamp {
    // 2024 to 2031.
    let second = dice.number(1_704_067_200..=1_924_991_999);
    let base = Timestamp::from_second(second).unwrap_or_default();
    let jump = sites.first().filter(|_| dice.chance(40));
    jump.and_then(|site| Some(site.zone.following(base).next()?.timestamp()))
        .unwrap_or(base)
}

/// Gives some entities an earlier state, which must not matter any more. The first `places` of them
/// stand before all.
fn with_earlier_states(dice: &mut Dice, world: &mut World, places: usize) {
    let mut earlier = Vec::new();
    for (complex, entity) in &world.entities {
        if dice.chance(15) {
            let mut before = entity.clone();
            match &mut before {
                Entity::Device(device) => {
                    device.enabled = !device.enabled;
                    device.place = places::somewhere(dice, complex);
                }
                Entity::Partner(partner) => partner.suspended = !partner.suspended,
                Entity::Perimeter(perimeter) => perimeter.closed = !perimeter.closed,
                Entity::Resident(resident) => resident.active = !resident.active,
                Entity::Grant(grant) => {
                    grant.revoked = false;
                    grant.window = windows::window(dice, world.base);
                }
                Entity::GuestPass(pass) => {
                    pass.revoked = false;
                    pass.max_uses = 1;
                    pass.window = windows::window(dice, world.base);
                }
                Entity::Complex(_) | Entity::Credential(_) => {}
                Entity::Building(_) | Entity::Entrance(_) => continue,
            }
            earlier.push((complex.clone(), before));
        }
    }
    world.entities.splice(places..places, earlier);
}

/// An id that is written in this crate.
fn id<T: FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().expect("a valid id")
}

/// One of the people.
fn person(dice: &mut Dice) -> SubjectRef {
    SubjectRef(Uuid::from_u128(
        0xa0 + dice.number(0..=PEOPLE as i64 - 1) as u128,
    ))
}
