//! What each step does. A step that changes nothing is none.

use domain::vocabulary::Outcome;

use crate::actions::{Action, Asking};
use crate::check::Model;
use crate::state::{Owned, Stage, State, Use};
use crate::tasks::decided;

impl Model {
    /// The state after `action`, unless it changes nothing.
    pub(crate) fn apply(&self, state: &State, action: Action) -> Option<State> {
        let mut after = state.clone();
        let next = &mut after;
        match action {
            Action::Tick => return None,
            Action::Ask(request) => self.submit(next, request)?,
            Action::Append(request, how) => self.append(next, request, how),
            Action::Land(request) => {
                let (verdict, at) = next.task(request).pending.take()?;
                decided(next, request, verdict, at);
            }
            Action::AskForUse(request, how) => self.ask_for_use(next, request, how),
            Action::LandUse(request) => {
                next.task(request).pending_use = false;
                next.uses.push(self.consumed(next, request));
            }
            Action::GiveBackOneself(request) => {
                let Stage::GivingBack(told) = next.task(request).stage else {
                    return None;
                };
                self.give_back_oneself(next, request, told);
            }
            Action::GiveBack(command) => next.uses.push(Use::Returned { command }),
            Action::Read(instance) => self.read(next, instance),
            Action::ReadRegistry(instance) => self.read_registry(next, instance),
            Action::Forget(instance) => self.forget(next, instance),
            Action::Call(request) => self.call(next, request),
            Action::CallRefused(request) => {
                next.budget.faults -= 1;
                next.task(request).stage = Stage::Completing(Outcome::NotExecuted);
            }
            Action::Arrive {
                request,
                rejected,
                again,
            } => {
                let task = next.task(request);
                let expires = task.expires;
                if again {
                    next.budget.faults -= 1;
                } else {
                    task.flights -= 1;
                }
                self.arrive(next, self.command_of(request), expires, rejected);
            }
            Action::Actuate(command) => self.actuate(next, command),
            Action::Open(command) => {
                next.partner[usize::from(command)].open();
            }
            Action::Answer(request) => {
                let command = usize::from(self.command_of(request));
                let outcome = next.partner[command].known.outcome()?;
                next.task(request).stage = Stage::Completing(outcome);
            }
            Action::Silence(request) => {
                next.budget.faults -= 1;
                next.task(request).stage = Stage::Doubt;
            }
            Action::NotFound(request) => {
                next.budget.faults -= 1;
                next.task(request).stage = Stage::Completing(Outcome::NotExecuted);
            }
            Action::Fence(request, how) => {
                spend(next, how);
                let outcome = if self.with.fence_on_doubt {
                    self.ask(next, self.command_of(request), how)
                } else {
                    Outcome::NotExecuted
                };
                next.task(request).stage = Stage::Completing(outcome);
            }
            Action::Complete(request, written) => self.complete(next, request, written),
            Action::Crash(instance, start) => self.crash(next, instance, start),
            Action::Own(instance) => {
                if next.owner.is_some() {
                    next.budget.hand_overs -= 1;
                }
                next.owner = Some(instance);
                let start = next.committed;
                next.instance(instance).owned = Some(Owned {
                    start,
                    pending: None,
                });
            }
            Action::Disown(instance) => next.instance(instance).owned = None,
            Action::Reconcile(instance, command, how) => {
                spend(next, how);
                self.reconcile(next, instance, command, how);
            }
            Action::Record(instance, written) => {
                if !written {
                    next.budget.faults -= 1;
                }
                Self::record(next, instance, written);
            }
            Action::Commit(_, offset) => next.committed = offset,
            Action::Revoke => next.revoked = Some(next.phase),
        }
        self.make_canonical(next);
        (after != *state).then_some(after)
    }

    /// The command that a request is for.
    pub(crate) fn command_of(&self, request: u8) -> u8 {
        self.scenario.requests[usize::from(request)].command
    }

    /// The instance that a request arrives at.
    pub(crate) fn instance_of(&self, request: u8) -> u8 {
        self.scenario.requests[usize::from(request)].instance
    }
}

fn spend(state: &mut State, how: Asking) {
    if how != Asking::Answered {
        state.budget.faults -= 1;
    }
}
