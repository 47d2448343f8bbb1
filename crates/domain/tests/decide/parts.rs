//! A registry is what its parts are, and its pages are all of it.

use domain::registry::{EntityKey, Registry};
use domain::{ComplexId, decide};
use oracle::Dice;

/// Generated registries.
const WORLDS: u64 = 300;

#[test]
fn parts_put_together_again_are_the_registry() {
    for seed in 0..WORLDS {
        let world = oracle::world(seed);
        let registry = world.registry().unwrap();
        let mut again = Registry::default();
        for (complex, part) in registry.parts() {
            again.restore(complex, part);
        }
        assert!(again == registry, "seed {seed}");
        let commands = world.commands();
        let mut dice = Dice::of(seed);
        for _ in 0..20 {
            let ask = oracle::ask(&mut dice, &world, &registry);
            let decided = decide(&registry, &commands, &ask.command, ask.at);
            assert_eq!(decide(&again, &commands, &ask.command, ask.at), decided);
        }
    }
}

#[test]
fn a_registry_that_lacks_a_part_is_another_one() {
    let registry = oracle::world(1).registry().unwrap();
    for left_out in 0..registry.parts().count() {
        let mut other = Registry::default();
        for (number, (complex, part)) in registry.parts().enumerate() {
            if number != left_out {
                other.restore(complex, part);
            }
        }
        assert!(other != registry, "part {left_out}");
    }
}

#[test]
fn pages_are_everything_in_order() {
    for seed in 0..WORLDS {
        let world = oracle::world(seed);
        let registry = world.registry().unwrap();
        let places = world.sites.iter().map(|site| site.complex.clone());
        for complex in places.chain([ComplexId::global()]) {
            let whole: Vec<_> = registry.entities(&complex).collect();
            let keys: Vec<EntityKey> = whole.iter().map(|entity| entity.state.key()).collect();
            assert!(keys.is_sorted() && !keys.is_empty(), "seed {seed}");
            for size in [1, 2, 7] {
                let mut pages = Vec::new();
                loop {
                    let page = registry.page(&complex, pages.last(), size);
                    if page.is_empty() {
                        break;
                    }
                    assert!(page.len() <= size);
                    pages.extend(page.into_iter().map(|entity| entity.state.key()));
                }
                assert_eq!(pages, keys, "seed {seed}, pages of {size}");
            }
        }
    }
}
