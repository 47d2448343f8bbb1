//! Uses of limited passes: asked for by the winner of a claim before it acts, and given back
//! where nothing was opened.

use std::sync::Arc;
use std::time::Duration;

use domain::decide::Asker;
use domain::event::{Actor, Body, CommandCompleted, Event, PassUseConsumed, PassUseReturned};
use domain::vocabulary::{ActorKind, Outcome, Reason, Verdict};
use domain::{CommandId, ComplexId, Decision, DeviceId, EventId, OpenCommand, PassId};
use eventlog::Topic;
use jiff::Timestamp;
use service::trace::TraceContext;
use tokio::time::{Instant, timeout, timeout_at};
use tracing::info;
use uuid::Uuid;

use crate::act;
use crate::knowledge::{Knowledge, Use};
use crate::recorder::{Recorder, SOURCE};

/// How long a return may take to come back from the log; afterwards it is tried again.
const READ_BACK: Duration = Duration::from_secs(5);

/// Asks for uses, and gives them back.
pub(crate) struct Uses {
    knowledge: Arc<Knowledge>,
    recorder: Arc<Recorder>,
}

/// A command that is known not to have opened.
#[derive(Debug, Clone)]
pub(crate) struct Unused {
    /// It.
    pub command: CommandId,
    /// The pass that it was sent with.
    pub pass: PassId,
    /// Where that is registered.
    pub complex: ComplexId,
    /// What it did not open.
    pub device: DeviceId,
}

impl Uses {
    /// Records with `recorder`, and reads back in `knowledge`.
    pub(crate) fn new(knowledge: Arc<Knowledge>, recorder: Arc<Recorder>) -> Self {
        Self {
            knowledge,
            recorder,
        }
    }

    /// Asks for a use for the winner of a claim, whose second decision, `second`, was made with
    /// the clock reading `now`. Where the pass isn't limited, or the decision denies, there is
    /// nothing to ask for.
    ///
    /// # Errors
    /// The command's completion: it has no use, so nothing may be sent. If the log gives it one
    /// all the same, the reconciler gives that back.
    pub(crate) async fn consume(
        &self,
        command: &OpenCommand,
        second: &Decision,
        now: Timestamp,
        trace: &TraceContext,
        deadline: Instant,
    ) -> Result<(), CommandCompleted> {
        let (Asker::Guest(pass), Some(_), Verdict::Allow) =
            (command.asker, second.uses_left, second.verdict)
        else {
            return Ok(());
        };
        let refuse = |reason| CommandCompleted {
            reason,
            ..act::completed(command.id)
        };
        let consumed = PassUseConsumed {
            pass,
            command: command.id,
            key_time: command.key_time,
        };
        let actor = Actor {
            kind: ActorKind::Guest,
            subject: Some(pass.0),
            caller: command.caller.to_string(),
        };
        let body = Body::PassUseConsumed(consumed);
        let event = event(&command.complex, &command.device, command.id, actor, body);
        let told = {
            let mut state = self.knowledge.lock();
            let at = state.instant(&command.complex, now);
            state.await_use(event.id, command.clone(), at)
        };
        let topic = Topic::RegistryEvents;
        if self.recorder.record(topic, &event, trace).await.is_err() {
            return Err(refuse(Reason::RegistryStale));
        }
        match timeout_at(deadline, told).await {
            Ok(Ok(Use::Held)) => Ok(()),
            Ok(Ok(Use::Denied(third))) => Err(CommandCompleted {
                second_inputs: Some(third.1),
                ..refuse(third.0.reason)
            }),
            Ok(Ok(Use::Void)) => Err(refuse(Reason::CommandExpired)),
            _ => Err(refuse(Reason::RegistryStale)),
        }
    }

    /// Gives the use of a command back that has been completed, if its effective outcome says
    /// that nothing was opened; so that the guest's next press finds it. What is missed here the
    /// reconciler does.
    pub(crate) async fn settle(
        &self,
        command: &OpenCommand,
        trace: &TraceContext,
        deadline: Instant,
    ) {
        let Asker::Guest(pass) = command.asker else {
            return;
        };
        let Ok(outcome) = timeout_at(deadline, self.outcome(command.id)).await else {
            return;
        };
        if matches!(outcome, Some(Outcome::Rejected | Outcome::NotExecuted)) {
            let unused = Unused {
                command: command.id,
                pass,
                complex: command.complex.clone(),
                device: command.device.clone(),
            };
            self.give_back(&unused, trace).await;
        }
    }

    /// The first completion that the fold shows of a command.
    async fn outcome(&self, id: CommandId) -> Option<Outcome> {
        loop {
            let told = {
                let mut state = self.knowledge.lock();
                if let outcome @ Some(_) = state.command(id)?.outcome() {
                    return outcome;
                }
                state.await_completion(id)
            };
            told.await.ok()?;
        }
    }

    /// Whether the command has a use, as far as this instance knows.
    pub(crate) fn is_held(&self, unused: &Unused) -> bool {
        let state = self.knowledge.lock();
        state
            .registry
            .holds_use(&unused.complex, unused.pass, unused.command)
    }

    /// Gives a use back, if the command has one, and waits until that is read back. Call it only
    /// for a command whose effective outcome is REJECTED or NOT_EXECUTED.
    pub(crate) async fn give_back(&self, unused: &Unused, trace: &TraceContext) {
        if !self.is_held(unused) {
            return;
        }
        let actor = Actor {
            kind: ActorKind::Service,
            subject: Some(unused.pass.0),
            caller: SOURCE.to_owned(),
        };
        let body = Body::PassUseReturned(PassUseReturned {
            pass: unused.pass,
            command: unused.command,
        });
        let event = event(&unused.complex, &unused.device, unused.command, actor, body);
        let told = self.knowledge.lock().await_return(unused.command);
        let topic = Topic::RegistryEvents;
        if self.recorder.record(topic, &event, trace).await.is_ok() {
            // Not read back in time: it is looked at again.
            let _ = timeout(READ_BACK, told).await;
            info!(command = %unused.command, "use of a pass given back");
        }
    }
}

fn event(
    complex: &ComplexId,
    device: &DeviceId,
    command: CommandId,
    actor: Actor,
    body: Body,
) -> Event {
    Event {
        id: EventId(Uuid::now_v7()),
        occurred_at: Timestamp::now(),
        complex: complex.clone(),
        device: Some(device.clone()),
        actor,
        correlation: command.to_string(),
        body,
    }
}
