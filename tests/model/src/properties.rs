//! What must hold: I1 to I4 of the invariants and the failure table, as far as the model goes.

use domain::vocabulary::{Outcome, Verdict};

use crate::actions::Action;
use crate::check::Model;
use crate::state::{Known, Record, Stage, State, Told};

/// Something that must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Property {
    /// I1: the partner is called only when the ALLOW is in the log.
    DurableBeforeCall,
    /// I1: only the winner of the claim calls the partner or completes as the instance that acted.
    LosersNeverAct,
    /// I3: a command opens at most once.
    OneOpening,
    /// I2: the effective outcome is what happened, and stays it: only EXECUTED opened, and
    /// nothing else ever opens.
    OutcomeIsTrue,
    /// A definite outcome is not replaced by another.
    OutcomeStays,
    /// The caller is told nothing that turns out wrong; who is denied, or told of a definite
    /// outcome, can rely on it.
    AnswerIsTrue,
    /// I2: when nothing goes on by itself any more, every winning ALLOW has a definite outcome.
    Settled,
    /// The partner acts on nothing that has expired.
    OpensInTime,
    /// A winner that wakes past expiry doesn't call.
    CallsInTime,
    /// Nothing is done for a caller that was told UNAVAILABLE.
    UnavailableIsFinal,
    /// The cooldown holds in log order, whichever instances decide.
    CooldownHolds,
    /// A limited pass opens no more often than it has uses.
    PassLimitHolds,
    /// At rest, a use is held by what opened and by nothing that didn't.
    UsesExact,
    /// A revocation holds for whatever is asked later than moments after it.
    RevocationHolds,
    /// Where nothing fails and no time is lost, what was allowed isn't forbidden.
    NoDoorLost,
}

impl Property {
    /// All of them.
    pub const ALL: &'static [Property] = &[
        Property::DurableBeforeCall,
        Property::LosersNeverAct,
        Property::OneOpening,
        Property::OutcomeIsTrue,
        Property::OutcomeStays,
        Property::AnswerIsTrue,
        Property::Settled,
        Property::OpensInTime,
        Property::CallsInTime,
        Property::UnavailableIsFinal,
        Property::CooldownHolds,
        Property::PassLimitHolds,
        Property::UsesExact,
        Property::RevocationHolds,
        Property::NoDoorLost,
    ];

    /// Whether the step from `before` to `after` keeps it.
    pub(crate) fn holds(
        self,
        model: &Model,
        before: &State,
        action: Action,
        after: &State,
    ) -> bool {
        let called = match action {
            Action::Call(request) if model.called(before, after, request) => Some(request),
            _ => None,
        };
        match self {
            Property::DurableBeforeCall => {
                called.is_none_or(|request| model.is_recorded(before, request))
            }
            Property::LosersNeverAct => {
                let acts = match action {
                    Action::Complete(request, _) => Some(request),
                    _ => called,
                };
                acts.is_none_or(|request| {
                    !model.is_recorded(before, request) || model.rules(before, request)
                })
            }
            Property::OneOpening => after.partner.iter().all(|at| at.openings <= 1),
            Property::OutcomeIsTrue => model.outcomes_are_true(after),
            Property::OutcomeStays => model.outcomes_stay(before, after),
            Property::AnswerIsTrue => model.answers_are_true(after),
            Property::Settled | Property::UsesExact => true,
            Property::OpensInTime => match action {
                Action::Actuate(command) => {
                    let command = usize::from(command);
                    match (before.partner[command].known, after.partner[command].known) {
                        (Known::Accepted { expires }, Known::Actuating) => before.phase <= expires,
                        _ => true,
                    }
                }
                Action::Arrive { request, .. } => {
                    let command = usize::from(model.command_of(request));
                    after.partner[command].openings == before.partner[command].openings
                        || before.phase <= before.tasks[usize::from(request)].expires
                }
                _ => true,
            },
            Property::CallsInTime => called.is_none_or(|request| {
                let clock = model
                    .scenario
                    .clock(model.instance_of(request), before.phase);
                clock <= before.tasks[usize::from(request)].expires
            }),
            Property::UnavailableIsFinal => {
                called.is_none_or(|request| !before.tasks[usize::from(request)].unavailable)
            }
            Property::CooldownHolds => {
                let openings: u8 = after.partner.iter().map(|at| at.openings).sum();
                !model.scenario.cooldown || openings <= 1
            }
            Property::PassLimitHolds => {
                let openings: u8 = after.partner.iter().map(|at| at.openings).sum();
                !model.scenario.pass || openings <= 1
            }
            Property::RevocationHolds => called.is_none_or(|request| {
                let asked = before.tasks[usize::from(request)].expires;
                before.revoked.is_none_or(|revoked| asked <= revoked)
            }),
            Property::NoDoorLost => model.no_door_is_lost(after),
        }
    }

    /// Whether a state keeps it in which nothing goes on by itself any more.
    pub(crate) fn holds_at_rest(self, model: &Model, state: &State) -> bool {
        match self {
            Property::Settled => model.is_settled(state),
            Property::UsesExact => model.uses_are_exact(state),
            _ => true,
        }
    }
}

