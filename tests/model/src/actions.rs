//! What may happen next.

use crate::check::Model;
use crate::scenario::{FORGOTTEN, FRESH, VOID};
use crate::state::{Known, Stage, State, Task};

/// How an append ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Appending {
    /// Written and acknowledged.
    Acknowledged,
    /// Timed out, but written.
    TimedOut,
    /// Timed out; may be written later.
    TimedOutPending,
    /// Not written.
    Failed,
}

/// How a question to the fence ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Asking {
    /// Answered.
    Answered,
    /// It took effect; the answer is lost.
    AnswerLost,
    /// It never arrived.
    Lost,
}

/// One step. Numbers name requests, instances and commands, as in the scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Time goes on.
    Tick,
    /// A client asks; the instance decides or follows.
    Ask(u8),
    /// The decision is appended.
    Append(u8, Appending),
    /// The winner asks for a use of the pass.
    AskForUse(u8, Appending),
    /// Such a request whose append had timed out is written after all.
    LandUse(u8),
    /// The one that was to open gives its use back.
    GiveBackOneself(u8),
    /// A reconciler gives a command's use back.
    GiveBack(u8),
    /// A record whose append had timed out is written after all.
    Land(u8),
    /// An instance reads the access topic to its end.
    Read(u8),
    /// An instance reads the registry to its end.
    ReadRegistry(u8),
    /// An instance forgets what is settled and old.
    Forget(u8),
    /// The winner calls the partner, if the command has not expired.
    Call(u8),
    /// The partner can't be connected to: nothing was sent.
    CallRefused(u8),
    /// The open arrives.
    Arrive {
        /// Whose.
        request: u8,
        /// The device says no.
        rejected: bool,
        /// The network will deliver it once more.
        again: bool,
    },
    /// The partner takes a queued command beyond the point of no return.
    Actuate(u8),
    /// The device opens.
    Open(u8),
    /// The partner's answer arrives.
    Answer(u8),
    /// No usable answer arrives in time.
    Silence(u8),
    /// A bare 404 arrives.
    NotFound(u8),
    /// The task asks the fence.
    Fence(u8, Asking),
    /// The task records the outcome and answers; or it answers, and the record is lost.
    Complete(u8, bool),
    /// An instance crashes and starts again, hydrated from this offset on.
    Crash(u8, u8),
    /// An instance's reconciler is given the partition.
    Own(u8),
    /// A reconciler learns that it has lost the partition.
    Disown(u8),
    /// A reconciler asks the fence about a command.
    Reconcile(u8, u8, Asking),
    /// A reconciler records what the fence said; or the record is lost.
    Record(u8, bool),
    /// A reconciler commits.
    Commit(u8, u8),
    /// An operator revokes the grant.
    Revoke,
}

impl Action {
    /// Whether it happens by itself, sooner or later, while nothing fails.
    pub(crate) fn is_progress(self) -> bool {
        match self {
            Action::Append(_, how) | Action::AskForUse(_, how) => how == Appending::Acknowledged,
            Action::Fence(_, how) | Action::Reconcile(_, _, how) => how == Asking::Answered,
            Action::Arrive { again, .. } => !again,
            Action::Complete(_, written) | Action::Record(_, written) => written,
            Action::Read(_)
            | Action::ReadRegistry(_)
            | Action::Call(_)
            | Action::Actuate(_)
            | Action::Open(_)
            | Action::Answer(_)
            | Action::GiveBackOneself(_)
            | Action::GiveBack(_)
            | Action::Own(_) => true,
            _ => false,
        }
    }
}

fn appends(actions: &mut Vec<Action>, may_fail: bool, append: impl Fn(Appending) -> Action) {
    actions.push(append(Appending::Acknowledged));
    if may_fail {
        actions.push(append(Appending::TimedOut));
        actions.push(append(Appending::TimedOutPending));
        actions.push(append(Appending::Failed));
    }
}

const ASKINGS: [Asking; 3] = [Asking::Answered, Asking::AnswerLost, Asking::Lost];

impl Model {
    /// Everything that may happen, besides time. Some of it may turn out to change nothing.
    pub(crate) fn actions(&self, state: &State) -> Vec<Action> {
        let mut actions = Vec::with_capacity(24);
        if !self.scenario.delays {
            let called = |task: &Task| task.flights > 0;
            if let Some(request) = state.tasks.iter().position(called) {
                self.of_network(state, request as u8, &mut actions);
                return actions;
            }
        }
        for request in 0..state.tasks.len() {
            self.of_task(state, request as u8, &mut actions);
        }
        for command in 0..state.partner.len() {
            match state.partner[command].known {
                Known::Accepted { .. } => actions.push(Action::Actuate(command as u8)),
                Known::Actuating => actions.push(Action::Open(command as u8)),
                _ => {}
            }
        }
        for instance in 0..2 {
            self.of_instance(state, instance, &mut actions);
        }
        if self.scenario.revocation && state.revoked.is_none() && state.phase < VOID {
            actions.push(Action::Revoke);
        }
        actions
    }

