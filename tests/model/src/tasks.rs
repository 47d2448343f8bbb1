//! The task of a request, from the decision to the answer. The rules are those of
//! `command-svc/src/open.rs` and `knowledge.rs`.

use domain::commands::Claim;
use domain::vocabulary::{Outcome, Verdict};

use crate::actions::Appending;
use crate::check::Model;
use crate::fold::Folded;
use crate::scenario::{VOID, instant};
use crate::state::{Record, Stage, State, Told};

impl Model {
    /// Decides, or follows what is known already. None while the tails are behind.
    pub(crate) fn submit(&self, state: &mut State, request: u8) -> Option<()> {
        let (number, command) = (self.instance_of(request), self.command_of(request));
        let phase = state.phase;
        let instance = *state.instance(number);
        if self.with.fresh_tails {
            let mut unread = state.log[usize::from(instance.tail)..].iter();
            let behind = unread.any(|record| record.appended() < phase);
            let revoked = state.revoked.is_some_and(|revoked| revoked < phase);
            if behind || (revoked && !instance.knows_revocation) {
                return None;
            }
        }
        let folded = self.folds.fold(&state.log, instance.start, instance.tail);
        let stage = if folded.command(command).is_some() {
            follow(&folded, command)
        } else {
            let at = self.scenario.clock(number, phase);
            let known = instance.knows_revocation;
            let registry = self.world.registry(known, &state.uses, instance.uses_read);
            let verdict = self
                .world
                .decide(&registry, &folded.commands, command, phase, at);
            Stage::Decided { verdict, at }
        };
        let task = state.task(request);
        task.expires = phase;
        task.stage = stage;
        Some(())
    }

    pub(crate) fn append(&self, state: &mut State, request: u8, how: Appending) {
        let Stage::Decided { verdict, at } = state.task(request).stage else {
            return;
        };
        if how != Appending::Acknowledged {
            state.budget.faults -= 1;
            state.task(request).unavailable = true;
        }
        match how {
            Appending::Acknowledged | Appending::TimedOut => decided(state, request, verdict, at),
            Appending::TimedOutPending => state.task(request).pending = Some((verdict, at)),
            Appending::Failed => {}
        }
        let trusted = match how {
            Appending::Acknowledged => true,
            Appending::TimedOut | Appending::TimedOutPending => {
                !self.with.acknowledged_before_acting
            }
            Appending::Failed => false,
        };
        state.task(request).stage = match verdict {
            _ if !trusted => Stage::Done(Told::Unavailable),
            Verdict::Allow if !self.with.read_back => self.after_claim(),
            _ => Stage::Appended { at },
        };
    }

    /// Reads to the end; each claim is judged on the state folded up to its own record.
    pub(crate) fn read(&self, state: &mut State, number: u8) {
        let (from, end) = (state.instance(number).tail, state.end());
        for index in from..end {
            if let Record::Decided {
                request, verdict, ..
            } = state.log[usize::from(index)]
                && self.instance_of(request) == number
                && let Stage::Appended { at } = state.task(request).stage
            {
                let stage = self.claimed(state, request, verdict, at, index);
                state.task(request).stage = stage;
            }
        }
        state.instance(number).tail = end;
        let start = state.instance(number).start;
        let folded = self.folds.fold(&state.log, start, end);
        for request in 0..state.tasks.len() as u8 {
            if self.instance_of(request) == number && state.task(request).stage == Stage::Following
            {
                state.task(request).stage = follow(&folded, self.command_of(request));
            }
        }
    }

