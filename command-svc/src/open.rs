//! One open command, from the decision to the answer: decide, record, claim, act, record,
//! answer. Runs in a task of its own: a client that hangs up changes nothing.

mod answer;
mod follow;
mod record;

use std::sync::Arc;
use std::time::Duration;

use domain::commands::Completion;
use domain::event::{CommandCompleted, DecisionInputs, Event, LogPosition, RequestContext};
use domain::registry::Perimeter;
use domain::vocabulary::{Reason, Verdict};
use domain::{Decision, OpenCommand};
use eventlog::Topic;
use jiff::Timestamp;
use service::trace::TraceContext;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};
use tracing::{info, warn};

pub(crate) use self::answer::Answer;
use crate::act;
use crate::gate::{Gate, Place};
use crate::knowledge::{Claimed, Knowledge};
use crate::partners::Partners;
use crate::recorder::Recorder;
use crate::refusal::Refusal;
use crate::uses::Uses;

/// A decision on its way to the log.
struct Decided {
    decision: Decision,
    event: Event,
    claimed: oneshot::Receiver<Claimed>,
    place: Option<Place>,
}

/// What opening needs.
pub(crate) struct Opener {
    /// The folds.
    pub knowledge: Arc<Knowledge>,
    /// The log.
    pub recorder: Arc<Recorder>,
    /// The partners.
    pub partners: Partners,
    /// Uses of limited passes.
    pub uses: Arc<Uses>,
    /// Kept of a deadline for the fence.
    pub fence_reserve: Duration,
}

impl Opener {
    /// Carries `command` through.
    ///
    /// # Errors
    /// The denial, or why nothing was carried out.
    pub(crate) async fn open(
        &self,
        command: OpenCommand,
        context: RequestContext,
        trace: TraceContext,
        deadline: Instant,
    ) -> Result<Answer, Refusal> {
        let now = Timestamp::now();
        let Some(decided) = self.decide(&command, context, now)? else {
            return self.follow(command.id, deadline).await;
        };
        let Decided {
            decision,
            event,
            claimed,
            place,
        } = decided;
        let appended = self
            .recorder
            .record(Topic::AccessEvents, &event, &trace)
            .await;
        let position = match appended {
            Ok(at) => LogPosition {
                partition: at.partition,
                offset: at.offset,
            },
            Err(_) => {
                // Never acted on. If it was written all the same, the reconciler closes it.
                self.knowledge.lock().forget_claim(event.id);
                return Err(Refusal::Log);
            }
        };
        let acknowledged = Instant::now();
        let Ok(Ok(claimed)) = timeout_at(deadline, claimed).await else {
            self.knowledge.lock().forget_claim(event.id);
            return Err(Refusal::Log);
        };
        metrics::histogram!("read_back_seconds").record(acknowledged.elapsed());
        metrics::histogram!("claim_seconds").record((Timestamp::now() - now).as_secs_f64());
        count(&decision);
        let second = match claimed {
            Claimed::Lost => {
                // Whoever merely waits takes nobody's place at the partner.
                drop(place);
                return self.follow_winner(&command, deadline).await;
            }
            Claimed::TooLate => return Err(Refusal::Denied(Reason::CommandExpired)),
            Claimed::Won(None) => {
                let state = self.knowledge.lock();
                let (device, reason) = (&command.device, decision.reason);
                return Err(Refusal::denied(&state.registry, device, reason));
            }
            Claimed::Won(Some(second)) => *second,
        };
        let limited = second.0.uses_left.is_some();
        let completed = match self
            .uses
            .consume(&command, &second.0, now, &trace, deadline)
            .await
        {
            // It has a use, or needs none.
            Ok(()) => self.act(&command, second, deadline).await,
            Err(completed) => completed,
        };
        if let Some(place) = place {
            place.ended(&completed);
        }
        let answer = self
            .complete(&command, now, position, completed, &trace)
            .await;
        if limited && answer.recorded {
            self.uses.settle(&command, &trace, deadline).await;
        }
        Ok(answer)
    }

    /// Decides, and registers for the record to come back. None: the command is known
    /// already, and asks for the same. An ALLOW has a place at its partner, or is not
    /// recorded: whoever has no right is denied before that and learns nothing of it.
    fn decide(
        &self,
        command: &OpenCommand,
        context: RequestContext,
        now: Timestamp,
    ) -> Result<Option<Decided>, Refusal> {
        let mut state = self.knowledge.lock();
        if let Some(first) = state.command(command.id) {
            let same = first.request_digest == command.request_digest;
            return if same {
                Ok(None)
            } else {
                Err(Refusal::KeyReused)
            };
        }
        if state.is_refused(&command.complex) {
            return Err(Refusal::Stale);
        }
        let at = state.instant(&command.complex, now);
        let (decision, inputs) = state.decide(command, at);
        let place = match (decision.verdict, &decision.partner) {
            (Verdict::Allow, Some(id)) => self.partners.gate(id).map(Gate::enter).transpose()?,
            _ => None,
        };
        let event = record::decided(command, now, &decision, inputs, context);
        let claimed = state.await_claim(event.id, command.clone(), at);
        Ok(Some(Decided {
            decision,
            event,
            claimed,
            place,
        }))
    }

    /// The winner acts, unless the second decision denies.
    async fn act(
        &self,
        command: &OpenCommand,
        (second, inputs): (Decision, DecisionInputs),
        deadline: Instant,
    ) -> CommandCompleted {
        if second.verdict == Verdict::Deny {
            return CommandCompleted {
                reason: second.reason,
                second_inputs: Some(inputs),
                ..act::completed(command.id)
            };
        }
        let client = second.partner.as_ref().and_then(|id| self.partners.get(id));
        let perimeter = second
            .partner
            .as_ref()
            .and_then(|id| self.perimeter(command, id));
        act::open(
            client,
            perimeter.as_ref(),
            command,
            deadline,
            self.fence_reserve,
        )
        .await
    }

    fn perimeter(&self, command: &OpenCommand, partner: &domain::PartnerId) -> Option<Perimeter> {
        let state = self.knowledge.lock();
        state
            .registry
            .perimeter(&command.complex, partner)
            .map(|(_, perimeter)| perimeter.clone())
    }

    /// Records what became of it. Where that fails the reconciler does it later.
    async fn complete(
        &self,
        command: &OpenCommand,
        decided_at: Timestamp,
        position: LogPosition,
        completed: CommandCompleted,
        trace: &TraceContext,
    ) -> Answer {
        metrics::counter!("commands_total", "outcome" => completed.outcome.as_str(),
            "reason" => completed.reason.as_str())
        .increment(1);
        let at = Timestamp::now();
        let event = record::completed(command, completed.clone(), at);
        let recorded = self
            .recorder
            .record(Topic::AccessEvents, &event, trace)
            .await
            .is_ok();
        info!(command = %command.id, device = %command.device, outcome = %completed.outcome,
            reason = %completed.reason, recorded, "command completed");
        if !recorded {
            warn!(command = %command.id, "completion not recorded yet; the reconciler will");
        }
        Answer {
            command: command.id,
            decided_at,
            position,
            completion: Completion { completed, at },
            recorded,
        }
    }
}

fn count(decision: &Decision) {
    metrics::counter!("decisions_total", "verdict" => decision.verdict.as_str(),
        "reason" => decision.reason.as_str())
    .increment(1);
}
