//! Breadth first over all reachable states, so that the first counterexample is a shortest.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use crate::actions::Action;
use crate::check::Model;
use crate::hash::{BuildFolding, fingerprint};
use crate::properties::Property;
use crate::state::State;
use crate::trace::Trace;

/// What was found.
pub struct Explored {
    /// Different states reached.
    pub states: usize,
    /// Steps between them.
    pub steps: usize,
    /// Steps from the beginning to the last of them.
    pub depth: usize,
    /// The shortest way to break a property.
    pub counterexample: Option<Trace>,
    /// No state is reached again once it is left: whatever happens comes to an end.
    pub ends: bool,
}

/// How a state was reached: from which, by which of its successors.
type Reached = (u32, u32);

/// Explores everything, or up to the first state that breaks one of `properties`.
pub fn explore(model: &Model, properties: &[Property]) -> Explored {
    let initial = model.initial();
    let mut known = HashMap::<u64, u32, BuildFolding>::default();
    known.insert(fingerprint(&initial), 0);
    let mut reached: Vec<Reached> = vec![(0, 0)];
    let mut steps: Vec<(u32, u32)> = Vec::new();
    let mut frontier = vec![(0_u32, initial)];
    let mut depth = 0;
    let broken = |reached: &[Reached], steps: usize, depth, counterexample| Explored {
        states: reached.len(),
        steps,
        depth,
        counterexample: Some(counterexample),
        ends: false,
    };
    while !frontier.is_empty() {
        let mut next = Vec::new();
        for (index, state) in frontier {
            let successors = model.successors(&state);
            let at_rest = successors.quiet && state.phase == crate::scenario::VOID;
            let unkept = properties
                .iter()
                .find(|property| at_rest && !property.holds_at_rest(model, &state));
            if let Some(property) = unkept {
                let way = way_to(model, &reached, index);
                return broken(&reached, steps.len(), depth, trace(model, *property, way));
            }
            for (ordinal, (action, after)) in successors.next.into_iter().enumerate() {
                let found = known.entry(fingerprint(&after));
                let to = match &found {
                    Entry::Occupied(old) => *old.get(),
                    Entry::Vacant(_) => reached.len() as u32,
                };
                let unkept = properties
                    .iter()
                    .find(|property| !property.holds(model, &state, action, &after));
                if let Some(property) = unkept {
                    let mut way = way_to(model, &reached, index);
                    way.push((action, after));
                    return broken(&reached, steps.len(), depth, trace(model, *property, way));
                }
                steps.push((index, to));
                if let Entry::Vacant(new) = found {
                    new.insert(to);
                    reached.push((index, ordinal as u32));
                    next.push((to, after));
                }
            }
        }
        frontier = next;
        depth += usize::from(!frontier.is_empty());
    }
    Explored {
        states: reached.len(),
        steps: steps.len(),
        depth,
        counterexample: None,
        ends: is_acyclic(reached.len(), &steps),
    }
}

/// The steps that lead to a state.
fn way_to(model: &Model, reached: &[Reached], mut index: u32) -> Vec<(Action, State)> {
    let mut ordinals = Vec::new();
    while index != 0 {
        let (from, ordinal) = reached[index as usize];
        ordinals.push(ordinal as usize);
        index = from;
    }
    let mut state = model.initial();
    let mut way = Vec::with_capacity(ordinals.len());
    for ordinal in ordinals.into_iter().rev() {
        let (action, after) = model.successors(&state).next.swap_remove(ordinal);
        state = after.clone();
        way.push((action, after));
    }
    way
}

fn trace(model: &Model, property: Property, steps: Vec<(Action, State)>) -> Trace {
    Trace {
        property,
        scenario: model.scenario,
        missing: model.with.missing(),
        initial: model.initial(),
        steps,
    }
}

/// Kahn: whatever remains when states without a way in are taken away, again and again, lies on
/// a cycle.
fn is_acyclic(states: usize, steps: &[(u32, u32)]) -> bool {
    let mut ways_in = vec![0_u32; states];
    let mut first = vec![0_u32; states + 1];
    for (from, to) in steps {
        ways_in[*to as usize] += 1;
        first[*from as usize + 1] += 1;
    }
    for index in 0..states {
        first[index + 1] += first[index];
    }
    // Steps stand in the order of the state that they leave: states are numbered as they are
    // first met, and expanded in that order.
    let mut free: Vec<u32> = (0..states as u32)
        .filter(|index| ways_in[*index as usize] == 0)
        .collect();
    let mut taken = 0;
    while let Some(index) = free.pop() {
        taken += 1;
        let leaving = first[index as usize] as usize..first[index as usize + 1] as usize;
        for (_, to) in &steps[leaving] {
            ways_in[*to as usize] -= 1;
            if ways_in[*to as usize] == 0 {
                free.push(*to);
            }
        }
    }
    taken == states
}
