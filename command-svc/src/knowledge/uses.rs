//! Uses of limited passes, as the registry's tail tells them to whoever asked.

use std::collections::HashMap;

use domain::event::{DecisionInputs, PassUseConsumed, PassUseReturned};
use domain::registry::Consumption;
use domain::vocabulary::Verdict;
use domain::{CommandId, ComplexId, Decision, EventId, Instant, OpenCommand};
use jiff::Timestamp;
use tokio::sync::oneshot;

use super::State;

/// A record that asks for a use came back in log order.
#[derive(Debug)]
pub(crate) enum Use {
    /// The command has one.
    Held,
    /// Judged on the registry folded up to the record, the command is denied now.
    Denied(Box<(Decision, DecisionInputs)>),
    /// It came too late and is void.
    Void,
}

struct Claimant {
    command: OpenCommand,
    at: Instant,
    answer: oneshot::Sender<Use>,
}

/// Who waits for a use to come back, or to be given back.
#[derive(Default)]
pub(super) struct UseWaiters {
    consumed: HashMap<EventId, Claimant>,
    returned: HashMap<CommandId, Vec<oneshot::Sender<()>>>,
}

impl UseWaiters {
    /// Forgets whoever waited in vain.
    pub(super) fn forget(&mut self) {
        self.consumed
            .retain(|_, claimant| !claimant.answer.is_closed());
        self.returned.retain(|_, waiting| {
            waiting.retain(|waiter| !waiter.is_closed());
            !waiting.is_empty()
        });
    }
}

impl State {
    /// Waits for the record `event`, which asks for a use for `command`, to come back. Call it
    /// before the append.
    pub(crate) fn await_use(
        &mut self,
        event: EventId,
        command: OpenCommand,
        at: Instant,
    ) -> oneshot::Receiver<Use> {
        let (answer, told) = oneshot::channel();
        let claimant = Claimant {
            command,
            at,
            answer,
        };
        self.uses.consumed.insert(event, claimant);
        told
    }

    /// Waits for the use of `command` to be given back. Call it before the append.
    pub(crate) fn await_return(&mut self, command: CommandId) -> oneshot::Receiver<()> {
        let (tell, told) = oneshot::channel();
        self.uses.returned.entry(command).or_default().push(tell);
        told
    }

    pub(super) fn fold_consumed(
        &mut self,
        event: EventId,
        complex: &ComplexId,
        consumed: &PassUseConsumed,
        append_time: Timestamp,
    ) {
        // Judged before its own record takes a use.
        let claimant = self.uses.consumed.remove(&event);
        let third = claimant
            .as_ref()
            .map(|claimant| self.decide(&claimant.command, claimant.at));
        let consumption = self.registry.fold_consumed(complex, consumed, append_time);
        let (Some(claimant), Some(third)) = (claimant, third) else {
            return;
        };
        let told = match consumption {
            _ if third.0.verdict == Verdict::Deny => Use::Denied(Box::new(third)),
            Consumption::Held => Use::Held,
            Consumption::Exhausted | Consumption::Void => Use::Void,
        };
        let _ = claimant.answer.send(told);
    }

    pub(super) fn fold_returned(&mut self, complex: &ComplexId, returned: &PassUseReturned) {
        self.registry.fold_returned(complex, returned);
        for waiter in self
            .uses
            .returned
            .remove(&returned.command)
            .into_iter()
            .flatten()
        {
            let _ = waiter.send(());
        }
    }
}
