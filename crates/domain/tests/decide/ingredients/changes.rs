//! Changes to what is allowed, by one thing each.

use domain::commands::{KEY_WINDOW, LEEWAY};
use domain::registry::{Building, Entity, Entrance, Place, StepUp};
use domain::vocabulary::{Outcome, Reason, Verdict};
use domain::window::Window;
use domain::{CommandId, ComplexId};
use jiff::SignedDuration;
use oracle::{Ask, PassUse, Past, World};
use uuid::Uuid;

const NANO: SignedDuration = SignedDuration::from_nanos(1);
const SECOND: SignedDuration = SignedDuration::from_secs(1);
const MINUTE: SignedDuration = SignedDuration::from_secs(60);
const OTHER: CommandId = CommandId(Uuid::from_u128(0xffff));

/// Changes one thing, for a world and a question that are allowed.
pub(super) type Change = fn(&mut World, &mut Ask);

/// Changes every entity of a kind.
macro_rules! each {
    ($kind:ident, |$entity:ident, $ask:ident| $change:expr) => {
        |world, $ask| {
            for (_, entity) in &mut world.entities {
                if let Entity::$kind($entity) = entity {
                    $change;
                }
            }
            let _ = $ask;
        }
    };
}

/// What ends an ALLOW, whoever asks.
pub(super) const BREAKS: &[(Change, Reason)] = &[
    (
        |_, ask| ask.command.expires_at = ask.at.now,
        Reason::CommandExpired,
    ),
    (
        |_, ask| ask.command.key_time = ask.at.now - KEY_WINDOW - NANO,
        Reason::CommandExpired,
    ),
    (
        |_, ask| ask.command.complex = ComplexId::unassigned(),
        Reason::NoGrant,
    ),
    (
        each!(Grant, |grant, ask| {
            let complex = ask.command.device.complex();
            grant.devices = vec![format!("{complex}.other").parse().unwrap()];
            grant.buildings = Box::default();
            grant.entrances = Box::default();
        }),
        Reason::NoGrant,
    ),
    (moved_to_another_building, Reason::NoGrant),
    (moved_out_of_the_entrance, Reason::NoGrant),
    (
        each!(Grant, |grant, ask| grant.revoked = true),
        Reason::GrantRevoked,
    ),
    (
        each!(Resident, |resident, ask| resident.active = false),
        Reason::GrantRevoked,
    ),
    (
        each!(Grant, |grant, ask| grant.window.not_after =
            Some(ask.at.now)),
        Reason::OutsideWindow,
    ),
    (
        each!(Grant, |grant, ask| grant.window.not_before =
            Some(ask.at.now + NANO)),
        Reason::OutsideWindow,
    ),
    (
        each!(Grant, |grant, ask| grant.window = other_days(ask)),
        Reason::OutsideWindow,
    ),
    (
        each!(Grant, |grant, ask| grant.window = other_hours(ask)),
        Reason::OutsideWindow,
    ),
    (
        each!(Device, |device, ask| device.enabled = false),
        Reason::DeviceDisabled,
    ),
    (
        each!(Device, |device, ask| device
            .operations
            .retain(|o| *o != ask.command.operation)),
        Reason::OperationNotAllowed,
    ),
    (
        each!(Partner, |partner, ask| partner.suspended = true),
        Reason::PartnerSuspended,
    ),
    (
        each!(Perimeter, |perimeter, ask| perimeter.closed = true),
        Reason::OutOfPerimeter,
    ),
    (
        each!(Perimeter, |perimeter, ask| {
            perimeter.operations.retain(|o| *o != ask.command.operation)
        }),
        Reason::OutOfPerimeter,
    ),
    (
        each!(Perimeter, |perimeter, ask| perimeter.not_after =
            Some(ask.at.now)),
        Reason::OutOfPerimeter,
    ),
    (
        each!(Perimeter, |perimeter, ask| perimeter.not_before =
            Some(ask.at.now + NANO)),
        Reason::OutOfPerimeter,
    ),
    (step_up_of_an_old_login, Reason::StepUpRequired),
    (step_up_of_a_login_to_come, Reason::StepUpRequired),
    (step_up_of_another_class, Reason::StepUpRequired),
    (opened_just_now, Reason::Cooldown),
];

/// What ends a guest's besides.
pub(super) const GUESTS_BREAKS: &[(Change, Reason)] = &[
    (
        each!(GuestPass, |pass, ask| pass.revoked = true),
        Reason::GrantRevoked,
    ),
    (
        each!(GuestPass, |pass, ask| pass.window.not_after =
            Some(ask.at.now)),
        Reason::OutsideWindow,
    ),
    (
        each!(GuestPass, |pass, ask| pass.window.not_before =
            Some(ask.at.now + NANO)),
        Reason::OutsideWindow,
    ),
    (
        each!(GuestPass, |pass, ask| pass.window = other_days(ask)),
        Reason::OutsideWindow,
    ),
    (
        each!(GuestPass, |pass, ask| pass.window = other_hours(ask)),
        Reason::OutsideWindow,
    ),
    (used_up, Reason::UsesExhausted),
];

