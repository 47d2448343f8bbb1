//! The order in which entities were registered, and in which change sets, makes no difference.

use std::collections::{HashMap, VecDeque};

use domain::registry::EntityKey;
use oracle::{Dice, World};
use proptest::prelude::*;

use crate::cases::{answer, cases};

/// The same entities in another order; the states of each stay in theirs.
fn reordered(world: &World, dice: &mut Dice) -> World {
    let key = |(complex, entity): &(_, domain::registry::Entity)| {
        let complex: &domain::ComplexId = complex;
        (complex.clone(), entity.key())
    };
    let mut keys: Vec<_> = world.entities.iter().map(key).collect();
    dice.shuffle(&mut keys);
    // What is named stands before what names it.
    keys.sort_by_key(|(_, key)| match key {
        EntityKey::Building(_) => 0,
        EntityKey::Entrance(_) => 1,
        _ => 2,
    });
    let mut states: HashMap<_, VecDeque<_>> = HashMap::new();
    for state in &world.entities {
        states
            .entry(key(state))
            .or_default()
            .push_back(state.clone());
    }
    let mut other = world.clone();
    let next = |key| states.get_mut(key)?.pop_front();
    other.entities = keys.iter().filter_map(next).collect();
    other
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn neither_order_nor_change_sets_matter(
        case in cases(),
        seed: u64,
        sizes in proptest::collection::vec(1..9usize, 1..5),
    ) {
        let other = reordered(&case.world, &mut Dice::of(seed));
        prop_assert_eq!(other.entities.len(), case.world.entities.len());
        let registry = other.registry_in(&sizes).unwrap();
        for ask in &case.asks {
            let mut one = answer(&case.world, ask);
            let mut two = ask.decide(&registry, &other.commands());
            // Of several rights that are worth the same the first that was granted is named.
            prop_assert_eq!(one.right.take().is_some(), two.right.take().is_some());
            prop_assert_eq!(one, two);
        }
    }
}