    fn of_task(&self, state: &State, request: u8, actions: &mut Vec<Action>) {
        let task = &state.tasks[usize::from(request)];
        let may_fail = state.budget.faults > 0;
        if task.pending.is_some() && state.phase < FORGOTTEN {
            actions.push(Action::Land(request));
        }
        if task.pending_use {
            actions.push(Action::LandUse(request));
        }
        self.of_network(state, request, actions);
        match task.stage {
            Stage::Idle if state.phase <= self.scenario.last_request => {
                actions.push(Action::Ask(request));
            }
            Stage::Decided { .. } => {
                appends(actions, may_fail, |how| Action::Append(request, how));
            }
            Stage::NeedsUse => {
                appends(actions, may_fail, |how| Action::AskForUse(request, how));
            }
            Stage::Won => {
                actions.push(Action::Call(request));
                if may_fail {
                    actions.push(Action::CallRefused(request));
                }
            }
            // The deadline is a matter of seconds.
            Stage::Waiting | Stage::Doubt if state.phase == FORGOTTEN => {}
            Stage::Waiting => {
                actions.push(Action::Answer(request));
                if may_fail {
                    actions.push(Action::Silence(request));
                    if !self.with.bare_404_is_doubt {
                        actions.push(Action::NotFound(request));
                    }
                }
            }
            Stage::Doubt => {
                for how in ASKINGS {
                    if how == Asking::Answered || may_fail {
                        actions.push(Action::Fence(request, how));
                    }
                }
            }
            Stage::GivingBack(_) => actions.push(Action::GiveBackOneself(request)),
            Stage::Completing(_) => {
                actions.push(Action::Complete(request, true));
                if may_fail {
                    actions.push(Action::Complete(request, false));
                }
            }
            _ => {}
        }
    }

    fn of_network(&self, state: &State, request: u8, actions: &mut Vec<Action>) {
        let task = &state.tasks[usize::from(request)];
        let twice = self.scenario.delays && state.budget.faults > 0;
        if task.flights > 0 {
            for rejected in [false, true] {
                if rejected && !self.scenario.rejections {
                    continue;
                }
                for again in [false, true] {
                    if !again || twice {
                        actions.push(Action::Arrive {
                            request,
                            rejected,
                            again,
                        });
                    }
                }
            }
        }
    }

    fn of_instance(&self, state: &State, number: u8, actions: &mut Vec<Action>) {
        let instance = &state.instances[usize::from(number)];
        if instance.tail < state.end() {
            actions.push(Action::Read(number));
        }
        let unread = usize::from(instance.uses_read) < state.uses.len();
        if unread || (state.revoked.is_some() && !instance.knows_revocation) {
            actions.push(Action::ReadRegistry(number));
        }
        if state.phase >= VOID && instance.start < instance.tail {
            actions.push(Action::Forget(number));
        }
        if state.budget.crashes > 0 {
            for start in self.hydrations(state) {
                actions.push(Action::Crash(number, start));
            }
        }
        let changes = state.budget.hand_overs > 0 || state.budget.crashes > 0;
        if state.owner.is_none() || (state.owner != Some(number) && state.budget.hand_overs > 0) {
            actions.push(Action::Own(number));
        }
        let Some(owned) = instance.owned else {
            return;
        };
        if state.owner != Some(number) {
            actions.push(Action::Disown(number));
        }
        if owned.pending.is_some() {
            actions.push(Action::Record(number, true));
            if state.budget.faults > 0 {
                actions.push(Action::Record(number, false));
            }
            return;
        }
        for command in self.due(state, number, owned) {
            for how in ASKINGS {
                if how == Asking::Answered || state.budget.faults > 0 {
                    actions.push(Action::Reconcile(number, command, how));
                }
            }
        }
        // Until it has expired that is left to its winner.
        let owes = match state.phase {
            FRESH => Vec::new(),
            _ => self.owes(state, owned),
        };
        for command in owes {
            actions.push(Action::GiveBack(command));
        }
        // Only a successor reads what was committed.
        if !changes {
            return;
        }
        for offset in self.commits(state, number, owned) {
            actions.push(Action::Commit(number, offset));
        }
    }
}