    fn claimed(&self, state: &State, request: u8, verdict: Verdict, at: u8, index: u8) -> Stage {
        let instance = state.instances[usize::from(self.instance_of(request))];
        let command = self.command_of(request);
        let folded = self.folds.fold(&state.log, instance.start, index + 1);
        match (folded.claim, verdict) {
            (Some(Claim::Won), Verdict::Allow) if self.with.second_decision => {
                let expires = state.tasks[usize::from(request)].expires;
                let known = instance.knows_revocation;
                let registry = self.world.registry(known, &state.uses, instance.uses_read);
                match self
                    .world
                    .decide(&registry, &folded.commands, command, expires, at)
                {
                    Verdict::Allow => self.after_claim(),
                    Verdict::Deny => Stage::Completing(Outcome::NotExecuted),
                }
            }
            (Some(Claim::Won), Verdict::Allow) => self.after_claim(),
            (Some(Claim::Lost), Verdict::Allow) if !self.with.losers_follow => self.after_claim(),
            (Some(Claim::Lost), _) => follow(&folded, command),
            (Some(Claim::TooLate), _) => Stage::Done(Told::Refused),
            (Some(Claim::Won) | None, _) => Stage::Done(Told::Denied),
        }
    }

    pub(crate) fn forget(&self, state: &mut State, number: u8) {
        let instance = *state.instance(number);
        let mut unread = state.log[usize::from(instance.tail)..].iter();
        if self.with.forgets_as_read && unread.any(|record| record.appended() < VOID) {
            return;
        }
        let folded = self.folds.fold(&state.log, instance.start, instance.tail);
        let mut commands = folded.commands.clone();
        commands.forget_settled(instant(self.scenario.clock(number, state.phase)));
        if commands.is_empty() {
            state.instance(number).start = instance.tail;
        }
    }

    pub(crate) fn call(&self, state: &mut State, request: u8) {
        let clock = self.scenario.clock(self.instance_of(request), state.phase);
        let task = state.task(request);
        if self.with.expiry_check && clock > task.expires {
            task.stage = Stage::Completing(Outcome::NotExecuted);
        } else {
            task.flights += 1;
            task.stage = Stage::Waiting;
        }
    }

    pub(crate) fn complete(&self, state: &mut State, request: u8, written: bool) {
        let Stage::Completing(outcome) = state.task(request).stage else {
            return;
        };
        if written {
            let appended = state.phase;
            state.log.push(Record::Completed {
                command: self.command_of(request),
                outcome,
                reconciled: false,
                appended,
            });
        } else {
            state.budget.faults -= 1;
        }
        state.task(request).stage = self.after_answer(outcome, written);
    }

    pub(crate) fn crash(&self, state: &mut State, number: u8, start: u8) {
        state.budget.crashes -= 1;
        for request in 0..state.tasks.len() as u8 {
            if self.instance_of(request) != number {
                continue;
            }
            let task = state.task(request);
            task.stage = match task.stage {
                Stage::Idle | Stage::Done(_) | Stage::Dead => task.stage,
                Stage::Won | Stage::Waiting | Stage::Doubt if !self.with.sent_once => Stage::Won,
                _ => Stage::Dead,
            };
        }
        let (end, uses_read, revoked) = (state.end(), state.uses.len(), state.revoked.is_some());
        let instance = state.instance(number);
        instance.uses_read = uses_read as u8;
        instance.knows_revocation = revoked;
        instance.start = start;
        instance.tail = end;
        instance.owned = None;
        if state.owner == Some(number) {
            state.owner = None;
        }
    }
}

/// What becomes of a request whose command another record rules.
fn follow(folded: &Folded, command: u8) -> Stage {
    match folded.command(command) {
        None => Stage::Done(Told::Refused),
        Some(first) if first.verdict == Verdict::Deny => Stage::Done(Told::Denied),
        Some(first) => first.outcome().map_or(Stage::Following, |outcome| {
            Stage::Done(Told::Outcome(outcome))
        }),
    }
}

pub(crate) fn decided(state: &mut State, request: u8, verdict: Verdict, at: u8) {
    let record = Record::Decided {
        request,
        verdict,
        at,
        expires: state.task(request).expires,
        appended: state.phase,
    };
    state.log.push(record);
}
