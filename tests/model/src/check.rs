//! The model: a scenario, explored with or without parts of the design.

use crate::actions::Action;
use crate::fold::Folds;
use crate::ingredients::Ingredients;
use crate::scenario::{FORGOTTEN, KEY_OLD, Scenario, VOID};
use crate::state::State;
use crate::world::World;

/// What is explored.
pub struct Model {
    /// Its bounds.
    pub scenario: Scenario,
    /// The parts of the design that are there.
    pub with: Ingredients,
    pub(crate) folds: Folds,
    pub(crate) world: World,
}

/// What may follow a state.
pub struct Successors {
    /// Each step, with the state after it.
    pub next: Vec<(Action, State)>,
    /// Nothing goes on by itself any more.
    pub quiet: bool,
}

impl Model {
    /// `scenario` with these parts of the design.
    pub fn new(scenario: Scenario, with: Ingredients) -> Self {
        Self {
            scenario,
            with,
            folds: Folds::new(scenario.requests, with),
            world: World::new(&scenario, with),
        }
    }

    /// Before anything happened.
    pub fn initial(&self) -> State {
        State::initial(&self.scenario)
    }

    /// What may follow `state`.
    pub fn successors(&self, state: &State) -> Successors {
        let mut quiet = true;
        let mut next: Vec<_> = self
            .actions(state)
            .into_iter()
            .filter_map(|action| {
                let after = self.apply(state, action)?;
                quiet &= !action.is_progress();
                Some((action, after))
            })
            .collect();
        // In a day everything that can go on by itself does; unless nothing runs for a day.
        let may_tick = state.phase != VOID || quiet || state.budget.outage;
        if let Some(phase) = self.scenario.after(state.phase).filter(|_| may_tick) {
            let mut after = state.clone();
            after.phase = phase;
            if state.phase == VOID && !quiet {
                after.budget.outage = false;
            }
            if after.phase == FORGOTTEN || !self.with.partner_memory_lasts {
                Self::forget_at_partner(&mut after);
            }
            self.make_canonical(&mut after);
            next.push((Action::Tick, after));
        }
        Successors { next, quiet }
    }

    /// Where a fold may begin that is hydrated now: everything, while any of it is young; later
    /// any part of what is old may be missing.
    pub(crate) fn hydrations(&self, state: &State) -> Vec<u8> {
        let young = state
            .log
            .iter()
            .position(|record| record.appended() >= state.phase);
        let young = young.map_or(state.end(), |index| index as u8);
        match state.phase {
            ..=KEY_OLD => vec![0],
            VOID => (0..=young).collect(),
            _ => vec![young],
        }
    }
}
