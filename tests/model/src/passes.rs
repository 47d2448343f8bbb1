//! Uses of a limited pass: asked for by the winner, given back by the reconciler.

use domain::registry::Consumption;
use domain::vocabulary::Outcome;

use crate::actions::Appending;
use crate::check::Model;
use crate::state::{Owned, Stage, State, Told, Use};

impl Model {
    /// What the winner does next.
    pub(crate) fn after_claim(&self) -> Stage {
        if self.scenario.pass && self.with.use_before_call {
            Stage::NeedsUse
        } else {
            Stage::Won
        }
    }

    /// The record that asks for a use.
    pub(crate) fn consumed(&self, state: &State, request: u8) -> Use {
        Use::Consumed {
            command: self.command_of(request),
            appended: state.phase,
        }
    }

    /// Asks for a use. Nothing is done where the append's result is unknown.
    pub(crate) fn ask_for_use(&self, state: &mut State, request: u8, how: Appending) {
        match how {
            Appending::Acknowledged | Appending::TimedOut => {
                state.uses.push(self.consumed(state, request));
            }
            Appending::TimedOutPending => state.task(request).pending_use = true,
            Appending::Failed => {}
        }
        state.task(request).stage = if how == Appending::Acknowledged {
            if self.with.use_read_back {
                Stage::AskedForUse
            } else {
                Stage::Won
            }
        } else {
            state.budget.faults -= 1;
            Stage::Completing(Outcome::NotExecuted)
        };
    }

    /// Reads the registry to its end; who got a use is judged at each record's own place.
    pub(crate) fn read_registry(&self, state: &mut State, number: u8) {
        let (from, end) = (state.instance(number).uses_read, state.uses.len() as u8);
        state.instance(number).knows_revocation = state.revoked.is_some();
        state.instance(number).uses_read = end;
        for index in from..end {
            let Use::Consumed { command, .. } = state.uses[usize::from(index)] else {
                continue;
            };
            for request in 0..state.tasks.len() as u8 {
                if self.instance_of(request) == number
                    && self.command_of(request) == command
                    && state.task(request).stage == Stage::AskedForUse
                {
                    let consumption = self.world.consumption(&state.uses, index);
                    state.task(request).stage = match consumption {
                        Some(Consumption::Held) => Stage::Won,
                        _ => Stage::Completing(Outcome::NotExecuted),
                    };
                }
            }
        }
    }

    /// The commands whose use a reconciler owes back: they are known not to have opened.
    pub(crate) fn owes(&self, state: &State, owned: Owned) -> Vec<u8> {
        if !self.scenario.pass || !self.with.reconciler_returns {
            return Vec::new();
        }
        let folded = self.folds.fold(&state.log, owned.start, state.end());
        (0..self.scenario.commands())
            .filter(|command| is_unused(folded.outcome(*command)))
            .filter(|command| self.holds_use(state, *command))
            .collect()
    }

    /// Whether a command has a use, by the whole log.
    pub(crate) fn holds_use(&self, state: &State, command: u8) -> bool {
        let registry = self
            .world
            .registry(false, &state.uses, state.uses.len() as u8);
        self.world.holds_use(&registry, command)
    }

    /// What follows the answer.
    pub(crate) fn after_answer(&self, outcome: Outcome, written: bool) -> Stage {
        if self.scenario.pass && written && is_unused(Some(outcome)) {
            Stage::GivingBack(outcome)
        } else {
            Stage::Done(Told::Outcome(outcome))
        }
    }

    /// The one that was to open gives its use back, if the command is known not to have opened.
    pub(crate) fn give_back_oneself(&self, state: &mut State, request: u8, told: Outcome) {
        let command = self.command_of(request);
        let folded = self.folds.fold(&state.log, 0, state.end());
        if is_unused(folded.outcome(command)) && self.holds_use(state, command) {
            state.uses.push(Use::Returned { command });
        }
        state.task(request).stage = Stage::Done(Told::Outcome(told));
    }
}

/// Known not to have opened.
fn is_unused(outcome: Option<Outcome>) -> bool {
    matches!(outcome, Some(Outcome::Rejected | Outcome::NotExecuted))
}
