//! What an ALLOW is made of: exactly these, each of them needed.

mod changes;

use domain::decide::Asker;
use domain::vocabulary::Reason;
use oracle::{Ask, World, reduced};
use proptest::prelude::*;

use self::changes::{BREAKS, EDGES, GUESTS_BREAKS, OWNERS_EDGES};
use crate::cases::{allowed, allowed_cases, answer};

/// A world in which `ask` is allowed and nothing could be missing.
fn bare(world: World, ask: &Ask) -> World {
    reduced(world, |less| less.registry().is_ok() && allowed(less, ask))
}

/// The kinds of what is registered, in order of their names.
fn kinds(world: &World) -> Vec<&'static str> {
    let mut kinds: Vec<_> = world
        .last_states()
        .map(|(_, state)| state.key().kind())
        .collect();
    kinds.sort_unstable();
    kinds
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn each_ingredient_is_needed((world, ask) in allowed_cases()) {
        let world = bare(world, &ask);
        let guest = matches!(ask.command.asker, Asker::Guest(_));
        let mut needed = vec!["device", "grant", "partner", "perimeter", "resident"];
        if guest {
            needed.insert(2, "guest pass");
        }
        let kinds = kinds(&world);
        // Where the grant is to a place, that too.
        let places = ["building", "entrance"];
        let others: Vec<_> = kinds.iter().filter(|kind| !places.contains(kind)).collect();
        prop_assert_eq!(others, needed.iter().collect::<Vec<_>>());
        for (complex, key) in world.keys() {
            prop_assert!(!allowed(&world.without(&complex, &key), &ask), "without {key:?}");
        }
        let also = if guest { GUESTS_BREAKS } else { &[] };
        for (index, (change, reason)) in BREAKS.iter().chain(also).enumerate() {
            let (mut world, mut ask) = (world.clone(), ask.clone());
            change(&mut world, &mut ask);
            prop_assert_eq!(answer(&world, &ask).reason, *reason, "change {}", index);
        }
        let also = if guest { &[] } else { OWNERS_EDGES };
        for (index, change) in EDGES.iter().chain(also).enumerate() {
            let (mut world, mut ask) = (world.clone(), ask.clone());
            change(&mut world, &mut ask);
            prop_assert_eq!(answer(&world, &ask).reason, Reason::Granted, "edge {}", index);
        }
    }
}
