//! When somebody asks: on the edges of what holds, mostly.

use domain::DeviceId;
use domain::registry::{Entity, Registry};
use domain::window::Window;
use jiff::{SignedDuration, Timestamp, ToSpan as _};

use crate::dice::Dice;
use crate::world::World;

const DAY: i64 = 24 * 60 * 60;

/// An instant for a question about `device` by somebody whose right holds in `windows`.
pub(super) fn instant(
    dice: &mut Dice,
    world: &World,
    registry: &Registry,
    device: &DeviceId,
    windows: &[&Window],
) -> Timestamp {
    let near = |dice: &mut Dice, days: i64| {
        let millis = dice.number(-days * DAY * 1000..=days * DAY * 1000);
        world.base + SignedDuration::from_millis(millis)
    };
    let edge = match dice.below(10) {
        0..3 => return near(dice, 2),
        3 => return near(dice, 400),
        4 | 5 => ends(dice, world, registry, device, windows),
        6 | 7 => hours(dice, world, device, windows),
        _ => cooled(dice, world, registry, device),
    };
    let Some(edge) = edge else {
        return near(dice, 2);
    };
    edge + dice.one([
        SignedDuration::ZERO,
        SignedDuration::ZERO,
        SignedDuration::from_nanos(-1),
        SignedDuration::from_nanos(1),
        SignedDuration::from_secs(-60),
        SignedDuration::from_secs(60),
    ])
}

/// Where a window or the perimeter begins or ends.
fn ends(
    dice: &mut Dice,
    world: &World,
    registry: &Registry,
    device: &DeviceId,
    windows: &[&Window],
) -> Option<Timestamp> {
    let mut ends: Vec<Timestamp> = Vec::new();
    for window in windows {
        ends.extend([window.not_before, window.not_after].into_iter().flatten());
    }
    let partner = registry.device(device).map(|device| &device.partner);
    for (complex, entity) in &world.entities {
        if let Entity::Perimeter(perimeter) = entity
            && *complex == device.complex()
            && Some(&perimeter.partner) == partner
        {
            let both = [perimeter.not_before, perimeter.not_after];
            ends.extend(both.into_iter().flatten());
        }
    }
    dice.pick(&ends).copied()
}

/// The first or last minute of a window's hours, on a day nearby.
fn hours(
    dice: &mut Dice,
    world: &World,
    device: &DeviceId,
    windows: &[&Window],
) -> Option<Timestamp> {
    let window = dice.pick(windows)?;
    let minute = dice.one([window.minutes.0, window.minutes.1, 0]);
    let zone = world.zone(device);
    let day = zone.to_datetime(world.base).date();
    let day = day.checked_add(dice.number(-4..=4).days()).ok()?;
    let time = day.at(0, 0, 0, 0).checked_add(i64::from(minute).minutes());
    zone.to_timestamp(time.ok()?).ok()
}

/// When the device's cooldown ends after some earlier opening.
fn cooled(
    dice: &mut Dice,
    world: &World,
    registry: &Registry,
    device: &DeviceId,
) -> Option<Timestamp> {
    let mut there = world.history.clone();
    there.retain(|past| past.device == *device);
    let past = dice.pick(&there)?;
    let cooldown = i64::from(registry.device(device)?.cooldown_ms);
    let millis = dice.one([cooldown, cooldown, cooldown / 2, 0, -1000]);
    Some(past.decided_at + SignedDuration::from_millis(millis))
}
