//! The least of a world that still shows something.

use crate::world::World;

/// `world` without whatever is not needed for `shows` to hold: taking any one more entity or
/// past command away would end it.
#[must_use]
pub fn reduced(mut world: World, shows: impl Fn(&World) -> bool) -> World {
    loop {
        let before = size(&world);
        for (complex, key) in world.keys() {
            let less = world.without(&complex, &key);
            if shows(&less) {
                world = less;
            }
        }
        for index in (0..world.entities.len()).rev() {
            let mut less = world.clone();
            less.entities.remove(index);
            if shows(&less) {
                world = less;
            }
        }
        for index in (0..world.history.len()).rev() {
            let mut less = world.clone();
            less.history.remove(index);
            if shows(&less) {
                world = less;
            }
        }
        for index in (0..world.uses.len()).rev() {
            let mut less = world.clone();
            less.uses.remove(index);
            if shows(&less) {
                world = less;
            }
        }
        if before == size(&world) {
            return world;
        }
    }
}

fn size(world: &World) -> [usize; 3] {
    [world.entities.len(), world.uses.len(), world.history.len()]
}
