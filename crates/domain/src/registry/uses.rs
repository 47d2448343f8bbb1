//! Uses of limited passes, exact whatever crashes or comes late.
//!
//! The winner of a claim asks for a use by a record of its own, and acts only where this fold
//! says at that record's place that it has one. So no more commands act than there are uses. A
//! use goes back when its command is known not to have opened. A record that asks so late that
//! its command's key can't be used any more is void: whoever gives uses back has to watch a
//! command no longer than that.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::{GuestPass, Registry};
use crate::commands::is_too_late;
use crate::event::{PassUseConsumed, PassUseReturned};
use crate::id::{CommandId, ComplexId, PassId};

/// The commands that have a use, by limited pass; at most as many as the pass has uses.
pub(super) type Uses = BTreeMap<PassId, BTreeSet<CommandId>>;

/// What a record that asks for a use came to, by its place in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consumption {
    /// The command has a use.
    Held,
    /// None was left.
    Exhausted,
    /// It stands too late after its key's time, or there is no such pass.
    Void,
}

impl Registry {
    /// Folds a record that asks for a use and was appended at `append_time`. The same record
    /// again changes nothing.
    pub fn fold_consumed(
        &mut self,
        complex: &ComplexId,
        consumed: &PassUseConsumed,
        append_time: Timestamp,
    ) -> Consumption {
        if is_too_late(consumed.key_time, append_time) {
            return Consumption::Void;
        }
        let Some((_, pass)) = self.pass(complex, &consumed.pass) else {
            return Consumption::Void;
        };
        let left = self.uses_left(complex, pass);
        let Some(state) = self.complexes.get_mut(complex) else {
            return Consumption::Void;
        };
        let held = Arc::make_mut(state).uses.entry(consumed.pass).or_default();
        if held.contains(&consumed.command) {
            return Consumption::Held;
        }
        if left == Some(0) {
            return Consumption::Exhausted;
        }
        held.insert(consumed.command);
        Consumption::Held
    }

    /// Folds a record that gives a use back. False: the command had none.
    pub fn fold_returned(&mut self, complex: &ComplexId, returned: &PassUseReturned) -> bool {
        self.complexes
            .get_mut(complex)
            .and_then(|state| Arc::make_mut(state).uses.get_mut(&returned.pass))
            .is_some_and(|held| held.remove(&returned.command))
    }

    /// How many uses are left of a pass; none where it is not limited.
    pub fn uses_left(&self, complex: &ComplexId, pass: &GuestPass) -> Option<u32> {
        let held = self.complexes.get(complex)?.uses.get(&pass.id);
        let held = held.map_or(0, BTreeSet::len);
        let left = pass
            .max_uses
            .saturating_sub(u32::try_from(held).unwrap_or(u32::MAX));
        (pass.max_uses != 0).then_some(left)
    }

    /// Whether `command` has a use of the pass.
    pub fn holds_use(&self, complex: &ComplexId, pass: PassId, command: CommandId) -> bool {
        self.complexes
            .get(complex)
            .and_then(|state| state.uses.get(&pass))
            .is_some_and(|held| held.contains(&command))
    }
}

#[cfg(test)]
mod tests;