/// What an ALLOW survives: one nanosecond less than what ends it.
pub(super) const EDGES: &[Change] = &[
    |_, ask| ask.command.expires_at = ask.at.now + NANO,
    |_, ask| ask.command.key_time = ask.at.now - KEY_WINDOW,
    |world, _| place(world, "tower", Some("west")),
    each!(Grant, |grant, ask| grant.window.not_after =
        Some(ask.at.now + NANO)),
    each!(Grant, |grant, ask| grant.window.not_before =
        Some(ask.at.now)),
    each!(GuestPass, |pass, ask| pass.window.not_after =
        Some(ask.at.now + NANO)),
    each!(GuestPass, |pass, ask| pass.window.not_before =
        Some(ask.at.now)),
    each!(Perimeter, |perimeter, ask| perimeter.not_after =
        Some(ask.at.now + NANO)),
    each!(Perimeter, |perimeter, ask| perimeter.not_before =
        Some(ask.at.now)),
    |world, ask| opened(world, ask, OTHER, SECOND, Outcome::Executed),
    |world, ask| opened(world, ask, OTHER, NANO, Outcome::NotExecuted),
    // A command's own opening, of which it asks again.
    |world, ask| opened(world, ask, ask.command.id, NANO, Outcome::Unknown),
];

/// What an owner's survives besides: a login just as fresh as it has to be.
pub(super) const OWNERS_EDGES: &[Change] = &[
    |world, ask| login(world, ask, MINUTE),
    |world, ask| login(world, ask, -LEEWAY),
];

/// Grants are for one building's devices, and those stand in the other.
fn moved_to_another_building(world: &mut World, _: &mut Ask) {
    place(world, "other", Some("west"));
}

/// Grants are for a building's devices, and those stand at none of its entrances any more.
fn moved_out_of_the_entrance(world: &mut World, _: &mut Ask) {
    place(world, "tower", None);
}

/// All grants for one building, all devices at one entrance or nowhere; `west` is of the tower.
fn place(world: &mut World, building: &str, entrance: Option<&str>) {
    let sites = world.sites.iter().map(|site| site.complex.clone());
    let places = sites.flat_map(|complex| {
        let id = |name| format!("{complex}.{name}");
        let building = |name| Building {
            id: id(name).parse().unwrap(),
            name: id(name),
        };
        let west = Entrance {
            id: id("west").parse().unwrap(),
            building: id("tower").parse().unwrap(),
            name: id("west"),
        };
        let places = [
            Entity::Building(building("tower")),
            Entity::Building(building("other")),
            Entity::Entrance(west),
        ];
        places.map(|place| (complex.clone(), place))
    });
    let places: Vec<_> = places.collect();
    world.entities.splice(0..0, places);
    for (complex, entity) in &mut world.entities {
        let id = |name| format!("{complex}.{name}");
        match entity {
            Entity::Grant(grant) => {
                grant.devices.clear();
                grant.entrances = Box::default();
                grant.buildings = [id(building).parse().unwrap()].into();
            }
            Entity::Device(device) => {
                device.place = entrance.map(|name| Place::Entrance(id(name).parse().unwrap()));
            }
            _ => {}
        }
    }
}

/// All days but today; nights don't matter, it is about whole days.
fn other_days(ask: &Ask) -> Window {
    let today = ask.local.date().weekday().to_monday_one_offset();
    Window {
        weekdays: 0b1111_1110 & !(1 << today),
        ..Window::default()
    }
}

/// The minute after this one.
fn other_hours(ask: &Ask) -> Window {
    let minute = u16::from(ask.local.hour().unsigned_abs()) * 60
        + u16::from(ask.local.minute().unsigned_abs());
    Window {
        minutes: ((minute + 1) % 1440, (minute + 2) % 1440),
        ..Window::default()
    }
}

fn require(world: &mut World, acr: Option<String>) {
    for (_, entity) in &mut world.entities {
        if let Entity::Device(device) = entity {
            device.step_up = Some(StepUp {
                max_age_seconds: 60,
                acr: acr.clone(),
            });
        }
    }
}

fn step_up_of_an_old_login(world: &mut World, ask: &mut Ask) {
    login(world, ask, MINUTE + NANO);
}

fn step_up_of_a_login_to_come(world: &mut World, ask: &mut Ask) {
    login(world, ask, -LEEWAY - NANO);
}

/// Logged in so long ago, where a minute is permitted.
fn login(world: &mut World, ask: &mut Ask, ago: SignedDuration) {
    ask.command.auth_time = Some(ask.at.now - ago);
    require(world, None);
}

fn step_up_of_another_class(world: &mut World, ask: &mut Ask) {
    ask.command.auth_time = Some(ask.at.now);
    ask.command.acr = Some("another".to_owned());
    require(world, Some("this".to_owned()));
}

fn opened_just_now(world: &mut World, ask: &mut Ask) {
    opened(world, ask, OTHER, SECOND - NANO, Outcome::Unknown);
}

/// Opened so long ago, where a second has to pass.
fn opened(world: &mut World, ask: &Ask, command: CommandId, ago: SignedDuration, outcome: Outcome) {
    for (_, entity) in &mut world.entities {
        if let Entity::Device(device) = entity {
            device.cooldown_ms = 1000;
        }
    }
    world.history.push(Past {
        command,
        device: ask.command.device.clone(),
        verdict: Verdict::Allow,
        decided_at: ask.at.now - ago,
        outcomes: vec![outcome],
    });
}

fn used_up(world: &mut World, _: &mut Ask) {
    let mut used = Vec::new();
    for (complex, entity) in &mut world.entities {
        if let Entity::GuestPass(pass) = entity {
            pass.max_uses = 1;
            used.push(PassUse {
                complex: complex.clone(),
                pass: pass.id,
                command: OTHER,
                late: false,
                returned: false,
            });
        }
    }
    world.uses = used;
}