impl Model {
    fn called(&self, before: &State, after: &State, request: u8) -> bool {
        let request = usize::from(request);
        after.tasks[request].flights > before.tasks[request].flights
    }

    fn is_recorded(&self, state: &State, request: u8) -> bool {
        state.log.iter().any(|record| {
            matches!(record, Record::Decided { request: of, verdict: Verdict::Allow, .. }
                if *of == request)
        })
    }

    /// By the whole log, this request's decision is the one that rules.
    fn rules(&self, state: &State, request: u8) -> bool {
        let folded = self.folds.fold(&state.log, 0, state.end());
        folded.winner(self.command_of(request)) == Some(request)
    }

    fn outcomes_are_true(&self, state: &State) -> bool {
        let folded = self.folds.fold(&state.log, 0, state.end());
        (0..self.scenario.commands()).all(|command| {
            let openings = state.partner[usize::from(command)].openings;
            let Some(first) = folded.command(command) else {
                return openings == 0;
            };
            match (first.verdict, first.outcome()) {
                (Verdict::Deny, _) => openings == 0,
                (_, Some(outcome)) if outcome.is_definite() => agrees(outcome, openings),
                _ => true,
            }
        })
    }

    fn outcomes_stay(&self, before: &State, after: &State) -> bool {
        if before.log.len() == after.log.len() {
            return true;
        }
        let was = self.folds.fold(&before.log, 0, before.end());
        let is = self.folds.fold(&after.log, 0, after.end());
        (0..self.scenario.commands()).all(|command| {
            was.outcome(command).is_none_or(|outcome| {
                !outcome.is_definite() || is.outcome(command) == Some(outcome)
            })
        })
    }

    fn answers_are_true(&self, state: &State) -> bool {
        state.tasks.iter().enumerate().all(|(request, task)| {
            let command = usize::from(self.command_of(request as u8));
            let openings = state.partner[command].openings;
            match task.stage {
                Stage::Done(Told::Denied) => openings == 0,
                Stage::Done(Told::Outcome(outcome)) | Stage::GivingBack(outcome)
                    if outcome.is_definite() =>
                {
                    agrees(outcome, openings)
                }
                _ => true,
            }
        })
    }

    fn is_settled(&self, state: &State) -> bool {
        let folded = self.folds.fold(&state.log, 0, state.end());
        (0..self.scenario.commands()).all(|command| {
            folded
                .command(command)
                .is_none_or(|command| !command.is_open())
        })
    }

    fn uses_are_exact(&self, state: &State) -> bool {
        !self.scenario.pass
            || state
                .partner
                .iter()
                .enumerate()
                .all(|(command, at)| self.holds_use(state, command as u8) == (at.openings > 0))
    }

    fn no_door_is_lost(&self, state: &State) -> bool {
        let limited = self.scenario.pass || self.scenario.cooldown || self.scenario.revocation;
        let nothing_failed = state.budget.faults == self.scenario.faults
            && state.budget.crashes == self.scenario.crashes
            && state.phase == 0;
        if limited || !nothing_failed {
            return true;
        }
        let forbidden = |known| matches!(known, Known::Forbidden | Known::Refused);
        state.partner.iter().all(|at| !forbidden(at.known))
    }
}

fn agrees(outcome: Outcome, openings: u8) -> bool {
    (outcome == Outcome::Executed) == (openings > 0)
}
